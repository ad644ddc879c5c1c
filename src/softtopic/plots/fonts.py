"""Fonts of this machine: which scripts would be drawn as boxes."""

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from softtopic.data.scripts import script_of

# Letters of a script by which a font is looked for.
_N_LETTERS = 3
_SECONDS = 10
# What images do not show.
_UNSEEN = {"hovertext", "hovertemplate", "customdata", "template"}


def scripts_without_font(texts: Iterable[str]) -> list[str]:
    """Scripts in which no font of this machine can write, by fontconfig; none where it is not installed.

    Examples
    --------
    >>> scripts_without_font(["topic"])
    []
    """
    letters: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for text in texts:
        for letter in text:
            if letter > "\u024f" and letter.isalpha():
                letters[script_of(letter)][letter] = None
    return sorted(script for script, own in letters.items() if not _has_font("".join(list(own)[:_N_LETTERS])))


def shown_texts(figure: Any) -> Iterator[str]:
    """The texts that an image of a figure shows, and those beside them."""
    yield from _strings(figure.to_dict())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            if key not in _UNSEEN:
                yield from _strings(part)
    elif isinstance(value, list | tuple) or getattr(getattr(value, "dtype", None), "kind", "") == "O":
        for part in value:
            yield from _strings(part)


@cache
def _has_font(letters: str) -> bool:
    """Whether a font has all these letters; fontconfig is that of Linux, other systems have fonts for all scripts."""
    program = shutil.which("fc-list")
    if program is None:
        return True
    codes = " ".join(f"{ord(letter):x}" for letter in letters)
    try:
        found = subprocess.run(
            [program, f":charset={codes}", "family"], capture_output=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return True
    return bool(found.stdout.strip())
