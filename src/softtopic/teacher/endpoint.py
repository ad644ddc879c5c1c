"""Requests to an OpenAI-compatible server, JSON both ways, with retries."""

import http.client
import json
import logging
import os
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from softtopic.errors import InputError, LanguageModelError

log = logging.getLogger(__name__)

# Environment variable with the API key; the key itself is never stored, shown or written.
KEY = "SOFTTOPIC_API_KEY"
# The same for embeddings from another address than the language model's.
VECTORS_KEY = "SOFTTOPIC_VECTORS_API_KEY"

# Environment variable with addresses, separated by commas, that files may name: a model folder from somebody else must
# not decide where texts are sent.
SERVERS = "SOFTTOPIC_SERVERS"
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}

# HTTP status codes after which a request is repeated.
_RETRY_CODES = {408, 429, 500, 502, 503, 504}

# Seconds before the first retry, doubled each time, up to _MAX_DELAY.
_FIRST_DELAY = 0.5
_MAX_DELAY = 30.0


def is_url(lm: str) -> bool:
    """Whether a language model is named by the address of a server."""
    return lm.startswith(("http://", "https://"))


@final
class RefusedError(LanguageModelError):
    """The server answered, but rejects the request."""


@final
class _NoRedirect(HTTPRedirectHandler):
    """A redirect would send the key to another host."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None


@final
class Endpoint:
    """A server.

    Parameters
    ----------
    url : str
        The base address, such as "http://localhost:8080/v1".
    key : str
        Name of the environment variable with its API key.
    trusted : bool, default True
        Whether the user named the address. One that a file named is contacted only on this machine, or if the
        environment variable SOFTTOPIC_SERVERS lists it.
    timeout : float, default 60.0
        Seconds to wait for a response.
    attempts : int, default 5
        Maximum number of times a request is sent.

    Raises
    ------
    InputError
        If the address is not one, or holds a password.
    """

    def __init__(
        self, url: str, *, key: str = KEY, trusted: bool = True, timeout: float = 60.0, attempts: int = 5
    ) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:  # brackets that are no IPv6 address
            parts = urlsplit("")
        if not is_url(url) or not parts.hostname or parts.query or parts.fragment:
            raise InputError(f"server {url!r} is not an address; expected one such as http://localhost:8080/v1")
        if parts.username or parts.password:
            raise InputError(f"the address of server {parts.hostname} holds a password; give a key in {KEY} instead")
        self.url = url.rstrip("/")
        self.trusted = trusted
        self._key = key
        self._timeout = timeout
        self._attempts = attempts

    @cached_property
    def _opener(self) -> OpenerDirector:
        return build_opener(_NoRedirect)

    def __getstate__(self) -> dict[str, Any]:
        """What can be pickled: not the opener."""
        return {name: value for name, value in vars(self).items() if name != "_opener"}

    def post(self, path: str, body: Mapping[str, Any], *, retry: bool = True) -> Any:
        """The response to a POST request; raises LanguageModelError where there is none."""
        self._check_trusted()
        data = json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})  # noqa: S310
        if key := os.environ.get(self._key):
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        reason = ""
        for attempt in range(self._attempts if retry else 1):
            try:
                return self._send(request)
            except HTTPError as error:
                reason, delay = self._rejection(error, path), error.headers.get("Retry-After", "")
            except (URLError, OSError, http.client.HTTPException) as error:
                reason, delay = f"does not answer ({_reason(error)}); start it, or check the address", ""
            if retry and attempt + 1 < self._attempts:
                seconds = float(delay) if delay.isdigit() else _FIRST_DELAY * 2**attempt
                log.info("server %s %s: retrying", self.url, reason.split(";")[0])
                time.sleep(min(seconds, _MAX_DELAY))
        raise LanguageModelError(f"server {self.url} {reason}")

    def _check_trusted(self) -> None:
        allowed = {url.strip().rstrip("/") for url in os.environ.get(SERVERS, "").split(",")}
        if not self.trusted and urlsplit(self.url).hostname not in _LOCAL_HOSTS and self.url not in allowed:
            raise InputError(
                f"the file names server {self.url}, and no text is sent where you did not ask for it; if you trust it, "
                f"set {SERVERS}={self.url}"
            )

    def _send(self, request: Request) -> Any:
        with self._opener.open(request, timeout=self._timeout) as answer:
            data = answer.read()
        try:
            return json.loads(data)
        except ValueError:
            raise RefusedError(
                f"server {self.url} answers with something other than JSON; give the address of an OpenAI-compatible "
                "one, which often ends in /v1"
            ) from None

    def _rejection(self, error: HTTPError, path: str) -> str:
        """The reason a request failed; raises at once where a retry cannot help."""
        with error:
            status = f"{error.code} {_message(error.read(10_000)) or error.reason}"
        if error.code in _RETRY_CODES:
            return f"fails ({status}); look at its log"
        if error.code in (401, 403):
            step = f"set {self._key} to a key it accepts"
        elif error.code == 404 or 300 <= error.code < 400:
            step = "check the address, which often ends in /v1, and the model's name"
        else:
            step = "check what it supports, or ask for less"
        raise RefusedError(f"server {self.url} refuses {path} ({status}); {step}") from None


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _message(data: bytes) -> str:
    """The text of an error, in any of the usual places, on one line."""
    try:
        body: Any = json.loads(data)
        error = body.get("error", body)
        text = error.get("message", "") if isinstance(error, dict) else error
    except (ValueError, AttributeError):
        return ""
    return " ".join(str(text).split())[:300]
