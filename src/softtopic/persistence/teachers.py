"""Descriptions of language models from a file: checked, and only then used."""

from typing import Any, get_type_hints

from softtopic.errors import InputError, SofttopicError
from softtopic.persistence.values import check_names, from_plain
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.config import TeacherConfig
from softtopic.teacher.encoder import ENCODER_TEACHER
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.opening import teacher_from_description
from softtopic.teacher.prompts import Prompt

# Values of the descriptions of `Teacher`, `ServerTeacher` and `EncoderTeacher`, with their types.
_LOCAL: dict[str, Any] = {"lm": str, "dtype": str} | get_type_hints(TeacherConfig)
_SERVER: dict[str, Any] = {
    "lm": str,
    "model": str | None,
    "prompt": Prompt,
    "max_characters": int,
    "n_probs": int,
    "vectors": str | None,
}
_ENCODER: dict[str, Any] = {"lm": str, "encoder": str, "temperature": float, "max_tokens": int}


def is_known(description: dict[str, Any]) -> bool:
    """Whether a description is that of a teacher that can be opened again, not of a class of the user's."""
    return description.keys() in (_LOCAL.keys(), _SERVER.keys(), _ENCODER.keys())


def teacher_from_plain(plain: Any, *, device: str) -> BaseTeacher:
    """The teacher of a description in a file; its language model is not loaded and no server is asked.

    Raises
    ------
    InputError
        If the description has missing, unknown or impossible values.
    """
    lm = plain.get("lm") if isinstance(plain, dict) else None
    hints = _ENCODER if lm == ENCODER_TEACHER else _SERVER if isinstance(lm, str) and is_url(lm) else _LOCAL
    check_names(plain, set(hints), "teacher")
    for name, hint in hints.items():
        from_plain(hint, plain[name], f"teacher.{name}")
    if not plain["lm"].strip("\0 "):
        raise InputError("teacher.lm is empty")
    try:
        return teacher_from_description(plain, device=device)
    except SofttopicError as error:
        raise InputError(f"teacher: {error}") from None
