"""The interface as an OpenAPI document, and that document as a page."""

import json
from html import escape
from importlib.resources import files
from typing import Any

from softtopic import __version__
from softtopic.report.page import source_hash
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import MAX_NEAREST
from softtopic.serve.requests import FILE_TYPES, JSON

_INTEGER, _NUMBER, _STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}


def _nullable(kind: str) -> dict[str, Any]:
    return {"type": [kind, "null"]}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_SCHEMAS = {
    "Error": _object({"error": _STRING}, ("error",)),
    "Topics": _object(
        {
            "topics": _list(
                _object({
                    "topic": _INTEGER,
                    "count": _INTEGER,
                    "name": _STRING,
                    "words": _list(_STRING),
                    "representative_documents": _list(_STRING),
                })
            ),
            "edits": _list(_STRING),
        }
    ),
    "Hit": _object(
        {
            "document": _INTEGER | {"description": "Position among the training documents."},
            "id": {"type": ["string", "integer"]},
            "divergence": _NUMBER | {"description": "KL(query ‖ document) in nats."},
            "topic": _INTEGER,
            "text": _STRING,
        }
    ),
    "Mixtures": _object(
        {
            "topics": _list(_INTEGER) | {"description": "Number of the topic of each share of a mixture."},
            "documents": _list(
                _object({
                    "text": _STRING | {"description": "Beginning of the text."},
                    "topic": _nullable("integer") | {"description": "null where the text is blank."},
                    "name": _nullable("string"),
                    "share": _nullable("number"),
                    "mixture": _list(_NUMBER),
                    "novelty": _nullable("number"),
                    "nearest": _list(_reference("Hit")),
                })
            ),
        }
    ),
    "Hits": _object({"query": _STRING, "novelty": _nullable("number"), "hits": _list(_reference("Hit"))}),
}  # fmt: skip


