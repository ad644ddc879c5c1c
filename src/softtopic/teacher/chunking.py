"""Which of a long document's tokens are read."""

import re
from collections.abc import Sequence

from softtopic.errors import InputError

# At most so many windows of one document, at equal distances, where "windows" names no number.
WINDOWS = 8

_KNOWN = re.compile(r"head|head-tail|windows(-\d+)?")


def check_cut(cut: str) -> None:
    """Raises InputError for a way of cutting that is not known."""
    if not _KNOWN.fullmatch(cut) or _windows(cut) == 0:
        raise InputError(f"cut {cut!r} is not known; choose head, head-tail, windows, or windows-2 for two at most")


def windows(count: int) -> str:
    """The cut that reads so many windows of a document at most, WINDOWS in any case: one is its head."""
    return "head" if count < 2 else f"windows-{count}" if count < WINDOWS else "windows"


def stretches(text: str, length: int, cut: str) -> str:
    """A text, or so many characters of a very long one around each piece that is read of it."""
    count = 2 if cut == "head-tail" else _windows(cut) or 1
    if len(text) <= count * length:
        return text
    starts = (round(place * (len(text) - length) / max(1, count - 1)) for place in range(count))
    return " ".join(text[start : start + length] for start in starts)


def pieces(tokens: Sequence[int], size: int, cut: str, gap: Sequence[int]) -> list[list[int]]:
    """What is read of a document of more than `size` tokens, in pieces of at most `size`; a shorter one whole.

    "head": its beginning. "head-tail": the first and the last half of that many tokens, `gap` (as ` ...`) between them.
    "windows": up to WINDOWS pieces of equal length, together the whole document where it is short enough; of
    "windows-3" up to three.
    """
    if len(tokens) <= size:
        return [list(tokens)]
    count = min(_windows(cut) or 1, -(-len(tokens) // size))
    if count > 1:
        width = min(size, -(-len(tokens) // count))
        starts = (round(place * (len(tokens) - width) / (count - 1)) for place in range(count))
        return [list(tokens[start : start + width]) for start in starts]
    tail = (size - len(gap)) // 2 if cut == "head-tail" else 0
    if tail < 1:
        return [list(tokens[:size])]
    return [[*tokens[: size - len(gap) - tail], *gap, *tokens[-tail:]]]


def _windows(cut: str) -> int | None:
    """Most windows of a document; None for another cut."""
    if not cut.startswith("windows"):
        return None
    return int(cut.removeprefix("windows-")) if "-" in cut else WINDOWS
