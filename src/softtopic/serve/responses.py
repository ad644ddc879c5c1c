"""Answers: JSON without NaN, and errors of one line."""

import json
from typing import Any

from starlette.responses import Response


def json_response(value: Any, status: int = 200) -> Response:
    """An answer in JSON."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text.encode("utf-8", "replace"), status, media_type="application/json")


def error_response(status: int, message: str) -> Response:
    """An error: one line that says what was given, what was expected, and the next step."""
    return json_response({"error": " ".join(message.split())}, status)
