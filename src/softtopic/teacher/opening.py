"""The teacher that a user names."""

from collections.abc import Mapping
from typing import Any

from softtopic.errors import InputError
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.encoder import ENCODER_TEACHER, EncoderTeacher
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.local import Teacher
from softtopic.teacher.server import ServerTeacher


def open_teacher(lm: str | BaseTeacher, **settings: Any) -> BaseTeacher:
    """A teacher by name.

    Parameters
    ----------
    lm : str or BaseTeacher
        A language model on this machine (see `Teacher`), the address of a server (see `ServerTeacher`), "encoder" (see
        `EncoderTeacher`), or a teacher, which is returned as it is.
    **settings
        Parameters of `Teacher`. A server takes the first prompt alone, an encoder none.
    """
    if isinstance(lm, BaseTeacher):
        return lm
    if lm == ENCODER_TEACHER:
        return EncoderTeacher()
    if not is_url(lm):
        return Teacher(lm, **settings)
    return ServerTeacher(lm, **({"prompt": settings["prompt"][0]} if "prompt" in settings else {}))


def teacher_from_description(description: Mapping[str, Any], *, device: str = "auto") -> BaseTeacher:
    """The teacher of a description in a manifest or a model folder, of this or an earlier version."""
    lm = description["lm"]
    kind = EncoderTeacher if lm == ENCODER_TEACHER else ServerTeacher if is_url(lm) else Teacher
    return kind.from_description(description, device=device)


def require_local(teacher: BaseTeacher, option: str) -> Teacher:
    """The teacher, if it is on this machine; raises InputError, which names the option, for a server."""
    if not isinstance(teacher, Teacher):
        raise InputError(f"{option} needs a language model on this machine; give --lm a name, a folder or a GGUF file")
    return teacher
