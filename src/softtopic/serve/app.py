"""The ASGI application: routes to a live model. Work runs in threads, a block of texts at a time."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from softtopic.errors import ChangedFolderError, DiskError, InputError, SofttopicError
from softtopic.report.page import Addition, render
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import LiveModel
from softtopic.serve.openapi import api_page, openapi_document
from softtopic.serve.protection import Guard
from softtopic.serve.requests import FILE_TYPES, JSON, documents_of, fields, media_type, read_body, read_json, whole
from softtopic.serve.responses import error_response, json_response

# Texts that are transformed at a time: requests take turns, and a request that is too long ends soon.
_BLOCK = 64


def make_app(model: LiveModel, config: ServeConfig = ServeConfig(), *, title: str = "Topics") -> Starlette:
    """The application of a model.

    Parameters
    ----------
    model : LiveModel
    config : ServeConfig, default=ServeConfig()
    title : str, default="Topics"
        Title of the page.
    """
    service = Service(model, config, title)
    routes = [
        Route("/", service.page),
        Route("/data", service.data),
        Route("/topics", service.topics),
        Route("/transform", service.transform, methods=["POST"]),
        Route("/search", service.search, methods=["GET", "POST"]),
        Route("/edits", service.edit, methods=["POST"]),
        Route("/edits/last", service.undo, methods=["DELETE"]),
        Route("/openapi.json", service.openapi),
        Route("/docs", service.docs),
    ]
    handlers: dict[Any, Any] = {
        HTTPException: _refused,
        ClientDisconnect: _left,
        SofttopicError: _failed,
        Exception: _unexpected,
    }
    middleware = [Middleware(Guard, config=config)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)


class Service:
    """Answers to the requests."""

    def __init__(self, model: LiveModel, config: ServeConfig, title: str) -> None:
        self._model, self._config, self._title = model, config, title
        # One computation uses all cores; texts wait for their turns in order, and what is quick does not wait for them.
        self._computing, self._editing, self._quick = CapacityLimiter(1), CapacityLimiter(1), CapacityLimiter(4)

    async def page(self, request: Request) -> Response:
        """The page of the model."""
        del request
        return Response(await self._run(self._rendered), media_type="text/html")

    async def data(self, request: Request) -> Response:
        """Data of the page."""
        del request
        return await self._run(lambda: json_response(self._data()))

    async def topics(self, request: Request) -> Response:
        """The topics."""
        del request
        return json_response(await self._run(self._model.topics))

    async def transform(self, request: Request) -> Response:
        """Mixtures of texts."""
        kind = media_type(request)
        if kind != JSON and kind not in FILE_TYPES:
            raise HTTPException(415, f"the content type is {kind[:60]!r}; send {JSON} or {', '.join(FILE_TYPES)}")
        body = await read_body(request, self._config)
        given = await self._run(lambda: documents_of(body, kind, request.query_params, self._config))
        # Edits that are made meanwhile are of the next request.
        predictor, records = self._model.predictor, []
        for start in range(0, len(given.texts), _BLOCK):
            if start and await request.is_disconnected():
                raise ClientDisconnect
            texts = given.texts[start : start + _BLOCK]
            records += await self._compute(self._model.transform, predictor, texts, given.nearest)
        return json_response({"topics": list(predictor.view.topic_ids), "documents": records})

    async def search(self, request: Request) -> Response:
        """Training documents that are near to a query."""
        if request.method in ("GET", "HEAD"):
            if unknown := sorted(set(request.query_params) - {"query", "k"}):
                raise InputError(f"/search has no parameter {unknown[0][:40]!r}; give query and k")
            query, k = request.query_params.get("query"), whole(request.query_params, "k", 10)
        else:
            given = fields(await read_json(request, self._config), {"query": None, "k": 10})
            query, k = given["query"], given["k"]
        if query is None:
            raise InputError("the query is missing; give a word or a text, as /search?query=rockets")
        return json_response(await self._compute(self._model.search, query, k))

    async def edit(self, request: Request) -> Response:
        """One edit."""
        self._check_edits()
        given = await read_json(request, self._config)
        return json_response(await to_thread.run_sync(self._model.edit, given, limiter=self._editing))

    async def undo(self, request: Request) -> Response:
        """The last edit is taken back."""
        del request
        self._check_edits()
        return json_response(await to_thread.run_sync(self._model.undo, limiter=self._editing))

    async def openapi(self, request: Request) -> Response:
        """The description of this interface."""
        del request
        return json_response(openapi_document(self._config))

    async def docs(self, request: Request) -> Response:
        """The description as a page."""
        return Response(api_page(openapi_document(self._config), str(request.base_url)), media_type="text/html")

    def _check_edits(self) -> None:
        if self._config.read_only:
            raise HTTPException(403, "this server is read-only; start it without --read-only to edit topics")

    def _data(self) -> dict[str, Any]:
        predictor = self._model.predictor
        settings = {"read_only": self._config.read_only, "max_bytes": self._config.max_bytes}
        return self._model.page_data() | {"settings": settings | {"edits": len(predictor.edits)}}

    def _rendered(self) -> bytes:
        return render(self._data(), self._title, _addition())

    async def _run(self, function: Callable[[], Any]) -> Any:
        return await to_thread.run_sync(function, limiter=self._quick)

    async def _compute(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await to_thread.run_sync(function, *arguments, limiter=self._computing)


def _addition() -> Addition:
    parts = files("softtopic.serve")
    html, style, script = (parts.joinpath(f"live.{end}").read_text(encoding="utf-8") for end in ("html", "css", "js"))
    return Addition(html=html, style=style, script=script)


async def _refused(request: Request, error: HTTPException) -> Response:
    reasons = {
        404: f"there is no {request.url.path[:80]}; see /docs for what there is",
        405: f"{request.url.path[:80]} is not for {request.method[:20]}; see /docs",
    }
    return error_response(error.status_code, reasons.get(error.status_code, error.detail))


async def _left(request: Request, error: ClientDisconnect) -> Response:
    del request, error
    return Response(status_code=400)  # nobody reads it


async def _failed(request: Request, error: SofttopicError) -> Response:
    del request
    status = 409 if isinstance(error, ChangedFolderError) else 507 if isinstance(error, DiskError) else 400
    return error_response(status, str(error))


async def _unexpected(request: Request, error: Exception) -> Response:
    del request
    return error_response(500, f"unexpected {type(error).__name__}; the terminal of softtopic serve says more")