def openapi_document(config: ServeConfig) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a server with these settings."""
    paths = {
        "/topics": {"get": _operation("Topics, largest first, and the kinds of the edits", "Topics")},
        "/transform": {"post": _transform(config)},
        "/search": {"get": _search_by_address(), "post": _search_by_body()},
        "/data": {"get": _operation("Data of the page: topics, documents, map, trends, classes", None)},
    }
    if not config.read_only:
        paths |= {
            "/edits": {"post": _edit()},
            "/edits/last": {"delete": _operation("Take back the last edit, and save the model", "Topics")},
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "softtopic",
            "version": __version__,
            "description": "Topics of a model folder. Errors are objects with one line, `error`. Requests of pages of "
            f"other sites are refused; a request has at most {config.max_bytes:,} bytes and {config.max_seconds:g} "
            "seconds.",
        },
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


def _operation(summary: str, answer: str | None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object"} if answer is None else _reference(answer)
    return {
        "summary": summary,
        **more,
        "responses": {
            "200": {"description": "Done", "content": {JSON: {"schema": schema}}},
            "default": {"description": "One line", "content": {JSON: {"schema": _reference("Error")}}},
        },
    }


def _transform(config: ServeConfig) -> dict[str, Any]:
    nearest = {"type": "integer", "minimum": 0, "maximum": MAX_NEAREST, "default": 0}
    body = _object({"texts": _list(_STRING) | {"maxItems": config.max_texts}, "nearest": nearest}, ("texts",))
    example = {"texts": ["The rocket reached orbit.", "Bake the bread."], "nearest": 3}
    content: dict[str, Any] = {JSON: {"schema": body, "example": example}}
    content |= {kind: {"schema": _STRING} for kind in FILE_TYPES}
    return _operation(
        "Topic mixtures of texts",
        "Mixtures",
        description=f"Up to {config.max_texts:,} texts, as JSON or as the content of a file. `nearest` is a number of "
        "training documents to find for each text.",
        parameters=[
            _query("text", {"type": "string", "default": "text"}, "Column of the texts, for files with columns."),
            _query("nearest", nearest, "For files; in JSON it stands in the body."),
        ],
        requestBody={"required": True, "content": content},
    )


def _search_by_address() -> dict[str, Any]:
    parameters = [
        _query("query", _STRING, "A word or a text.") | {"required": True},
        _query("k", _K, "Number of documents."),
    ]
    return _operation("Training documents nearest to a query", "Hits", parameters=parameters)


def _search_by_body() -> dict[str, Any]:
    body = {"schema": _object({"query": _STRING, "k": _K}, ("query",)), "example": {"query": "rockets", "k": 3}}
    return _operation("The same, for long queries", "Hits", requestBody={"required": True, "content": {JSON: body}})


def _edit() -> dict[str, Any]:
    topics = _list(_INTEGER)
    kinds = {
        "merge": {"anyOf": [topics, _list(topics)]},
        "rename": {"type": "object", "additionalProperties": _STRING},
        "drop": topics,
        "split": _INTEGER,
        "exclude": _list(_STRING),
    }
    examples = {
        "merge": {"value": {"merge": [3, 17]}},
        "rename": {"value": {"rename": {"5": "formula 1"}}},
        "drop": {"value": {"drop": [34]}},
        "split": {"value": {"split": 4}},
        "exclude": {"value": {"exclude": ["username"]}},
    }
    schema = _object(kinds) | {"minProperties": 1, "maxProperties": 1}
    return _operation(
        "Edit the topics, and save the model",
        "Topics",
        description="One edit: topics to merge, names by number, topics to drop, a topic to split into two, or words "
        "to exclude.",
        requestBody={"required": True, "content": {JSON: {"schema": schema, "examples": examples}}},
    )


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


_K = {"type": "integer", "minimum": 1, "maximum": MAX_NEAREST, "default": 10}


def api_page(document: dict[str, Any], address: str) -> bytes:
    """The document as a page without script."""
    style = files("softtopic.serve").joinpath("docs.css").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src {source_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    operations = "".join(
        _operation_html(method, path, operation, address)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    schemas = "".join(
        f"<h3>{escape(name)}</h3><pre>{_json(schema)}</pre>"
        for name, schema in document["components"]["schemas"].items()
    )
    info = document["info"]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light '
        f'dark"><link rel="icon" href="data:,"><title>{info["title"]}: HTTP interface</title><style>{style}</style>'
        f"</head><body><main><h1>HTTP interface of softtopic {info['version']}</h1><p>{_prose(info['description'])}</p>"
        '<p><a href="/">The page</a> · <a href="/openapi.json">OpenAPI document</a></p>'
        f"{operations}<h2>Values</h2>{schemas}</main></body></html>\n"
    ).encode()


def _operation_html(method: str, path: str, operation: dict[str, Any], address: str) -> str:
    parts = [
        f"<section><h2><span>{method.upper()}</span> <code>{escape(path)}</code></h2>",
        f"<p>{_prose(operation['summary'])}.</p>",
        f"<p>{_prose(operation['description'])}</p>" if "description" in operation else "",
    ]
    if rows := [
        f"<tr><td><code>{one['name']}</code></td><td>{escape(one['description'])}</td>"
        f"<td>{one['schema'].get('default', 'required')}</td></tr>"
        for one in operation.get("parameters", [])
    ]:
        parts.append(f"<table><tr><th>In the address</th><th>Meaning</th><th>Default</th></tr>{''.join(rows)}</table>")
    parts += [f"<pre>{escape(line)}</pre>" for line in _commands(method, path, operation, address)]
    answer = operation["responses"]["200"]["content"][JSON]["schema"]
    parts.append(f"<p>Answer: {escape(answer.get('$ref', 'object').rsplit('/', 1)[-1])}.</p></section>")
    return "".join(parts)


def _commands(method: str, path: str, operation: dict[str, Any], address: str) -> list[str]:
    """The operation as calls of curl."""
    url = address.rstrip("/") + path
    if "requestBody" not in operation:
        option = "" if method == "get" else f" -X {method.upper()}"
        return [f"curl{option} '{url}{'?query=rockets&k=3' if path == '/search' else ''}'"]
    content = operation["requestBody"]["content"]
    body = content[JSON]
    examples = [one["value"] for one in body.get("examples", {}).values()] or [body["example"]]
    calls = [f"curl '{url}' -H 'Content-Type: {JSON}' -d '{json.dumps(one)}'" for one in examples]
    if "text/csv" in content:
        calls.append(f"curl '{url}?text=body' -H 'Content-Type: text/csv' --data-binary @posts.csv")
    return calls


def _prose(text: str) -> str:
    """Text with `code` between backticks."""
    return "".join(f"<code>{escape(part)}</code>" if n % 2 else escape(part) for n, part in enumerate(text.split("`")))


def _json(value: Any) -> str:
    return escape(json.dumps(value, indent=1, ensure_ascii=False))
