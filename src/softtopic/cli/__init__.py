"""The command line. The only place that prints: results on standard output, all else on standard error."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from softtopic.errors import SofttopicError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with 0 (done), 2 (wrong use or bad input, one line) or 1 (anything else)."""
    import typer

    from softtopic.cli.app import app

    # typer carries its own copy of click in some versions; the base class of its errors is found in either.
    wrong_use = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = typer.main.get_command(app)
    try:
        # Not by calling the command, which would replace a KeyboardInterrupt and its notes by an exit code.
        with command.make_context("softtopic", given or ["--help"]) as context:
            command.invoke(context)
        sys.exit(0)
    except SofttopicError as error:
        _fail(str(error), 2)
    except BrokenPipeError:
        # The reader of our output has closed it, as `head` does; nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort) as stop:
        _fail("; ".join(["stopped", *getattr(stop, "__notes__", ()), "run the same command again to go on"]), 130)
    except typer.Exit as end:
        sys.exit(end.exit_code)
    except Exception as error:
        if isinstance(error, wrong_use):
            _fail(f"{error.format_message().rstrip('.?')}; see softtopic --help", 2)  # type: ignore[attr-defined]
        if os.environ.get("SOFTTOPIC_DEBUG"):
            raise
        _fail(f"unexpected {type(error).__name__}: {error} (SOFTTOPIC_DEBUG=1 shows where)", 1)


def _fail(message: str, code: int) -> NoReturn:
    line = " ".join(message.split())
    print(f"softtopic: {line}", file=sys.stderr)
    sys.exit(code)
