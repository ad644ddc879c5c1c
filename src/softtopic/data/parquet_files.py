"""Rows of Parquet files, on disks and in object stores (any address that fsspec knows, such as s3://bucket/posts)."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from softtopic.data.formats import check_one_of_each
from softtopic.data.readers import find_column
from softtopic.errors import InputError, MissingColumnError
from softtopic.storage.addresses import file_system, first_line, is_address, readable

# What a file system may say of a version of a file; at least one of them changes with its content.
_VERSION = ("ETag", "etag", "md5", "mtime", "LastModified", "last_modified", "created", "size")


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A file.

    Attributes
    ----------
    url : str
        Path or address.
    rows : int
        Number of rows.
    version : str
        Digest that changes when the file is written anew.
    columns : tuple of str
        Names of its columns.
    """

    url: str
    rows: int
    version: str
    columns: tuple[str, ...]


class RowRange(NamedTuple):
    """Consecutive rows of a file; `first` is the number of the first one among the rows of all files."""

    file: ParquetFile
    start: int
    stop: int
    first: int


def find_parquet(paths: Iterable[str]) -> list[ParquetFile]:
    """Files of paths, patterns and folders, in the order of their names; their footers are read.

    Names that begin with a dot or an underscore are passed over in folders.

    Raises
    ------
    InputError
        If nothing is found, or a file is not of Parquet.
    """
    urls = dict.fromkeys(url for path in paths for url in _urls(path))
    return [_footer(url) for url in urls]


def row_ranges(files: Sequence[ParquetFile], rows: int) -> list[RowRange]:
    """Ranges of at most so many rows, of one file each."""
    ranges, first = [], 0
    for file in files:
        for start in range(0, file.rows, rows):
            stop = min(start + rows, file.rows)
            ranges.append(RowRange(file, start, stop, first + start))
        first += file.rows
    return ranges


def require_columns(files: Sequence[ParquetFile], names: Sequence[str]) -> None:
    """Raise InputError unless all files have columns of these names."""
    for file in files:
        for name in names:
            column = find_column(file.columns, name)
            if column is None:
                raise MissingColumnError(
                    f"{file.url} has no column {name!r}; it has: {', '.join(file.columns) or 'none'}"
                )
            check_one_of_each(file.columns, [column], file.url)


def read_range(part: RowRange, columns: Sequence[str]) -> list[pa.Array]:
    """These columns of the rows of a range; only the row groups that hold some of them are read."""
    with open_parquet(part.file.url) as file:
        groups, start, skipped = [], 0, 0
        for number in range(file.metadata.num_row_groups):
            stop = start + file.metadata.row_group(number).num_rows
            if start < part.stop and part.start < stop:
                groups.append(number)
            elif stop <= part.start:
                skipped = stop
            start = stop
        names = [find_column(file.schema_arrow.names, column) for column in columns]
        if None in names:
            raise InputError(f"{part.file.url} has changed; run the same command again")
        wanted, at, found = part.start - skipped, 0, []
        for batch in file.iter_batches(
            1 << 14, row_groups=groups, columns=list(dict.fromkeys(names)), use_threads=False
        ):
            low, high = max(0, wanted - at), min(batch.num_rows, wanted + part.stop - part.start - at)
            if low < high:
                found.append(batch.slice(low, high - low))
            at += batch.num_rows
            if at >= wanted + part.stop - part.start:
                break
        if sum(batch.num_rows for batch in found) < part.stop - part.start:
            raise InputError(f"{part.file.url} has changed; run the same command again")
    table = pa.Table.from_batches(found)
    return [pa.concat_arrays(table[str(name)].chunks) for name in names]


@contextmanager
def open_parquet(url: str, *, buffer_size: int = 0) -> Iterator[pq.ParquetFile]:
    """Open a file on a disk or in an object store; whatever goes wrong meanwhile is an InputError that names it.

    Parameters
    ----------
    url : str
        Path or address.
    buffer_size : int, default=0
        Bytes that are read at once of each column; 0 for all of a row group.
    """
    with _readable(url):
        system, inside = file_system(url)
        with (
            system.open(inside, "rb") as stream,
            pq.ParquetFile(stream, pre_buffer=False, buffer_size=buffer_size) as file,
        ):
            yield file


def is_hidden(path: Path) -> bool:
    """Whether a name of the path begins with a dot or an underscore, as those of locks and manifests do."""
    return any(part.startswith((".", "_")) for part in path.parts)


def texts_of(column: pa.Array, file: str) -> tuple[list[str], dict[int, str]]:
    """Texts of a column, missing ones blank, and the rows that hold none, with the reason."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise InputError(f"{file}: the column of texts holds {column.type}, not strings; choose it with --text")
    column = column.cast(kind)
    texts, invalid = [], {}
    for row, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
        try:
            texts.append("" if value is None else value.decode("utf-8"))
        except UnicodeDecodeError as error:
            texts.append("")
            invalid[row] = f"it is not UTF-8: {error.reason} at byte {error.start}"
    return texts, invalid


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _urls(path: str) -> list[str]:
    """Addresses of files; plain paths where they are on this machine."""
    with _readable(path):
        system, inside = file_system(path)
        system.invalidate_cache()  # other machines may have written since it was listed
        magic = any(letter in inside for letter in "*?[")
        if magic:
            found = [one for one in system.glob(inside) if system.isfile(one)]
        elif system.isdir(inside):
            found = [one for one in system.find(inside) if not is_hidden(Path(one[len(inside) :]))]
            found = [one for one in found if one.endswith(".parquet")]
        else:
            found = [inside] if system.exists(inside) else []
    if not found:
        raise InputError(f"{path}: no such file; give Parquet files, a folder of them or a pattern in quotes")
    local = not is_address(path)
    return sorted(one if local else system.unstrip_protocol(one) for one in found)


def _footer(url: str) -> ParquetFile:
    with open_parquet(url) as file:
        rows, columns = file.metadata.num_rows, tuple(file.schema_arrow.names)
    with _readable(url):
        system, inside = file_system(url)
        about = system.info(inside)
    known = {name: str(about[name]) for name in _VERSION if about.get(name) is not None}
    version = hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()[:32]
    return ParquetFile(url, rows, version, columns)


@contextmanager
def _readable(url: str) -> Iterator[None]:
    """Whatever can go wrong with a file becomes one line that names it."""
    try:
        with readable(url):
            try:
                yield
            except pa.ArrowException as error:
                raise InputError(
                    f"{url} is not a whole Parquet file: {first_line(error)}; write or copy it again"
                ) from None
    except FileNotFoundError:
        raise InputError(f"{url}: no such file; give Parquet files") from None
