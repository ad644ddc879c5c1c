"""Files of lines that grow for hours: what is complete is kept when the process is killed, and continued."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from softtopic.errors import InputError
from softtopic.storage.atomic import claimed, disk_errors, staged_file

_BLOCK = 1 << 20


@contextmanager
def resumable_lines(path: Path, made_of: Mapping[str, object], *, resume: bool) -> Iterator[tuple[BinaryIO, int]]:
    """Append lines to ``FILE.partial``, which becomes FILE at the end; if the block raises, it stays for the next run.

    ``FILE.partial.json`` says what the lines are made of.

    Parameters
    ----------
    path : Path
        Destination; an existing file is replaced at the end.
    made_of : mapping of str to plain value
        Whatever changes the lines, such as checksums and options.
    resume : bool
        Continue a partial file, where there is one. Its last line is cut off if it is incomplete.

    Yields
    ------
    stream : BinaryIO
        To write complete lines to.
    done : int
        Number of lines that an earlier run has written.

    Raises
    ------
    InputError
        If the partial file is made of something else, or another process is writing it.
    DiskError
        If the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.partial")
    head = partial.with_name(f"{partial.name}.json")
    with claimed(path, wait=False) as mine:
        if not mine:
            raise InputError(f"{path} is being written by another process; wait for it, or give another file")
        with disk_errors(path):
            if resume and partial.exists() and head.exists():
                _check_head(head, partial, made_of)
                done = cut_to_lines(partial)
            else:
                done = 0
                partial.unlink(missing_ok=True)
                with staged_file(head) as staging:
                    staging.write_text(json.dumps(dict(made_of)) + "\n", encoding="utf-8")
            with partial.open("ab") as stream:
                yield stream, done
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, path)
            head.unlink()


def _check_head(head: Path, partial: Path, made_of: Mapping[str, object]) -> None:
    try:
        known = json.loads(head.read_bytes())
    except ValueError:
        known = {}
    other = [name for name in made_of if not isinstance(known, dict) or known.get(name) != made_of[name]]
    if other:
        raise InputError(
            f"{partial} was begun with another {', '.join(other)}; give the same again, or leave out --resume to begin "
            "anew"
        )


def cut_to_lines(path: Path) -> int:
    """Cut an incomplete last line off; returns the number of complete lines."""
    count = end = position = 0
    with path.open("r+b") as stream:
        while block := stream.read(_BLOCK):
            if (last := block.rfind(b"\n")) >= 0:
                count += block.count(b"\n")
                end = position + last + 1
            position += len(block)
        stream.truncate(end)
    return count
