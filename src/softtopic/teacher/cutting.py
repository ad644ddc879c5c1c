"""Which of a long document's tokens are read."""

from collections.abc import Sequence

from softtopic.errors import InputError

CUTS = ("head", "head-tail", "windows")

# At most so many windows of one document, at equal distances.
WINDOWS = 8


def check_cut(cut: str) -> None:
    """Raises InputError for a way of cutting that is not known."""
    if cut not in CUTS:
        raise InputError(f"cut {cut!r} is not known; choose one of {', '.join(CUTS)}")


def pieces(tokens: Sequence[int], size: int, cut: str, gap: Sequence[int]) -> list[list[int]]:
    """What is read of a document of more than `size` tokens, in pieces of at most `size`; a shorter one whole.

    "head": its beginning. "head-tail": the first and the last half of that many tokens, `gap` (as ` ...`) between them.
    "windows": up to WINDOWS pieces of equal length, together the whole document where it is short enough.
    """
    if len(tokens) <= size:
        return [list(tokens)]
    if cut == "windows":
        count = min(WINDOWS, -(-len(tokens) // size))
        width = min(size, -(-len(tokens) // count))
        starts = (round(place * (len(tokens) - width) / (count - 1)) for place in range(count))
        return [list(tokens[start : start + width]) for start in starts]
    tail = (size - len(gap)) // 2 if cut == "head-tail" else 0
    if tail < 1:
        return [list(tokens[:size])]
    return [[*tokens[: size - len(gap) - tail], *gap, *tokens[-tail:]]]
