"""Which requests are answered: those of this machine's browser tabs and programs, of moderate size and time.

A page of a foreign site may send requests to a server on this machine, and may have its own name resolve to it (DNS
rebinding). Its requests have a foreign `Origin` or `Sec-Fetch-Site`, or a foreign `Host`.
"""

import socket
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from softtopic.serve.config import ServeConfig, is_address
from softtopic.serve.responses import error_response

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

# Ports of the schemes of web pages, where an origin names none.
_PORTS = {"http": 80, "https": 443}

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    # That of a page stands in the page, and both apply.
    "content-security-policy": "frame-ancestors 'none'",
}


class Guard:
    """Middleware that refuses requests of foreign hosts and origins, and bounds size and time of all others."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self._app, self._config = app, config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(message)
            await send(message)

        refused = _refusal(scope, self._config)
        if refused is not None:
            await error_response(*refused)(scope, receive, send_safely)
            return
        with anyio.move_on_after(self._config.max_seconds) as limit:
            await self._app(scope, receive, send_safely)
        if limit.cancelled_caught and not started:
            message = f"the request took more than {self._config.max_seconds:g} seconds; send fewer texts at once"
            await error_response(503, message)(scope, receive, send_safely)


def _add_headers(message: MutableMapping[str, Any]) -> None:
    known = {name for name, _ in message["headers"]}
    message["headers"] = [
        *message["headers"],
        *((name.encode(), value.encode()) for name, value in _HEADERS.items() if name.encode() not in known),
    ]


def _refusal(scope: Scope, config: ServeConfig) -> tuple[int, str] | None:
    """Status and message of a request that is refused; None for all others."""
    headers, method, scheme = Headers(scope=scope), scope["method"], scope.get("scheme", "http")
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_own_host(hosts[0], config):
        return 421, f"the host is {', '.join(hosts)[:80]!r}; open the address that softtopic serve printed"
    origins = headers.getlist("origin")
    own = _origin(f"{scheme}://{hosts[0]}")
    if any(own is None or _origin(origin) != own for origin in origins):
        return (
            403,
            f"the origin is {origins[0][:80]!r}; pages of other sites are not answered, use the page of this server",
        )
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode")
    # A link on another page may lead here; what it leads to cannot be read by that page.
    if site not in ("same-origin", "none") and not (method == "GET" and mode == "navigate"):
        return (
            403,
            f"the request comes from a {site} page; pages of other sites are not answered, use the page of this server",
        )
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        return 400, f"content-length is {length[:20]!r}; send a number of bytes"
    if int(length[:20]) > config.max_bytes:
        return 413, f"the request has {length[:20]} bytes; send at most {config.max_bytes:,}"
    return None


def is_own_host(host: str, config: ServeConfig) -> bool:
    """Whether a Host header names this machine: an address cannot be rebound, a foreign name can."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in _LOCAL_HOSTS or name == config.host.strip("[]").lower():
        return True
    return not config.is_local and (is_address(name) or name == socket.gethostname().lower())


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None where there is no host or another scheme than those of web pages."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port and parts.scheme in _PORTS else None
