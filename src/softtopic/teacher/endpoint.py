"""Questions to an OpenAI-compatible server, JSON both ways: patient with what passes, plain about what does not."""

import http.client
import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any, final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from softtopic.errors import InputError, LanguageModelError

log = logging.getLogger(__name__)

# The environment's name for the key; the key itself is never kept, shown or written.
KEY = "SOFTTOPIC_API_KEY"
# The key of a server of vectors at another address than the language model's.
VECTORS_KEY = "SOFTTOPIC_VECTORS_API_KEY"

# Addresses, by comma, that the user lets files name: a model folder of somebody else must not choose where texts go.
SERVERS = "SOFTTOPIC_SERVERS"
# What is sent there stays on this machine.
_HERE = {"localhost", "127.0.0.1", "::1"}

# Answers that another attempt may change.
_PASSING = {408, 429, 500, 502, 503, 504}

# Seconds before the second attempt, doubled each time; no server is waited for longer than _LONGEST at a time.
_WAIT = 0.5
_LONGEST = 30.0


def is_url(lm: str) -> bool:
    """Whether a language model is named by the address of a server."""
    return lm.startswith(("http://", "https://"))


@final
class RefusedError(LanguageModelError):
    """The server is there, and does not do what it was asked for."""


@final
class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None


@final
class Endpoint:
    """One server, by the address its paths begin with, such as http://localhost:8080/v1.

    Args:
        url: the address.
        key: name of the environment variable that holds its key.
        named: whether the user named the address. One that a file named is asked only on this machine, or where
            SOFTTOPIC_SERVERS has it.
        timeout: seconds to wait for an answer.
        attempts: how often to ask where it may help.

    """

    def __init__(
        self, url: str, *, key: str = KEY, named: bool = True, timeout: float = 60.0, attempts: int = 5
    ) -> None:
        parts = urlsplit(url)
        if not is_url(url) or not parts.hostname or parts.query or parts.fragment:
            raise InputError(f"server {url!r} is not an address; expected one such as http://localhost:8080/v1")
        if parts.username or parts.password:
            raise InputError(f"the address of server {parts.hostname} holds a password; give a key in {KEY} instead")
        self.url = url.rstrip("/")
        self.named = named
        self._key = key
        self._timeout = timeout
        self._attempts = attempts
        self._opener = build_opener(_NoRedirect)

    def ask(self, path: str, body: Mapping[str, Any], *, patient: bool = True) -> Any:
        """The answer to a POST; raises LanguageModelError where there is none, after several attempts if `patient`."""
        self._check_named()
        data = json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})  # noqa: S310
        if key := os.environ.get(self._key):
            request.add_unredirected_header("Authorization", f"Bearer {key}")
        reason = ""
        for attempt in range(self._attempts if patient else 1):
            try:
                return self._once(request)
            except HTTPError as error:
                reason, waited = self._refusal(error, path), error.headers.get("Retry-After", "")
            except (URLError, OSError, http.client.HTTPException) as error:
                reason, waited = f"does not answer ({_reason(error)}); start it, or check the address", ""
            if patient and attempt + 1 < self._attempts:
                wait = float(waited) if waited.isdigit() else _WAIT * 2**attempt
                log.info("server %s %s: asking again", self.url, reason.split(";")[0])
                time.sleep(min(wait, _LONGEST))
        raise LanguageModelError(f"server {self.url} {reason}")

    def _check_named(self) -> None:
        allowed = {url.strip().rstrip("/") for url in os.environ.get(SERVERS, "").split(",")}
        if not self.named and urlsplit(self.url).hostname not in _HERE and self.url not in allowed:
            raise InputError(
                f"the file names server {self.url}, and no text is sent where you did not ask for it; if you trust it, "
                f"set {SERVERS}={self.url}"
            )

    def _once(self, request: Request) -> Any:
        with self._opener.open(request, timeout=self._timeout) as answer:
            data = answer.read()
        try:
            return json.loads(data)
        except ValueError:
            raise RefusedError(
                f"server {self.url} answers with something other than JSON; give the address of an OpenAI-compatible "
                "one, which often ends in /v1"
            ) from None

    def _refusal(self, error: HTTPError, path: str) -> str:
        """What to say of an answer that is no success; raises at once where asking again cannot help."""
        with error:
            said = _message(error.read(10_000))
        if error.code in _PASSING:
            return f"fails ({error.code} {said or error.reason}); look at its log"
        if error.code in (401, 403):
            step = f"set {self._key} to a key it accepts"
        elif error.code == 404 or 300 <= error.code < 400:
            step = "check the address, which often ends in /v1, and the model's name"
        else:
            step = "check what it supports, or ask for less"
        raise RefusedError(f"server {self.url} refuses {path} ({error.code} {said or error.reason}); {step}") from None


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _message(data: bytes) -> str:
    """The error's text in any of the usual places, on one line."""
    try:
        found: Any = json.loads(data)
        found = found.get("error", found)
        found = found.get("message", "") if isinstance(found, dict) else found
    except (ValueError, AttributeError):
        return ""
    return " ".join(str(found).split())[:300]
