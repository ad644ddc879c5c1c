"""What can go wrong, named. Every message is one line: what was given, what was expected, the next step."""

from numbers import Integral, Real


class SofttopicError(Exception):
    """Base class of errors that a user can fix; the command line prints the message and exits with status 2."""


class InputError(SofttopicError, ValueError):
    """An argument, a file or a text is not what was asked for."""


class MissingColumnError(InputError):
    """A file of documents has no column of that name."""


class AssetError(SofttopicError):
    """A named file could not be fetched, or is not the file its checksum names."""


class LanguageModelError(SofttopicError):
    """A language model is missing here, or cannot be used as a teacher."""


class StoreMismatchError(SofttopicError):
    """A feature folder is damaged, or holds the features of other documents, words or another teacher."""


class PartFolderError(SofttopicError):
    """A folder of parts is incomplete, damaged, or of something else."""


class EngineError(SofttopicError):
    """A cluster could not be reached or failed, or parts of a run could not be computed."""


class ModelFileError(SofttopicError):
    """A model folder is damaged, too new, or not a model folder."""


class ChangedFolderError(ModelFileError):
    """A model folder is not the one that was opened: another process has changed it meanwhile."""


class HubError(SofttopicError):
    """The Hugging Face Hub could not be reached, or refused what was asked of it."""


class DiskError(SofttopicError, OSError):
    """A file could not be written; nothing half-written remains."""


def check_number(
    name: str, value: object, low: int | float, high: int | float = float("inf"), *, closed: str = "left"
) -> None:
    """Raises InputError unless the value is a number in the interval; NaN is in none.

    `closed` says which ends belong to it, as in pandas: "left", "right", "both" or "neither".
    """
    left, right = closed in ("left", "both"), closed in ("right", "both")
    number: float = value if isinstance(value, Real) and not isinstance(value, bool) else float("nan")  # type: ignore[assignment]
    if not (low <= number if left else low < number) or not (number <= high if right else number < high):
        interval = f"{'[' if left else '('}{low:g}, {high:g}{']' if right else ')'}"
        raise InputError(f"{name} is {_shown(value)}; give a number in {interval}")


def check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raises InputError unless the value is a whole number between these, both included."""
    # Those of NumPy too, which are no int; True is one, and no number.
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not least <= value or (most is not None and value > most):  # type: ignore[operator]
        limit = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} is {_shown(value)}; give a whole number {limit}")


def _shown(value: object) -> str:
    """Strings in quotes, so that "5" is not taken for 5."""
    return repr(value) if isinstance(value, str | bytes) else str(value)
