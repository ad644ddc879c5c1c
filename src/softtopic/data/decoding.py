"""Bytes → text: UTF-8 unless a byte order mark or the caller says otherwise."""

import codecs
import logging

from softtopic.errors import InputError

log = logging.getLogger(__name__)

# UTF-16 with a byte order mark, as Windows programs write it.
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes, file: str, encoding: str | None = None) -> str:
    """Decode the content of a file.

    Parameters
    ----------
    data : bytes
    file : str
        Name of the file for messages.
    encoding : str or None, default=None
        Name of the encoding. None: UTF-8, or UTF-16 where a byte order mark says so; a message tells of it.

    Raises
    ------
    InputError
        If the encoding is unknown, or the bytes are not of this encoding; the message names line and byte.

    """
    name = encoding or "utf-8-sig"
    if encoding is None and data.startswith(_UTF16):
        log.info("%s is UTF-16", file)
        name = "utf-16"
    if encoding is None and name != "utf-16" and _has_zeros(data):
        raise InputError(
            f"{file} is not UTF-8 (line 1, byte {data.index(0)}); convert it with iconv, or {_likely(data)}"
        )
    try:
        text = data.decode(codecs.lookup(name).name)
        if not isinstance(text, str):
            raise LookupError
        return text.removeprefix("\ufeff")
    except (LookupError, ValueError) as error:
        if not isinstance(error, UnicodeError):
            raise InputError(f"{file}: encoding {name!r} is not known; give e.g. utf-8, cp1252 or utf-16") from None
        start = getattr(error, "start", 0)
        line = data.count(b"\n", 0, start) + 1
        called = "UTF-8" if encoding is None and name != "utf-16" else name
        step = _likely(data) if encoding is None else "give another with --encoding"
        raise InputError(
            f"{file} is not {called} (line {line}, byte {start}); convert it with iconv, or {step}"
        ) from None


def _has_zeros(data: bytes) -> bool:
    """Whether there are as many zero bytes as in UTF-16, where ASCII letters have one each."""
    return data[:200].count(0) > len(data[:200]) // 4


def _likely(data: bytes) -> str:
    """The encoding to try, from bytes that are not UTF-8."""
    if _has_zeros(data):
        order = "be" if data[:1] == b"\0" else "le"
        return f"read it with --encoding utf-16-{order}"
    return "read it with --encoding cp1252 where it is from Windows in a Western language"
