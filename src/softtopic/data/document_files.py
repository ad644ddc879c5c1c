"""Files of documents, one document at a time, in memory that does not grow with their size."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from softtopic.data.formats import FORMAT_NAMES, check_one_of_each
from softtopic.data.parquet_files import is_hidden, open_parquet
from softtopic.data.readers import Columns, find_column, format_of, standard_input, suffix_format
from softtopic.data.streams import STREAMED, Item, Record, read_blocks, read_items, record_of
from softtopic.errors import InputError

# A pass over a file: its documents, each with the share of the file that has been read, in [0, 1].
Pass = Callable[[], Iterator[tuple[Item, float]]]

# The name of standard input among files.
DASH = Path("-")

# Rows of a Parquet file that are decoded at once, and bytes that are read at once.
_BLOCK_ROWS = 4096
_BLOCK = 1 << 20


def find_files(paths: Sequence[str | Path], format: str | None = None) -> list[Path]:
    """Files of paths, patterns and folders, each once.

    Of a folder these are the files of a known format, those in folders below it too, in the order of their names; names
    that begin with a dot or an underscore are passed over.

    Raises
    ------
    InputError
        If nothing is found.
    """
    if not paths:
        raise InputError(f"no files; give a {FORMAT_NAMES} file")
    return list(dict.fromkeys(file for path in paths for file in _files_of(Path(path), format)))


def _files_of(path: Path, format: str | None) -> list[Path]:
    if path.is_file() or path == DASH:
        return [path]
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file() and not is_hidden(file.relative_to(path)))
        if files := [file for file in inside if format is not None or suffix_format(file) is not None]:
            return files
        raise InputError(f"{path} is a folder without documents; give a folder of {FORMAT_NAMES} files")
    if path.exists():
        raise InputError(f"{path} is no regular file; give a file of documents")
    # `Path.glob` takes no absolute patterns.
    if files := sorted(file for file in map(Path, glob(str(path), recursive=True)) if file.is_file()):  # noqa: PTH207
        return files
    raise InputError(f"{path}: no such file; give a {FORMAT_NAMES} file")


def open_pass(
    file: Path,
    columns: Columns,
    *,
    format: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    keep_columns: bool = False,
) -> Pass:
    """How the documents of a file are read; raises InputError where its format cannot be read bit by bit."""
    name = format if file == DASH else format_of(str(file), format).name
    if name == "parquet" and file != DASH:
        return lambda: _parquet_rows(file, columns, keep_columns=keep_columns)
    if name is not None and name not in STREAMED:
        raise InputError(f"{file}: {name} cannot be read bit by bit; save it as csv")
    how: dict[str, Any] = {"format": name, "delimiter": delimiter, "encoding": encoding}
    if file == DASH:
        return lambda: ((item, 0.0) for item in read_items(read_blocks(standard_input()), columns, **how))
    return lambda: _lines(file, columns, how)


def _lines(file: Path, columns: Columns, how: Mapping[str, Any]) -> Iterator[tuple[Item, float]]:
    """Documents of a file of lines."""
    count = 0

    def blocks() -> Iterator[bytes]:
        nonlocal count
        for block in read_blocks(stream):
            count += len(block)
            yield block

    with file.open("rb") as stream:
        size = max(1, file.stat().st_size)
        for item in read_items(blocks(), columns, name=str(file), **how):
            yield item, min(1.0, count / size)


def _parquet_rows(file: Path, columns: Columns, *, keep_columns: bool) -> Iterator[tuple[Item, float]]:
    """Documents of a Parquet file."""
    with open_parquet(str(file), buffer_size=_BLOCK) as source:
        names, total, count = source.schema_arrow.names, max(1, source.metadata.num_rows), 0
        needed = {find_column(names, column) for column in columns.names}
        # Without a column of that name all names are in the message.
        read = names if keep_columns or None in needed else [name for name in names if name in needed]
        check_one_of_each(names, read, str(file))
        for batch in source.iter_batches(_BLOCK_ROWS, columns=read, use_threads=False):
            try:
                rows = batch.to_pylist()
            except UnicodeDecodeError:
                raise InputError(f"{file} holds text that is not UTF-8; write it again") from None
            for number, values in enumerate(rows, count + 1):
                yield record_of(values, columns, f"{file} row {number}"), count / total
            count += batch.num_rows


def has_whole_ids(file: Path, column: str) -> bool:
    """Whether a file is of Parquet and holds whole numbers in a column."""
    import pyarrow as pa

    try:
        with open_parquet(str(file)) as source:
            schema = source.schema_arrow
    except InputError:
        return False  # a pass says so, with a better message
    name = find_column(schema.names, column)
    return name is not None and pa.types.is_integer(schema.field(name).type)


def rows_of(documents: Any, columns: Columns) -> Iterator[tuple[Record, float]]:
    """Documents of an iterable of strings or mappings, of a function that returns one, or of an Arrow table."""
    if callable(documents):
        documents = documents()
    if hasattr(documents, "to_batches"):
        check_one_of_each(documents.schema.names, documents.schema.names, "the table")
        # A dataset would read several files ahead.
        ahead = {"batch_size": _BLOCK_ROWS, "batch_readahead": 1, "fragment_readahead": 1}
        how = ahead if hasattr(documents, "scanner") else {"max_chunksize": _BLOCK_ROWS}
        documents = (row for batch in documents.to_batches(**how) for row in batch.to_pylist())
    for number, one in enumerate(documents):
        values = one if isinstance(one, Mapping) else {columns.text: one}
        yield record_of(values, columns, f"document {number}"), 0.0
