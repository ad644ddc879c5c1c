"""Index folders: arrays that are memory-mapped, with a checksum of each file; written whole or not at all.

space.index/
  index.json            metric, parts, settings and recall of the graph; size and SHA-256 of every file
  theta-0.npy           topic mixtures of the first part
  matrix-0.npy          what its products are computed with
  removed.npy           numbers of removed documents
  graph.usearch         the graph of an approximate index
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from softtopic.errors import InputError, ModelFileError
from softtopic.retrieval.approximate import Graph, GraphConfig
from softtopic.retrieval.divergences import get_metric
from softtopic.retrieval.exact import Part
from softtopic.retrieval.index import RetrievalIndex
from softtopic.storage.addresses import absolute
from softtopic.storage.atomic import locked, read_folder, staged_folder

FORMAT = "softtopic-index"
VERSION = 1

_HEAD = "index.json"
_REMOVED = "removed.npy"
_GRAPH = "graph.usearch"
_NEXT_STEP = "build it again with `softtopic index`"


def save_index(index: RetrievalIndex, path: Path, *, source: str = "") -> None:
    """Write an index folder; an older index there is replaced.

    Parameters
    ----------
    index : RetrievalIndex
    path : Path
        A new or empty folder, or one with an index.
    source : str, default=""
        What the index is of, such as a checksum of the mixtures; see `open_index`.

    Raises
    ------
    ModelFileError
        If something else is there.
    DiskError
        If the disk is full or read-only; what was there is left as it was.
    """
    path = absolute(path)
    check_index_destination(path)
    parts, removed, graph = index.contents
    with locked(path), staged_folder(path) as staging:
        for number, part in enumerate(parts):
            np.save(staging / f"theta-{number}.npy", part.theta)
            np.save(staging / f"matrix-{number}.npy", part.matrix)
        np.save(staging / _REMOVED, removed)
        if graph is not None:
            graph.save(staging / _GRAPH)
        sums = {file.name: _size_and_sum(file) for file in sorted(staging.iterdir())}
        head = {
            "format": FORMAT,
            "version": VERSION,
            "metric": index.metric,
            "source": source,
            "n_parts": len(parts),
            "graph": None if graph is None else asdict(graph.config),
            "recall": index.recall,
            "files": sums,
        }
        text = json.dumps(head | {"checksum": _checksum(head)}, indent=1) + "\n"
        (staging / _HEAD).write_text(text, encoding="utf-8")


def open_index(path: Path, *, source: str | None = None) -> RetrievalIndex:
    """Open an index folder, memory-mapped, after checking sizes and checksums.

    Parameters
    ----------
    path : Path
    source : str or None, default=None
        What the index must be of, as given to `save_index`; None does not ask.

    Raises
    ------
    ModelFileError
        If it is not an index folder, is of something else, newer than this program, or damaged.
    InputError
        If it is approximate and the extra `ann` is not installed.
    """
    return read_folder(path.absolute(), lambda: _open(path, source))


def _open(path: Path, source: str | None) -> RetrievalIndex:
    head = _read_head(path)
    if source is not None and head["source"] != source:
        raise ModelFileError(f"{path} is of other topic mixtures than the model's; {_NEXT_STEP}")
    try:
        return _opened(path, head)
    except (ModelFileError, InputError):
        raise
    except Exception as error:
        raise ModelFileError(f"{path} is damaged ({type(error).__name__}); {_NEXT_STEP}") from None


def index_path(model: Path) -> Path:
    """Where the index of a model folder is: beside it, so that saving the model again leaves it there."""
    model = absolute(model)
    return model.with_name(f"{model.name}.index")


def check_index_destination(path: Path) -> None:
    """Raise ModelFileError where saving would replace something that is not an index folder."""
    if path.exists() and not (path.is_dir() and (not any(path.iterdir()) or _is_index(path))):
        raise ModelFileError(f"{path} exists and is not an index folder; nothing was written")


def _opened(path: Path, head: dict[str, Any]) -> RetrievalIndex:
    for name, known in head["files"].items():
        if Path(name).name != name or _size_and_sum(path / name) != known:
            raise ModelFileError(f"{path / name} is damaged (its checksum is not the one in {_HEAD}); {_NEXT_STEP}")
    metric, parts, start = get_metric(head["metric"]), [], 0
    for number in range(head["n_parts"]):
        theta, matrix = (np.load(path / f"{name}-{number}.npy", mmap_mode="r") for name in ("theta", "matrix"))
        # A view of the mapped file, which slices without the bookkeeping of `np.memmap`.
        parts.append(Part(theta.view(np.ndarray), matrix.view(np.ndarray), start))
        start += len(theta)
    graph = None
    if head["graph"] is not None:
        graph = Graph.open(path / _GRAPH, parts[0].theta.shape[1], GraphConfig(**head["graph"]))
    return RetrievalIndex.from_parts(metric, parts, np.load(path / _REMOVED), graph, head["recall"])


def _read_head(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        raise ModelFileError(f"{path}: no such index folder; build it with `softtopic index`")
    if not _is_index(path):
        raise ModelFileError(f"{path} is not an index folder; {_NEXT_STEP}")
    head = json.loads((path / _HEAD).read_bytes())
    if not isinstance(head.get("version"), int) or head["version"] > VERSION:
        raise ModelFileError(f"{path} is an index of version {head.get('version')}; this program reads {VERSION}")
    if head.pop("checksum", None) != _checksum(head):
        raise ModelFileError(f"{path / _HEAD} is damaged (its checksum is not that of its values); {_NEXT_STEP}")
    return head


def _is_index(path: Path) -> bool:
    try:
        head = json.loads((path / _HEAD).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("format") == FORMAT


def _size_and_sum(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            return {"size": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
    except FileNotFoundError:
        raise ModelFileError(f"{file} is missing; {_NEXT_STEP}") from None
    except OSError as error:
        raise ModelFileError(f"{file} cannot be read ({error.strerror}); {_NEXT_STEP}") from None


def _checksum(head: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode("ascii")).hexdigest()
