"""The command line. The only place that prints: results on standard output, all else on standard error."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from threading import current_thread, main_thread
from types import FrameType
from typing import NoReturn

from softtopic.errors import MissingColumnError, SofttopicError

# Set by the scripts that --install-completion writes.
_COMPLETION = "_SOFTTOPIC_COMPLETE"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which `kill`, containers and job schedulers send."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 2 (wrong use or bad input, one line) or 1 (anything else)."""
    with _sigterm_raises():
        _main(arguments)


def _main(arguments: Sequence[str] | None) -> NoReturn:
    import typer

    from softtopic.cli.app import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in ([], ["cache"]):
        given.append("--help")
    _show_all_letters()
    command = typer.main.get_command(app)
    if _COMPLETION in os.environ:
        # A shell asks for the completions of a line.
        command.main(prog_name="softtopic")
    try:
        # Not by calling the command, which would replace a KeyboardInterrupt and its notes by an exit code.
        with command.make_context("softtopic", given) as context:
            command.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
        sys.exit(0)
    except BrokenPipeError:
        # The reader of our output has closed it, as `head` does; nothing is wrong.
        _discard_output()
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort) as stop:
        code = 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)
        _fail(_stopped(getattr(stop, "__notes__", ())), code)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except Exception as error:
        if isinstance(error, OSError):
            _discard_output()
        message, status = _explain(error, given)
        if status == 1 and os.environ.get("SOFTTOPIC_DEBUG"):
            raise
        _fail(message, status)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, and so removes locks and temporary files; a second one ends it at once."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _show_all_letters() -> None:
    """Letters that a console does not have are shown as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _stopped(notes: Sequence[str]) -> str:
    """What was kept, and how to resume."""
    from softtopic.cli.options import ADD_RESUME

    next_step = [] if any(note.endswith(ADD_RESUME) for note in notes) else ["run the same command again to resume"]
    return "; ".join(["stopped", *notes, *next_step])


def _explain(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    """What to say of an error, and the exit status."""
    import typer

    # typer carries its own copy of click in some versions; the base class of its errors is found in either.
    wrong_use = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    if isinstance(error, MissingColumnError):
        from softtopic.cli.options import option_of_column

        return f"{error}; choose one with {option_of_column(str(error), arguments)}", 2
    if isinstance(error, SofttopicError):
        return str(error), 2
    if isinstance(error, wrong_use):
        command = getattr(getattr(error, "ctx", None), "command_path", "softtopic")
        return f"{error.format_message().rstrip('.?')}; see {command} -h", 2  # type: ignore[attr-defined]
    if isinstance(error, OSError):
        where = error.filename or "standard output"
        return f"{where}: {error.strerror or error}; check the path, its permissions and the space that is left", 2
    if isinstance(error, MemoryError):
        return "there is not enough memory; give fewer documents, or free some memory", 2
    return f"unexpected {type(error).__name__}: {error} (SOFTTOPIC_DEBUG=1 shows where)", 1


def _discard_output() -> None:
    """Send what is left in the buffer of standard output nowhere: Python writes it when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):
        return


def _fail(message: str, code: int) -> NoReturn:
    from softtopic.cli.output import printable

    if sys.stderr is not None:
        print(f"softtopic: {printable(' '.join(message.split()))}", file=sys.stderr)
    sys.exit(code)
