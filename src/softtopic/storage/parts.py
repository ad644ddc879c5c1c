"""A table as a folder of Parquet parts: what is complete is kept when the process is killed, and continued.

theta/
  _manifest.json       what the parts are made of, and a checksum of that
  _parts.jsonl         a line for each complete part: rows, fingerprint of their source, size and SHA-256 of the file
  part-00000.parquet   the rows of a part

In an object store `_parts.jsonl` is a folder of objects with some lines each, and `_lease` says who writes. Arrow,
pandas, Spark and others pass over names that begin with an underscore: they read the folder as one table.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from softtopic.errors import InputError, PartFolderError
from softtopic.storage.folders.base import BaseFolder, open_folder

FORMAT = "softtopic-parts"
VERSION = 1

MANIFEST = "_manifest.json"
PARTS = "_parts.jsonl"

_NEXT_STEP = "run the same command again, it redoes what is missing"


@dataclass(frozen=True, slots=True)
class Part:
    """A complete part.

    Attributes
    ----------
    index : int
        Its place among the parts, from 0.
    rows : int
        Number of rows.
    source : str
        Fingerprint of what the rows were computed from; see `PartFolder.write`.
    size : int
        Bytes of the file.
    sha256 : str
        Checksum of the file.
    """

    index: int
    rows: int
    source: str
    size: int
    sha256: str

    @property
    def file(self) -> str:
        return part_name(self.index)


def part_name(index: int) -> str:
    """File name of a part."""
    return f"part-{index:05d}.parquet"


@dataclass(frozen=True)
class PartFolder:
    """A folder of Parquet parts. Use `PartFolder.create` to write one, `PartFolder.open` to read one.

    One process coordinates: it holds `claim` and calls `record` and `finish`. Any number of processes may `write` parts
    for it. Readers need no lock, because files are written atomically.

    Parameters
    ----------
    files : BaseFolder
        The folder, on a disk or in an object store.
    made_of : mapping of str to plain value
        Whatever changes the rows beside their source, such as the checksum of a model, and options.

    Examples
    --------
    >>> folder = PartFolder.create(path, {"model": checksum})  # doctest: +SKIP
    >>> with folder.claim():
    ...     known = folder.parts()
    ...     for index, (source, rows) in enumerate(batches):
    ...         if not folder.is_current(known.get(index), source):
    ...             folder.record(folder.write(index, compute(rows), source=source))
    ...     folder.finish(index + 1)  # doctest: +SKIP
    >>> for table in PartFolder.open(path).tables(["id", "topic"]):
    ...     print(table.num_rows)  # doctest: +SKIP
    """

    files: BaseFolder
    made_of: Mapping[str, object]

    @property
    def path(self) -> Path | str:
        """Where the folder is; a string is an address."""
        return self.files.path

    @classmethod
    def create(cls, path: str | Path, made_of: Mapping[str, object], *, overwrite: bool = False) -> "PartFolder":
        """Open the folder at a path for writing, new or begun earlier.

        Parameters
        ----------
        path : str or Path
            Also an address in an object store, such as "s3://bucket/topics".
        made_of : mapping of str to plain value
        overwrite : bool, default=False
            Remove parts that are made of something else, instead of raising PartFolderError.

        Raises
        ------
        PartFolderError
            If something else is there, or parts that are made of something else.
        DiskError
            If the folder cannot be written.
        """
        made_of = json.loads(json.dumps(dict(made_of)))
        if not cls.is_at(path):
            check_destination(path)
            # Several processes may begin the same folder at once: the first one's manifest stands.
            open_folder(path).create(MANIFEST, _manifest(made_of))
        found = cls.open(path)
        if other := [name for name in {**made_of, **found.made_of} if made_of.get(name) != found.made_of.get(name)]:
            if overwrite:
                return found._emptied(made_of)
            raise PartFolderError(
                f"{path} holds parts made with different {', '.join(other)}; give the same again, or a new folder"
            )
        return found

    @classmethod
    def open(cls, path: str | Path) -> "PartFolder":
        """Open the folder at a path.

        Raises
        ------
        PartFolderError
            If it is no folder of parts, or one of a newer version of this program.
        """
        files = open_folder(path)
        return cls(files, _read_manifest(files))

    @staticmethod
    def is_at(path: str | Path) -> bool:
        """Whether a folder of parts is at a path."""
        return open_folder(path).size(MANIFEST) is not None

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the right to record parts.

        Raises
        ------
        InputError
            If another process holds it. That of a killed process is free again, in an object store after some seconds.
        """
        with self.files.claim(PARTS):
            yield

    def parts(self) -> dict[int, Part]:
        """Recorded parts by index, in order; `is_current` and `read` check their files."""
        # A part that was done again has several lines.
        latest = {part.index: part for part in self._lines()[0]}
        return dict(sorted(latest.items()))

    @property
    def n_parts(self) -> int | None:
        """Number of parts of the whole table; None while parts are missing."""
        recorded, n_parts = self._lines()
        return n_parts if n_parts is not None and set(range(n_parts)) <= {part.index for part in recorded} else None

    @property
    def n_rows(self) -> int:
        """Number of rows of the recorded parts."""
        return sum(part.rows for part in self.parts().values())

    def is_current(self, part: Part | None, source: str) -> bool:
        """Whether a part was recorded, its source is unchanged and its file is whole: it need not be computed again."""
        return part is not None and part.source == source and self.damage(part) is None

    def damage(self, part: Part) -> str | None:
        """What is wrong with the file of a part, such as "it is missing"; None if nothing is."""
        try:
            data = self.files.read(part.file)
        except FileNotFoundError:
            return "it is missing"
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        return _damage(part, data)

    def write(self, index: int, table: pa.Table, *, source: str) -> Part:
        """Publish the file of a part, whole or not at all; an older one is replaced. Needs no claim.

        Parameters
        ----------
        index : int
            Place of the part.
        table : Table
            Its rows.
        source : str
            Fingerprint of what the rows were computed from, such as `Corpus.fingerprint`: with an unchanged one the
            part is not computed again.

        Returns
        -------
        Part
            To `record`.

        Raises
        ------
        DiskError
            If the file cannot be written.
        """
        # Dictionaries of floats take time and space, and split into their bytes they are smaller.
        floats = [one.name for one in table.schema if pa.types.is_floating(one.type)]
        others = [name for name in table.column_names if name not in floats]
        how: dict[str, Any] = {"use_dictionary": others, "use_byte_stream_split": floats or False}
        with BytesIO() as buffer:
            pq.write_table(table, buffer, compression="zstd", **how)
            data = buffer.getvalue()
        self.files.write(part_name(index), data)
        return Part(index, table.num_rows, source, len(data), hashlib.sha256(data).hexdigest())

    def record(self, part: Part) -> None:
        """Note that a part is complete; only under `claim`."""
        self._append(asdict(part))

    def finish(self, n_parts: int) -> None:
        """Note that these are all parts, and remove the files of others; only under `claim`."""
        kept = {part_name(index) for index in range(n_parts)}
        for name in self._part_files():
            if name not in kept:
                self.files.remove(name)
        if self._lines()[1] != n_parts:
            self._append({"n_parts": n_parts})

    def read(self, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
        """Rows of a part, after checking its file.

        Raises
        ------
        PartFolderError
            If it is missing or damaged.
        """
        try:
            data = self.files.read(part.file)
            damage = _damage(part, data)
        except OSError:
            data, damage = b"", self.damage(part) or "it cannot be read"
        if damage is not None:
            raise PartFolderError(f"{self.files.at(part.file)} is damaged ({damage}); {_NEXT_STEP}")
        # On one thread: those that Arrow begins for a file abort a command that ends while they start.
        return pq.ParquetFile(pa.BufferReader(data)).read(columns, use_threads=False)

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All rows in order, a table for each part.

        Raises
        ------
        PartFolderError
            If parts are missing or damaged.
        """
        parts, n_parts = self.parts(), self.n_parts
        if n_parts is None:
            raise PartFolderError(f"{self.path} is not complete ({len(parts)} parts are there); {_NEXT_STEP}")
        for index in range(n_parts):
            yield self.read(parts[index], columns)

    def _lines(self) -> tuple[list[Part], int | None]:
        """Parts in the order of their lines; the number of all where nothing was recorded since it was known."""
        recorded: list[Part] = []
        n_parts = None
        for values in _read_lines(self.files.lines(PARTS)):
            n_parts = values["n_parts"] if type(values.get("n_parts")) is int else None
            if n_parts is None and (part := _as_part(values)) is not None:
                recorded.append(part)
        return recorded if n_parts is None else [part for part in recorded if part.index < n_parts], n_parts

    def _emptied(self, made_of: Mapping[str, object]) -> "PartFolder":
        """The folder without its parts, for others."""
        with self.claim():
            # In this order: parts without lines count as missing if the process is killed here.
            self.files.clear(PARTS)
            for name in self._part_files():
                self.files.remove(name)
            self.files.write(MANIFEST, _manifest(made_of))
        return PartFolder(self.files, made_of)

    def _part_files(self) -> list[str]:
        return [name for name in self.files.names() if name.startswith("part-") and name.endswith(".parquet")]

    def _append(self, values: Mapping[str, object]) -> None:
        self.files.append(PARTS, json.dumps(values).encode("ascii"))


def check_destination(path: str | Path) -> None:
    """Raise an error, before any work, where parts would be written into something else, or could not be written.

    Raises
    ------
    PartFolderError
        If something is there that is not a folder of parts.
    DiskError
        If nothing could be written.
    """
    files = open_folder(path)
    if files.size(MANIFEST) is None and not files.is_free():
        raise PartFolderError(f"{files.path} exists and is not a folder of parts; give a new or an empty folder")
    files.check_writable()


def _damage(part: Part, data: bytes) -> str | None:
    if len(data) != part.size:
        return f"it has {len(data):,} bytes, not {part.size:,}"
    return None if hashlib.sha256(data).hexdigest() == part.sha256 else f"its checksum is not the one in {PARTS}"


def _read_lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Lines that are JSON objects: what a damaged line says is done again."""
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict):
            yield values


