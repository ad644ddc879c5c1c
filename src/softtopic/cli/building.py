"""From options to what the library works with. Heavy modules are imported where they are needed."""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softtopic.cli.options import DocumentOptions, TeacherOptions
from softtopic.errors import InputError

if TYPE_CHECKING:
    import typer

    from softtopic.data.corpus import Corpus
    from softtopic.metrics.rating import Rater
    from softtopic.teacher.base import BaseTeacher

log = logging.getLogger("softtopic")


def read_documents(file: str, options: DocumentOptions, *, label_required: bool = True) -> "Corpus":
    """The documents of a file; a message says how many there are."""
    from softtopic.data.readers import Columns, read_corpus

    columns = Columns(text=options.text, label=options.label, id=options.id, label_required=label_required)
    corpus = read_corpus(file, columns, format=options.format)
    counts = {"duplicates (read once)": corpus.n_duplicates, "empty": corpus.n_empty}
    details = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    log.info("%d documents%s", len(corpus), f", of them {details}" if details else "")
    return corpus


def parse_share(value: str | None) -> float | None:
    """A share, written as "20%" or "0.2"."""
    if value is None:
        return None
    try:
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise InputError(f"--sample is {value!r}; give a share above 0 and at most 1, as 20% or 0.2")
    return share


def parse_vocabulary(value: str | None) -> int | list[str]:
    """A number of words, or the lines of a file."""
    if value is None:
        from softtopic.data.vocabulary import VOCABULARY_SIZE

        return VOCABULARY_SIZE
    if value.lstrip("-").isdigit():
        return int(value)
    from softtopic.data.readers import read_corpus

    return [line for line in read_corpus(value, format="txt").texts if line.strip()]


def check_sources(file: str | None, features: Path | None, labels: Path | None) -> None:
    """Raise InputError unless there is something to fit, from one source."""
    if labels is not None and (file is not None or features is not None):
        raise InputError("--labels stands alone; leave out the file of documents and --features")
    if file is None and features is None and labels is None:
        raise InputError("nothing to fit; give a file of documents, or --features with a folder made by teach")


def demonstrations_mode(options: TeacherOptions, recipe: str) -> str:
    """Whether demonstrations are chosen for the corpus, "auto" or "none": as asked, else as the recipe says.

    With a prompt by name, or on a server, none are chosen unless they are asked for.
    """
    from softtopic.recipes import get_recipe
    from softtopic.teacher.endpoint import is_url

    if options.demonstrations is None and (options.prompt or is_url(options.lm)):
        return "none"
    return get_recipe(recipe, demonstrations=options.demonstrations).demonstrations


def build_teacher(options: TeacherOptions, defaults: dict[str, Any]) -> "BaseTeacher":
    """The language model that teaches; `defaults` are the recipe's settings of it, its prompts among them."""
    from softtopic.teacher.endpoint import is_url

    return _server_teacher(options, defaults) if is_url(options.lm) else _local_teacher(options, defaults)


def _server_teacher(options: TeacherOptions, defaults: dict[str, Any]) -> "BaseTeacher":
    from softtopic.teacher.server import ServerTeacher

    if options.branches:
        raise InputError(f"--branches is {options.branches}; a server scores first tokens alone: leave it out")
    if len(options.prompt or ()) > 1 or options.cut not in (None, "head"):
        raise InputError("a server is asked one prompt about the head of a document; leave out --cut and the others")
    # A server counts no tokens beforehand; English has about four characters to each.
    limit = {} if options.max_tokens is None else {"max_characters": 4 * options.max_tokens}
    server = {"model": options.lm_model, "n_probs": options.lm_probs, "vectors": options.vectors}
    return ServerTeacher(options.lm, prompt=defaults["prompt"][0], **server, **limit)  # type: ignore[arg-type]


def _local_teacher(options: TeacherOptions, defaults: dict[str, Any]) -> "BaseTeacher":
    from softtopic.teacher.local import Teacher

    if options.lm_model is not None or options.vectors is not None:
        raise InputError(
            f"--lm-model and --vectors are for a server; --lm is {options.lm!r}: give its address, or leave them out"
        )
    names = ("branches", "max_tokens", "cut", "device", "dtype")
    explicit = {name: value for name in names if (value := getattr(options, name)) is not None}
    if not explicit.keys().isdisjoint(("max_tokens", "cut")):
        # An option that limits how much is read replaces the recipe's limit altogether.
        defaults = {name: value for name, value in defaults.items() if name != "cut"}
    return Teacher(options.lm, **defaults | explicit)


def build_rater(lm: str | None, model: str | None, n_probs: int, device: str) -> "Rater":
    """The language model that rates topics."""
    from softtopic.lm.loading import EMBEDDED
    from softtopic.teacher.endpoint import is_url
    from softtopic.teacher.raters import LocalRater, ServerRater

    if lm is not None and is_url(lm):
        return ServerRater(lm, model=model, n_probs=n_probs)
    if model is not None:
        raise InputError(f"--lm-model is for a server; --lm is {lm or EMBEDDED!r}: give its address, or leave it out")
    return LocalRater(lm or EMBEDDED, device=device)


def explicit_options(context: "typer.Context", exclude: Collection[str]) -> list[str]:
    """The options that were given on the command line, as they were given."""
    arguments: list[str] = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if not option.opts[0].startswith("-") or option.name in exclude:
            continue
        if source is not None and source.name == "COMMANDLINE":
            value = context.params[option.name or ""]
            for one in value if isinstance(value, list | tuple) else [value]:
                arguments += [option.opts[0], str(one)]
    return arguments
