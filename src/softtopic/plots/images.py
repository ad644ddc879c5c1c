"""Figures → files."""

import logging
from importlib.util import find_spec
from pathlib import Path

from softtopic.errors import InputError
from softtopic.plots.fonts import scripts_without_font, shown_texts
from softtopic.plots.style import Figure
from softtopic.storage.atomic import staged_file

log = logging.getLogger(__name__)

IMAGES = (".svg", ".png", ".pdf")


def check_image(path: Path) -> None:
    """Raises InputError unless a figure can be written to such a file."""
    if path.suffix not in (".html", *IMAGES):
        raise InputError(f"{path.name} names no format of figures; give .html, {', '.join(IMAGES)}")
    if path.suffix in IMAGES and find_spec("kaleido") is None:
        raise InputError(
            f"{path.suffix} is written with kaleido, not installed; pip install 'softtopic[plots]', or give .html"
        )


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as an HTML page that needs no network, or as an image.

    Raises
    ------
    InputError
        If the name has another ending than .html, .svg, .png or .pdf, or there is no kaleido or no Chrome for images.
    DiskError
        If the file cannot be written.
    """
    check_image(path)
    if path.suffix == ".html":
        # The id is random otherwise, and equal figures would be different files.
        content = figure.to_html(include_plotlyjs=True, div_id="softtopic").encode()
    else:
        if path.suffix != ".svg":
            _warn_of_boxes(figure, path)
        content = _image(figure, path.suffix[1:])
    with staged_file(path) as staged:
        staged.write_bytes(content)


def _warn_of_boxes(figure: Figure, path: Path) -> None:
    """One line where no installed font covers characters of the figure."""
    missing = scripts_without_font(shown_texts(figure))
    if missing:
        log.warning(
            "no installed font covers %s; these characters appear as boxes in %s; install one (Noto covers all: "
            "fonts-noto-core and fonts-noto-cjk on Debian and Ubuntu), or give .html or .svg, which use the fonts of "
            "their reader",
            ", ".join(missing), path.name,
        )  # fmt: skip


def _image(figure: Figure, kind: str) -> bytes:
    try:
        return figure.to_image(format=kind, scale=2 if kind == "png" else 1)
    except Exception as error:
        # kaleido and its browser have errors of many kinds, all with several lines.
        if "chrome" in str(error).lower() or "browser" in str(error).lower():
            message = f"a figure as .{kind} needs Chrome or Chromium, which does not start; install it, or give .html"
        else:
            message = f"kaleido cannot write .{kind} ({' '.join(str(error).split())[:120]}); give .html"
        raise InputError(message) from None
