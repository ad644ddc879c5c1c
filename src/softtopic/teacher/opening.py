"""From what a user names to a teacher."""

from typing import Any

from softtopic.errors import InputError
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.local import Teacher
from softtopic.teacher.server import ServerTeacher


def open_teacher(lm: str | BaseTeacher, **options: Any) -> BaseTeacher:
    """The teacher given, that of a server's address, or that of a language model here with the options of `Teacher`."""
    if isinstance(lm, BaseTeacher):
        return lm
    if not is_url(lm):
        return Teacher(lm, **options)
    # A server is asked one prompt.
    return ServerTeacher(lm, **({"prompt": options["prompt"][0]} if "prompt" in options else {}))


def described_teacher(description: dict[str, Any], *, device: str = "auto") -> BaseTeacher:
    """The teacher of a description, as it stands in manifests and model folders."""
    kind = ServerTeacher if is_url(description["lm"]) else Teacher
    return kind.described(description, device=device)


def need_local(teacher: BaseTeacher, what: str) -> Teacher:
    """The teacher, where it is a language model on this machine; raises InputError for a server."""
    if not isinstance(teacher, Teacher):
        raise InputError(f"{what} needs a language model on this machine; give --lm a name, a folder or a GGUF file")
    return teacher
