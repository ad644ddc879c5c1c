"""`softtopic cache`: what is kept on disk, and how much of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from softtopic.cli.options import Json, Quiet
from softtopic.cli.output import print_json, print_table, show_messages
from softtopic.cli.reference import described
from softtopic.wording import counted

if TYPE_CHECKING:
    from softtopic.storage.cache import CacheEntry

cache = typer.Typer(name="cache", help="List, clear or limit the files that softtopic keeps.")


@cache.command(epilog=described("cache ls")["epilog"])
def ls(as_json: Json = False, quiet: Quiet = False) -> None:
    """List what the cache folder holds, the longest unused first."""
    from softtopic.storage.cache import cache_dir, cache_entries

    show_messages(quiet)
    entries = cache_entries()
    total = sum(entry.size for entry in entries)
    if as_json:
        print_json({"folder": str(cache_dir()), "bytes": total, "entries": [_record(entry) for entry in entries]})
        return
    print_table(
        ["kind", "MB", "last used", "name"],
        [[entry.kind, f"{entry.size / 1e6:,.1f}", _day(entry.used), entry.path.name] for entry in entries],
    )
    print(f"{total / 1e6:,.1f} MB in {cache_dir()}")


@cache.command(epilog=described("cache clear")["epilog"])
def clear(
    kind: Annotated[
        str | None, typer.Argument(help="A kind that ls shows, e.g. features; default: all but downloaded models.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove what was computed; it is computed again when it is needed."""
    from softtopic.storage.cache import clear_cache

    show_messages(quiet)
    _print_removed(clear_cache(kind), as_json)


@cache.command(epilog=described("cache cap")["epilog"])
def cap(
    size: Annotated[str, typer.Argument(help="Size that may stay, e.g. 2GB; downloaded models do not count.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Remove what was computed, the longest unused first, until the rest has at most this size."""
    from softtopic.storage.cache import cap_cache, parse_size

    show_messages(quiet)
    _print_removed(cap_cache(parse_size(size)), as_json)


def _print_removed(entries: "list[CacheEntry]", as_json: bool) -> None:
    if as_json:
        print_json({"removed": len(entries), "bytes": sum(entry.size for entry in entries)})
        return
    print(f"removed {counted(len(entries), 'entry', 'entries')}, {sum(entry.size for entry in entries) / 1e6:,.1f} MB")


def _record(entry: "CacheEntry") -> dict[str, str | int]:
    return {"kind": entry.kind, "name": entry.path.name, "bytes": entry.size, "used": _day(entry.used)}


def _day(seconds: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
