"""The page: one HTML file with its data, style and script; nothing is loaded from anywhere."""

import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from softtopic.errors import InputError
from softtopic.plots.style import PALETTE
from softtopic.report.data import MAX_DOCUMENTS, report_data
from softtopic.state import FittedState
from softtopic.storage.atomic import staged_file
from softtopic.topics.documents import excerpt
from softtopic.topics.map import Coordinates, document_map

# "Light" of Tol (2021), Colour schemes, continued as `PALETTE` is: on a dark ground, in the place of its colours.
_ON_DARK = (
    *("#77AADD", "#EE8866", "#44BB99", "#99DDFF", "#EEDD88", "#FFAABB", "#BBCC33", "#DDDDDD"),
    *("#8866DD", "#338822", "#DD3366", "#996699", "#88FFBB", "#BB9922", "#8888DD", "#99CC88"),
    *("#CC5522", "#BB55BB", "#668877", "#998899"),
)

# Bytes of the data of a page, so that it has at most 10 MB.
_MAX_DATA_BYTES = 9_900_000

# Characters of each document that are tried, until the page is small enough.
_LENGTHS = (300, 220, 160, 120, 80, 50)

# What would end a script or begin a comment in HTML, or a line in JavaScript.
_UNSAFE = "<>&\u2028\u2029"


def write_report(
    state: FittedState,
    path: Path,
    *,
    coordinates: Coordinates | None = None,
    classes: Iterable[Any] | None = None,
    times: Iterable[Any] | None = None,
    title: str = "Topics",
) -> None:
    """Write a page of the topics and training documents of a model.

    Of the documents' texts it holds the beginnings that the model keeps, at most 300 characters each, and less of them
    where the page would be larger than 10 MB.

    Parameters
    ----------
    state : FittedState
    path : Path
        File to write, .html.
    coordinates : ndarray of shape (n_documents, 2) or None, default=None
        Map of the training documents, in [-1, 1]; None for `softtopic.topics.map.document_map`.
    classes, times : iterable or None, default=None
        Class and time of each training document, see `report_data`.
    title : str, default="Topics"

    Raises
    ------
    InputError
        If there is not one class or time for each document, or the file is no .html.
    DiskError
        If the file cannot be written.
    """
    if path.suffix not in (".html", ".htm"):
        raise InputError(f"{path.name} is no name of a page; give one that ends in .html")
    places = document_map(state) if coordinates is None else coordinates
    page = render(page_data(state, places, classes=classes, times=times), title)
    with staged_file(path) as staged:
        staged.write_bytes(page)


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What a page has where a server answers it.

    Attributes
    ----------
    html : str
        Markup between the map and the panel of a topic.
    style, script : str
        CSS and JavaScript that follow those of the page.
    """

    html: str = ""
    style: str = ""
    script: str = ""


def page_data(
    state: FittedState,
    coordinates: Coordinates,
    *,
    classes: Iterable[Any] | None = None,
    times: Iterable[Any] | None = None,
) -> dict[str, Any]:
    """Data of a page of at most 10 MB: those of `report_data` with texts as long as there is room for, and colours."""
    data = report_data(state, coordinates, classes=classes, times=times, max_documents=MAX_DOCUMENTS)
    data["palette"] = {"light": PALETTE, "dark": _ON_DARK}
    texts = data["documents"]["text"]
    for length in _LENGTHS:
        data["documents"]["text"] = [excerpt(text, length) for text in texts]
        if len(as_json(data).encode("utf-8", "replace")) <= _MAX_DATA_BYTES:
            break
    return data


def render(data: dict[str, Any], title: str, addition: Addition | None = None) -> bytes:
    """The page with these data, in UTF-8; with an addition it may ask its own server, and nobody else."""
    served = addition or Addition()
    style, script = _asset("page.css") + served.style, _asset("page.js") + served.script
    parts = {
        "POLICY": escape(_policy(style, script, connect=addition is not None)),
        "TITLE": escape(title),
        "STYLE": style,
        "ADDITION": served.html,
        "DATA": as_json(data),
        "SCRIPT": script,
    }
    # Split before anything is filled in: texts may hold the marks of parts.
    first, *rest = _asset("page.html").split("{{")
    page = [first]
    for piece in rest:
        name, after = piece.split("}}", 1)
        page += [parts[name], after]
    return "".join(page).encode("utf-8", "replace")


def _policy(style: str, script: str, *, connect: bool) -> str:
    sources = {"default-src": "'none'", "script-src": source_hash(script), "style-src": source_hash(style)}
    sources |= {"img-src": "data:"} | ({"connect-src": "'self'"} if connect else {})
    return "; ".join(
        f"{name} {value}" for name, value in (sources | {"base-uri": "'none'", "form-action": "'none'"}).items()
    )


def as_json(value: object) -> str:
    """JSON that can stand in a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in _UNSAFE:
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _asset(name: str) -> str:
    return files("softtopic.report").joinpath(name).read_text(encoding="utf-8")


def source_hash(source: str) -> str:
    """A style or script as a content security policy names it."""
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
