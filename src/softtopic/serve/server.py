"""The server: a socket on this machine, and uvicorn on it."""

import socket
from collections.abc import Callable
from importlib.util import find_spec

from softtopic.errors import InputError
from softtopic.serve.config import ServeConfig
from softtopic.serve.live import LiveModel

_BACKLOG = 128

# Connections at once; more are answered by 503.
_MAX_CONNECTIONS = 500


def check_installed() -> None:
    """Raise InputError where the packages of a server are missing."""
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise InputError(f"{' and '.join(missing)}: not installed; pip install 'softtopic[serve]'")


def listen(config: ServeConfig) -> socket.socket:
    """A listening socket; raises InputError where the address cannot be used."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host.strip("[]"), config.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise InputError(
            f"{config.host} port {config.port} cannot be listened on ({error.strerror or error}); give another --port, "
            "or 0 for any that is free"
        ) from None
    return listening


def url_of(listening: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    address, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, str(address))  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def serve(
    model: LiveModel,
    listening: socket.socket,
    config: ServeConfig,
    *,
    title: str = "Topics",
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Answer requests until the process is told to stop.

    Parameters
    ----------
    model : LiveModel
    listening : socket
        See `listen`.
    config : ServeConfig
    title : str, default="Topics"
        Title of the page.
    on_ready : callable
        Called with the address when the first request would be answered at once.
    """
    import uvicorn

    from softtopic.serve.app import make_app

    model.warm_up()
    settings = uvicorn.Config(
        make_app(model, config, title=title),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_CONNECTIONS,
        lifespan="off",
        ws="none",
    )
    on_ready(url_of(listening))
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    except KeyboardInterrupt:
        return
