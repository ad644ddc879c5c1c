"""Addresses of files in object stores, such as s3://bucket/posts: any that fsspec knows."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from softtopic.errors import InputError, SofttopicError

_S3 = ("s3", "s3a")

# Seconds until a server counts as unreachable, and how often it is tried: the defaults wait for minutes.
_CONNECT_SECONDS = 5
_ATTEMPTS = 4


def address_of(path: str | Path) -> str | None:
    """The address that a path is, also where pathlib has left one slash of "://"; None for paths on this machine."""
    if isinstance(path, str):
        return path if "://" in path else None
    kind, slash, rest = path.as_posix().partition(":/")
    # A single letter is a drive of Windows.
    return f"{kind}://{rest}" if slash and len(kind) > 1 and "/" not in kind else None


def is_address(path: str | Path) -> bool:
    """Whether it is an address, and no path on this machine."""
    return address_of(path) is not None


def absolute(path: Path) -> Path:
    """The absolute path; addresses are left alone."""
    return path if is_address(path) else path.absolute()


def file_system(path: str) -> tuple[Any, str]:
    """The file system of fsspec that a path or an address belongs to, and the path inside it."""
    from fsspec.core import url_to_fs

    if not is_address(path):
        return url_to_fs(str(Path(path).absolute()))
    return url_to_fs(path, **_settings(path))


def _settings(url: str) -> dict[str, Any]:
    """What is set for a kind of store, unless the user's configuration of fsspec sets it."""
    from fsspec.config import conf

    kind = url.partition("://")[0]
    if kind not in _S3:
        return {}
    retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
    chosen = {"connect_timeout": _CONNECT_SECONDS, "retries": retries}
    return {"config_kwargs": chosen | conf.get(kind, {}).get("config_kwargs", {})}


@contextmanager
def readable(url: str) -> Iterator[None]:
    """Whatever goes wrong while a file is read is an InputError of one line that names it.

    FileNotFoundError passes.
    """
    try:
        yield
    except (SofttopicError, FileNotFoundError):
        raise
    except ImportError as error:
        raise InputError(missing_package(url, error)) from None
    except Exception as error:  # each file system has errors of its own
        raise InputError(
            f"{url} cannot be read ({first_line(error)}); check the address and your access to it"
        ) from None


def missing_package(url: str, error: ImportError) -> str:
    """What to install for a kind of address."""
    kind = url.partition("://")[0]
    hint = "pip install 'softtopic[s3]'" if kind in _S3 else str(error)
    return f"{url}: files at {kind}:// need another package; {hint}"


def first_line(error: BaseException) -> str:
    """The first line of the message of an error; its type where there is no message."""
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
