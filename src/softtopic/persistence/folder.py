"""Model folders: six files with a version and checksums, written whole or not at all, checked before they are used.

model/
  config.json          settings; size and SHA-256 of every file, and a checksum of itself
  model.safetensors    weights, topic mixtures, word distributions
  topics.json          the vocabulary, and each topic's first words and representative documents, as fitted
  edits.json           edits of the topics, in order
  documents.parquet    id, beginning and, where it is known, time of each training document
  README.md            a model card
  topics.svg           the picture of the card, which is never read
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from softtopic.errors import ChangedFolderError, DiskError, InputError, ModelFileError
from softtopic.persistence.formats import (
    MAX_TEXT_BYTES,
    DamagedError,
    canonical_json,
    check_structure,
    open_regular,
    parse_json,
    read_documents,
    read_tensors,
    read_text,
    write_documents,
    write_json,
)
from softtopic.storage.addresses import absolute
from softtopic.storage.atomic import check_writable, locked, read_folder, recover_folder, staged_folder
from softtopic.wording import counted

FORMAT = "softtopic-model"
VERSION = 2

CONFIG = "config.json"
TENSORS = "model.safetensors"
TOPICS = "topics.json"
EDITS = "edits.json"
DOCUMENTS = "documents.parquet"
CARD = "README.md"
PICTURE = "topics.svg"
PARTS = (TENSORS, TOPICS, EDITS, DOCUMENTS, CARD)

# What config.json holds about the folder itself; everything else in it is about the model.
_ENVELOPE = ("format", "version", "files", "checksum")

_NEXT_STEP = "restore it, or fit the model again"


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """What the files of a model folder contain.

    Attributes
    ----------
    config : dict
        Settings, as plain JSON values.
    tensors : dict of str to ndarray
        `theta`, with a row for each document, among them.
    topics : dict
        Vocabulary and topics, as plain JSON values.
    documents : dict
        Columns `id`, strings or whole numbers, `text` and, where times are known, `time`, strings.
    card : str
        Markdown.
    edits : dict
        Edits of the topics, as plain JSON values.
    picture : str
        SVG beside the card; it is written and not read.
    version : int
        Version of the format.
    """

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    topics: dict[str, Any]
    documents: dict[str, list[Any]]
    card: str
    edits: dict[str, Any] = field(default_factory=dict)
    picture: str = ""
    version: int = VERSION


def check_destination(path: Path) -> None:
    """Raise ModelFileError, before hours of work, where saving would replace something that is not a model folder.

    Raises DiskError where nothing could be written.
    """
    if str(path) == "-":
        raise ModelFileError("a model is a folder and cannot be written to standard output (-); give a folder")
    if not path.exists():
        check_writable(path)
        return
    try:
        if path.is_dir() and (not any(path.iterdir()) or _is_model(_read_json(path / CONFIG))):
            check_writable(path)
            return
    except DiskError:
        raise
    except (OSError, ValueError, DamagedError):
        pass
    raise ModelFileError(
        f"{path} exists and is not a model folder; give a model folder or a new one, nothing was written"
    )


def check_no_edits(path: Path) -> None:
    """Raise ModelFileError, before hours of work, where a fit would replace a model with edits."""
    recover_folder(path.absolute())
    try:
        edits = _read_json(path / EDITS)["edits"]
    except (OSError, ValueError, DamagedError, KeyError, TypeError):
        return
    if edits:
        raise ModelFileError(
            f"{path} is a model with {counted(len(edits), 'edit')}, which a new fit does not have; give another folder "
            "with --out, or --overwrite to replace it"
        )


def write_model(path: str | Path, files: ModelFiles, *, check: Callable[[], None] | None = None) -> str:
    """Write a model folder, whole or not at all; an older model there is replaced. Returns its `folder_version`.

    `check` is called while no other process can write the folder; nothing is written if it raises.

    Raises
    ------
    ModelFileError
        If something else is there.
    DiskError
        If the disk is full or read-only; what was there is left as it was.
    """
    path = absolute(Path(path))
    check_destination(path)
    with locked(path), staged_folder(path) as staging:
        if check is not None:
            check()
        tensors = {name: np.ascontiguousarray(value) for name, value in files.tensors.items()}
        _write_text(staging / TOPICS, write_json(files.topics))
        _write_text(staging / EDITS, write_json(files.edits))
        save_file(tensors, staging / TENSORS)
        write_documents(files.documents, staging / DOCUMENTS)
        _write_text(staging / CARD, files.card)
        if files.picture:
            _write_text(staging / PICTURE, files.picture)
        sums = {name: {"size": (staging / name).stat().st_size, "sha256": _sha256(staging / name)} for name in PARTS}
        config = {"format": FORMAT, "version": VERSION} | files.config | {"files": sums}
        _write_text(staging / CONFIG, write_json(config | {"checksum": _checksum(config)}))
        return folder_version(staging)


def read_model(path: str | Path) -> ModelFiles:
    """Read the files of a model folder of any version, after checking sizes and checksums.

    Raises
    ------
    ModelFileError
        If it is not a model folder, newer than this program, or damaged.
    """
    path = Path(path)
    with _named(path):
        return read_folder(path.absolute(), lambda: _read_model(path))


def folder_version(path: Path) -> str:
    """Digest of a model folder as it is now; empty where there is none."""
    recover_folder(path.absolute())
    try:
        # It holds the checksums of the other files.
        return _sha256(path / CONFIG)
    except OSError:
        return ""


def check_version(path: Path, version: str, next_step: str) -> None:
    """Raise ChangedFolderError unless the folder still has the version of `folder_version`."""
    if folder_version(path) != version:
        raise ChangedFolderError(f"{path} was changed by another program since it was opened; {next_step}")


def _read_model(path: Path) -> ModelFiles:
    with _named(path):
        if path.is_file():
            raise ModelFileError(f"{path} is a file; give a model folder")
        if not path.is_dir():
            raise ModelFileError(f"{path}: no such model folder; make one with `softtopic fit`")
        config, version = _read_config(path)
        sums = _file_sums(config, version)
    for name in sums:
        with _named(path / name):
            _verify(path / name, *sums[name])
    with _named(path / TENSORS):
        tensors = read_tensors(path / TENSORS, (path / TENSORS).stat().st_size)
        if "theta" not in tensors or tensors["theta"].ndim != 2:
            raise DamagedError("it has no matrix theta")
    with _named(path / TOPICS):
        topics = _read_json(path / TOPICS)
    edits: Any = {}
    if EDITS in sums:
        with _named(path / EDITS):
            edits = _read_json(path / EDITS)
    with _named(path / DOCUMENTS), open_regular(path / DOCUMENTS) as stream:
        documents = read_documents(stream, len(tensors["theta"]))
    with _named(path / CARD), open_regular(path / CARD) as stream:
        card = read_text(stream)
    config = {name: value for name, value in config.items() if name not in _ENVELOPE}
    return ModelFiles(
        config=config,
        tensors=tensors,
        topics=topics,
        documents=documents,
        card=card,
        edits=edits,
        version=version,
    )


def _read_config(path: Path) -> tuple[dict[str, Any], int]:
    with _named(path / CONFIG):
        try:
            config = _read_json(path / CONFIG)
            reason = "" if _is_model(config) else "it is of another program"
        except (DamagedError, ValueError, FileNotFoundError) as error:
            config, reason = {}, one_line(error)
        if reason:
            raise ModelFileError(
                f"{path} is not a softtopic model folder ({CONFIG}: {reason}); give one made by `softtopic fit`"
            )
        version = config.get("version")
        if type(version) is not int or version < 1:
            raise DamagedError("it names no version")
        if version > VERSION:
            raise ModelFileError(
                f"{path} is a model of version {version}; this program reads up to {VERSION}: upgrade softtopic"
            )
        if version > 1 and config.get("checksum") != _checksum(config):
            raise DamagedError("its checksum is not that of its values")
        return config, version


def _file_sums(config: dict[str, Any], version: int) -> dict[str, tuple[int | None, str]]:
    """Size, where it is known, and SHA-256 of each file."""
    files = config.get("files")
    parts = [name for name in PARTS if version > 1 or name != EDITS]
    missing = [name for name in parts if not isinstance(files, dict) or name not in files]
    if missing or not isinstance(files, dict):
        raise DamagedError(f"{CONFIG} has no checksum of {', '.join(missing)}")
    if version > 1 and files.keys() != set(parts):
        raise DamagedError(f"{CONFIG} names other files than {', '.join(parts)}")
    if version == 1:
        return {name: (None, files[name]) for name in parts}
    if any(not isinstance(files[name], dict) or files[name].keys() != {"size", "sha256"} for name in parts):
        raise DamagedError(f"{CONFIG} has no size and SHA-256 of each file")
    return {name: (files[name]["size"], files[name]["sha256"]) for name in parts}


def _verify(path: Path, size: int | None, checksum: str) -> None:
    with open_regular(path) as stream:
        found = os.fstat(stream.fileno()).st_size
        if size is None:
            check_structure(path)
        elif found != size:
            raise DamagedError(f"it has {found:,} bytes, not {size}")
        if hashlib.file_digest(stream, "sha256").hexdigest() != checksum:
            raise DamagedError("its checksum is not the one in config.json")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Every failure of reading a file becomes one ModelFileError that names it, whatever it was."""
    try:
        yield
    except ModelFileError:
        raise
    except FileNotFoundError:
        raise ModelFileError(f"{path} is missing; {_NEXT_STEP}") from None
    except PermissionError:
        raise ModelFileError(f"{path} may not be read; change its permissions") from None
    except MemoryError:
        raise ModelFileError(f"{path} needs more memory than there is; free some memory") from None
    except Exception as error:
        raise ModelFileError(f"{path} is damaged ({one_line(error)}); {_NEXT_STEP}") from None


def one_line(error: Exception) -> str:
    """The message of an error on one line of moderate length; its type where there is no message."""
    line = " ".join(str(getattr(error, "strerror", None) or error).split())
    return f"{line[:300]}…" if len(line) > 300 else line or type(error).__name__


def _is_model(config: Any) -> bool:
    """Other programs have a config.json too."""
    return isinstance(config, dict) and config.get("format") == FORMAT


def _read_json(path: Path) -> Any:
    with open_regular(path) as stream:
        return parse_json(read_text(stream))


def _write_text(path: Path, text: str) -> None:
    data = text.encode("utf-8")
    if len(data) > MAX_TEXT_BYTES:
        raise InputError(f"{path.name} of this model would have {len(data):,} bytes; give a smaller vocabulary")
    path.write_bytes(data)


def _checksum(config: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json({k: v for k, v in config.items() if k != "checksum"})).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
