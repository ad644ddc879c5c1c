"""JSON, safetensors and Parquet, read strictly; sizes are checked before memory is taken."""

import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from safetensors.numpy import load_file

# Bytes of a JSON file or a model card at most; its values take a few times as much memory.
MAX_TEXT_BYTES = 64_000_000

# Bytes that a row of documents.parquet takes at most, on average: ids are short, and excerpts have 300 characters.
_MAX_ROW_BYTES = 16_000

# Ids are strings, or all whole numbers; times are there where they are known.
_DOCUMENTS = {
    (kind, timed): pa.schema([("id", kind), ("text", pa.string()), *([("time", pa.string())] if timed else [])])
    for kind in (pa.string(), pa.int64())
    for timed in (False, True)
}


class DamagedError(Exception):
    """A file is not what it should be; the message says why, and whoever opened the file says which."""


@contextmanager
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file or a link to one; pipes, devices and folders are refused without waiting for them."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise DamagedError("it is no regular file")
    # A pipe may take the file's place before it is opened; without O_NONBLOCK that would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise DamagedError("it is no regular file")
        yield stream


def read_text(stream: BufferedReader) -> str:
    """UTF-8 text of at most `MAX_TEXT_BYTES`."""
    data = stream.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise DamagedError(f"it has more than {MAX_TEXT_BYTES:,} bytes")
    return data.decode("utf-8")


def parse_json(text: str) -> Any:
    """A JSON value without repeated names and numbers that are not finite."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise DamagedError("its values are nested too deeply") from None


def write_json(value: Any) -> str:
    """A JSON value for people to read, always the same for equal values."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def canonical_json(value: Any) -> bytes:
    """A JSON value for checksums: layout and order of names do not matter."""
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("ascii")


def check_structure(path: Path) -> None:
    """Raise an error, at once and however large a file is, unless its own size is the one its format asks for."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="numpy"):
            return
    if path.suffix == ".parquet":
        pq.ParquetFile(path).close()
    elif path.stat().st_size > MAX_TEXT_BYTES:
        raise DamagedError(f"it has more than {MAX_TEXT_BYTES:,} bytes")


def read_tensors(path: Path, size: int) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file of so many bytes."""
    with open_regular(path) as stream:
        header = int.from_bytes(stream.read(8), "little")
    if header > size - 8:
        raise DamagedError(f"its header says that it has {header:,} bytes, the whole file has {size:,}")
    return load_file(path)


def read_documents(stream: BufferedReader, n_rows: int) -> dict[str, list[Any]]:
    """The columns id, text and, where there is one, time of a Parquet file with so many rows, no value missing."""
    # From memory and on one thread: threads that Arrow begins for a file abort a command that ends while they start.
    file = pq.ParquetFile(pa.BufferReader(stream.read()))
    metadata = file.metadata
    if not any(file.schema_arrow.equals(schema) for schema in _DOCUMENTS.values()):
        raise DamagedError("it has other columns than id, text and time")
    if metadata.num_rows != n_rows:
        raise DamagedError(f"it has {metadata.num_rows:,} rows for {n_rows:,} documents")
    total = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if total > _MAX_ROW_BYTES * n_rows:
        raise DamagedError(f"it says that {n_rows} documents have {total:,} bytes")
    table = file.read(use_threads=False)
    if table.num_rows != n_rows or any(column.null_count for column in table.columns):
        raise DamagedError("ids, texts or times are missing")
    return table.to_pydict()


def write_documents(documents: dict[str, list[Any]], path: Path) -> None:
    """Write the columns id, text and, where there is one, time."""
    kind = pa.int64() if documents["id"] and isinstance(documents["id"][0], int) else pa.string()
    schema = _DOCUMENTS[kind, "time" in documents]
    pq.write_table(pa.table(documents, schema=schema), path, compression="zstd")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DamagedError("a name stands twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise DamagedError(f"{constant} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise DamagedError(f"{text} is too large")
    return value
