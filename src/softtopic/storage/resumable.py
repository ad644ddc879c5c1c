"""Files of lines that grow for hours: what is complete is kept when the process is killed, and continued."""

import json
import logging
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from softtopic.errors import InputError
from softtopic.storage.atomic import claimed, disk_errors, staged_file
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Bytes after which another block of lines begins; a damaged block is written again, and all that follow.
_BLOCK = 1 << 16
_DIGITS = 12


class SummedLines:
    """Lines that are appended to a file, and a checksum of each block of them in a file beside it.

    A record is the number of bytes of a block and their CRC-32; that of the last block is replaced at each flush.

    Parameters
    ----------
    stream, sums : BinaryIO
        Both at their end, before which are whole blocks.

    Attributes
    ----------
    n_lines : int
        Number of lines that were appended and flushed.
    """

    def __init__(self, stream: BinaryIO, sums: BinaryIO) -> None:
        self._stream, self._sums = stream, sums
        self._size = self._sum = self._pending = 0
        self.n_lines = 0

    def write(self, lines: bytes) -> int:
        """Append complete lines."""
        self._size, self._sum = self._size + len(lines), zlib.crc32(lines, self._sum)
        self._pending += lines.count(b"\n")
        return self._stream.write(lines)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._stream.flush()
        if not self._size:
            return
        record = _line(self._size, self._sum)
        self._sums.write(record)
        self._sums.flush()
        self.n_lines, self._pending = self.n_lines + self._pending, 0
        if self._size < _BLOCK:
            self._sums.seek(-len(record), os.SEEK_CUR)
        else:
            self._size = self._sum = 0


@contextmanager
def resumable_lines(path: Path, made_of: Mapping[str, object], *, resume: bool) -> Iterator[tuple[SummedLines, int]]:
    """Append lines to ``FILE.partial``, which becomes FILE at the end; if the block raises, it stays for the next run.

    ``FILE.partial.json`` says what the lines are made of, ``FILE.partial.sums`` has checksums of them.

    Parameters
    ----------
    path : Path
        Destination; an existing file is replaced at the end.
    made_of : mapping of str to plain value
        Whatever changes the lines, such as checksums and options.
    resume : bool
        Continue a partial file, where there is one, behind its last line that is complete and undamaged. If False, a
        partial file with lines is an error.

    Yields
    ------
    stream : SummedLines
        To write complete lines to.
    done : int
        Number of lines that an earlier run has written.

    Raises
    ------
    InputError
        If the partial file is made of something else or not to be continued, or another process is writing it.
    DiskError
        If the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    head, sums = (partial.with_name(f"{partial.name}.{kind}") for kind in ("json", "sums"))
    with claimed(path, wait=False) as mine:
        if not mine:
            raise InputError(f"{path} is being written by another process; wait for it, or give another file")
        with disk_errors(path):
            if resume and partial.exists() and head.exists():
                _check_head(head, partial, made_of)
                done = _cut_to_whole(partial, sums)
            else:
                if not resume and head.exists():
                    _check_empty(partial)
                done = 0
                # The head last: without it a partial file is begun anew.
                for old in (head, partial, sums):
                    old.unlink(missing_ok=True)
                partial.touch()
                sums.touch()
                with staged_file(head) as staging:
                    staging.write_text(json.dumps(dict(made_of)) + "\n", encoding="utf-8")
            with partial.open("ab") as stream, sums.open("r+b") as records:
                records.seek(0, os.SEEK_END)
                yield (lines := SummedLines(stream, records)), done
                lines.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
            sums.unlink()
            head.unlink()


def _check_head(head: Path, partial: Path, made_of: Mapping[str, object]) -> None:
    try:
        known = json.loads(head.read_bytes())
    except ValueError:
        known = {}
    other = [name for name in made_of if not isinstance(known, dict) or known.get(name) != made_of[name]]
    if other:
        raise InputError(
            f"{partial} was begun with another {', '.join(other)}; give the same again, or remove it to start anew"
        )


def _check_empty(partial: Path) -> None:
    """Raise InputError where an earlier run has written lines."""
    if not partial.exists():
        return
    with partial.open("rb") as stream:
        n_lines = sum(1 for line in stream if line.endswith(b"\n"))
    if n_lines:
        raise InputError(
            f"{partial} has {counted(n_lines, 'document')} of an earlier run; add --resume to continue it, or remove "
            "it to start anew"
        )


def _cut_to_whole(partial: Path, sums: Path) -> int:
    """Cut off what is incomplete, damaged or without a checksum; returns the number of lines before it."""
    count, whole = 0, b""
    known = sums.read_bytes() if sums.exists() else b""
    with partial.open("r+b") as stream:
        end = 0
        for start in range(0, len(known), len(_record(b""))):
            record = known[start : start + len(_record(b""))]
            block = stream.read(int(record[:_DIGITS])) if record[:_DIGITS].strip().isdigit() else b""
            if record != _record(block):
                log.warning("%s is damaged behind line %d; the lines from there on are written again", partial, count)
                break
            block = block[: block.rfind(b"\n") + 1]
            count, end, whole = count + block.count(b"\n"), end + len(block), whole + _record(block)
        # The checksums first: of lines that they do not name nothing is kept.
        if whole != known or not whole:
            with staged_file(sums) as staging:
                staging.write_bytes(whole)
        stream.truncate(end)
    return count


def _record(block: bytes) -> bytes:
    return _line(len(block), zlib.crc32(block))


def _line(size: int, checksum: int) -> bytes:
    return f"{size:{_DIGITS}d} {checksum:08x}\n".encode()
