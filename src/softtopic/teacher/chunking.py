"""Truncation of long documents: which of their tokens are read."""

import re
from collections.abc import Sequence

from softtopic.errors import InputError

# Default of `Teacher(max_windows=)`.
MAX_WINDOWS = 8

_KNOWN = re.compile(r"head|head-tail|windows(-\d+)?")


def check_truncation(truncation: str) -> None:
    """Raises InputError for an unknown way of truncating documents."""
    if not _KNOWN.fullmatch(truncation) or max_chunks(truncation, MAX_WINDOWS) == 0:
        raise InputError(
            f"truncation {truncation!r} is not known; choose head, head-tail, windows, or windows-2 for two at most"
        )


def truncation_for(n_windows: int, max_windows: int = MAX_WINDOWS) -> str:
    """The truncation that reads at most so many windows of a document; one window is its head.

    >>> [truncation_for(n) for n in (0, 1, 3, 8, 20)]
    ['head', 'head', 'windows-3', 'windows', 'windows']
    """
    return "head" if n_windows < 2 else f"windows-{n_windows}" if n_windows < max_windows else "windows"


def shorten_text(text: str, length: int, truncation: str, max_windows: int = MAX_WINDOWS) -> str:
    """A text; of a very long one only `length` characters around each chunk that will be read."""
    count = 2 if truncation == "head-tail" else max_chunks(truncation, max_windows)
    if len(text) <= count * length:
        return text
    starts = (round(place * (len(text) - length) / max(1, count - 1)) for place in range(count))
    return " ".join(text[start : start + length] for start in starts)


def split_tokens(
    tokens: Sequence[int], size: int, truncation: str, gap: Sequence[int] = (), max_windows: int = MAX_WINDOWS
) -> list[list[int]]:
    """Chunks of at most `size` tokens that are read of a document.

    Parameters
    ----------
    tokens : sequence of int
        The document. One of at most `size` tokens is a single chunk.
    size : int
        Maximum length of a chunk.
    truncation : str
        "head": the first `size` tokens. "head-tail": the first and the last half of that many, with `gap` between them.
        "windows": up to `max_windows` chunks of equal length at equal distances, which cover the whole document where
        that is possible; "windows-3": up to three.
    gap : sequence of int
        Tokens that stand for what is left out, such as those of " ...".
    max_windows : int
        Maximum number of chunks where "windows" does not name one.
    """
    if len(tokens) <= size:
        return [list(tokens)]
    count = min(max_chunks(truncation, max_windows), -(-len(tokens) // size))
    if count > 1:
        width = min(size, -(-len(tokens) // count))
        starts = (round(place * (len(tokens) - width) / (count - 1)) for place in range(count))
        return [list(tokens[start : start + width]) for start in starts]
    tail = (size - len(gap)) // 2 if truncation == "head-tail" else 0
    if tail < 1:
        return [list(tokens[:size])]
    return [[*tokens[: size - len(gap) - tail], *gap, *tokens[-tail:]]]


def max_chunks(truncation: str, max_windows: int = MAX_WINDOWS) -> int:
    """Maximum number of chunks of a document."""
    if not truncation.startswith("windows"):
        return 1
    return int(truncation.removeprefix("windows-")) if "-" in truncation else max_windows