def _as_part(values: Mapping[str, Any]) -> Part | None:
    """The part of a line; None where it names none."""
    kinds = {field.name: str if field.name in ("source", "sha256") else int for field in fields(Part)}
    if values.keys() != kinds.keys() or any(type(values[name]) is not kind for name, kind in kinds.items()):
        return None
    return Part(**values)


def _manifest(made_of: Mapping[str, object]) -> bytes:
    head = {"format": FORMAT, "version": VERSION, "made_of": made_of}
    return (json.dumps(head | {"checksum": _checksum(head)}, indent=1) + "\n").encode("utf-8")


def _read_manifest(files: BaseFolder) -> dict[str, Any]:
    """What the parts are made of."""
    path = files.path
    try:
        head = json.loads(files.read(MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise PartFolderError(f"{path} is not a folder of parts; give one that `softtopic transform` wrote") from None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError):
        head = {}
    checksum = head.pop("checksum", None) if isinstance(head, dict) else None
    if checksum is None or checksum != _checksum(head):
        raise PartFolderError(f"{files.at(MANIFEST)} is damaged; remove {path} and make it again")
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise PartFolderError(
            f"{path} is of version {head.get('version')}; this program reads {VERSION}: upgrade softtopic"
        )
    return head["made_of"]


def _checksum(head: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(head, sort_keys=True).encode("ascii")).hexdigest()
