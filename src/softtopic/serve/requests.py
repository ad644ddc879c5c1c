"""Bodies of requests → values, within bounds."""

import json
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from softtopic.data.readers import Columns, corpus_of, parse_table
from softtopic.errors import InputError, check_whole
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import MAX_NEAREST

JSON = "application/json"

# Media type of a file → its format.
FILE_TYPES = {
    "text/plain": "txt",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
}


@dataclass(frozen=True)
class Documents:
    """Texts of a request, and the number of training documents to find for each."""

    texts: tuple[str, ...]
    nearest: int


async def read_body(request: Request, config: ServeConfig) -> bytes:
    """The body; refused as soon as it is larger than it may be."""
    blocks, size = [], 0
    async for block in request.stream():
        size += len(block)
        if size > config.max_bytes:
            raise HTTPException(413, f"the request has more than {config.max_bytes:,} bytes; send it in parts")
        blocks.append(block)
    return b"".join(blocks)


async def read_json(request: Request, config: ServeConfig) -> Any:
    """The body as JSON."""
    if media_type(request) != JSON:
        raise HTTPException(415, f"the content type is {media_type(request)[:60]!r}; send {JSON}")
    return parse_body(await read_body(request, config))


def parse_body(body: bytes) -> Any:
    """JSON of a body; raises InputError where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("the body is not JSON; send one object, as described by /docs") from None


def media_type(request: Request) -> str:
    """The media type of the body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def documents_of(body: bytes, kind: str, query: Any, config: ServeConfig) -> Documents:
    """Texts of a body: a JSON object with a list `texts`, or a file in one of `FILE_TYPES`."""
    if kind == JSON:
        given = fields(parse_body(body), {"texts": None, "nearest": 0})
        texts, nearest = given["texts"], given["nearest"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise InputError('texts are missing or no list of strings; send {"texts": ["…", "…"]}')
    else:
        table = parse_table(body, "the file", [query.get("text", "text")], format=FILE_TYPES[kind])
        texts = corpus_of(table, Columns(text=query.get("text", "text")), "the file").texts
        nearest = whole(query, "nearest", 0)
    check_whole("nearest", nearest, 0, MAX_NEAREST)
    if not 1 <= len(texts) <= config.max_texts:
        raise InputError(f"there are {len(texts):,} texts; send 1 to {config.max_texts:,} at once")
    return Documents(tuple(texts), nearest)


def fields(given: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """The fields of a JSON object; raises InputError for unknown ones."""
    if not isinstance(given, dict) or given.keys() - defaults.keys():
        shown = str(sorted(given) if isinstance(given, dict) else given)[:80]
        raise InputError(f"the body is {shown}; send an object with {', '.join(defaults)}")
    return defaults | given


def whole(query: Any, name: str, default: int) -> int:
    """A whole number of the query of an address."""
    value = query.get(name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InputError(f"{name} is {value[:20]!r}; give a whole number")
    return int(value)
