"""A trained model on disk: JSON, safetensors and Parquet, versioned and checksummed, never pickle.

model/
  config.json          settings, and the SHA-256 of every other file
  model.safetensors    weights, theta of the training documents, calibration
  topics.json          the vocabulary, and each topic's words and representative documents
  documents.parquet    id and beginning of each training document
  README.md            a model card
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from softtopic.errors import ModelFileError
from softtopic.storage.atomic import locked, staged_folder

FORMAT = "softtopic-model"
VERSION = 1


@dataclass(frozen=True)
class ModelFiles:
    """The parts of a model folder."""

    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    topics: dict[str, Any]
    documents: dict[str, list[str]]
    card: str


def check_destination(path: Path) -> None:
    """Raise ModelFileError, before hours of work, where saving would hit something that is not a model folder."""
    if path.exists() and not (path.is_dir() and (not any(path.iterdir()) or _config(path))):
        raise ModelFileError(f"{path} exists and is not a model folder; give a new folder, nothing was written")


def write_model(path: str | Path, files: ModelFiles) -> None:
    """Publish a model folder, whole or not at all; an older model there gives way."""
    path = Path(path).absolute()
    check_destination(path)
    with locked(path), staged_folder(path) as staging:
        save_file({name: np.ascontiguousarray(value) for name, value in files.tensors.items()},
                  staging / "model.safetensors")  # fmt: skip
        _write_json(staging / "topics.json", files.topics)
        pq.write_table(pa.table(files.documents), staging / "documents.parquet", compression="zstd")
        (staging / "README.md").write_text(files.card, encoding="utf-8")
        sums = {file.name: _checksum(file) for file in sorted(staging.iterdir())}
        _write_json(staging / "config.json", {"format": FORMAT, "version": VERSION} | files.config | {"files": sums})


def read_model(path: str | Path) -> ModelFiles:
    """Read a model folder; raises ModelFileError where it is not one, is newer than this program, or damaged."""
    path = Path(path)
    if not path.is_dir():
        raise ModelFileError(f"{path}: no such model folder; make one with `softtopic fit`")
    config = _config(path)
    if config is None:
        raise ModelFileError(f"{path} is not a softtopic model folder; give one made by `softtopic fit`")
    version = config.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise ModelFileError(f"{path} is a model of version {version}; this program reads up to {VERSION}: upgrade it")
    sums = config.get("files")
    if not isinstance(sums, dict) or not sums:
        raise ModelFileError(f"{path / 'config.json'} is damaged; restore it, or fit the model again")
    for name, checksum in sums.items():
        if not (path / name).is_file() or _checksum(path / name) != checksum:
            raise ModelFileError(f"{path / name} is missing or damaged; restore it, or fit the model again")
    try:
        return ModelFiles(
            config=config,
            tensors=load_file(path / "model.safetensors"),
            topics=json.loads((path / "topics.json").read_text(encoding="utf-8")),
            documents=pq.read_table(path / "documents.parquet").to_pydict(),
            card=(path / "README.md").read_text(encoding="utf-8"),
        )
    except (OSError, ValueError, SafetensorError, pa.ArrowException):
        raise ModelFileError(f"{path} lacks a part or is damaged; restore it, or fit the model again") from None


def _config(path: Path) -> dict[str, Any] | None:
    """The settings in a model folder, None where it is something else: other programs have a config.json too."""
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        return config if config["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
