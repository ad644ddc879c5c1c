"""From options to what the library works with. Heavy modules are imported where they are needed."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softtopic.errors import InputError

if TYPE_CHECKING:
    import typer

    from softtopic.data.corpus import Corpus
    from softtopic.metrics.rating import Rater
    from softtopic.model import TopicModel
    from softtopic.teacher.base import BaseTeacher


def read_documents(
    file: str, text: str, label: str | None, id: str | None, format: str | None, *, label_required: bool = True
) -> "Corpus":
    from softtopic.data.readers import Columns, read_corpus

    columns = Columns(text=text, label=label, id=id, label_required=label_required)
    corpus = read_corpus(file, columns, format=format)
    told = [f"{corpus.n_duplicates} duplicates (read once)"] if corpus.n_duplicates else []
    told += [f"{corpus.n_empty} empty"] if corpus.n_empty else []
    logging.getLogger("softtopic").info("%d documents%s", len(corpus), f", of them {', '.join(told)}" if told else "")
    return corpus


def check_sources(file: str | None, features: Path | None, labels: Path | None) -> None:
    """What to fit comes from somewhere, and not from two places."""
    if labels is not None and (file is not None or features is not None):
        raise InputError("--labels stands alone; leave out the file of documents and --features")
    if file is None and features is None and labels is None:
        raise InputError("nothing to fit; give a file of documents, or --features with a folder made by teach")


def fit_labels(model: "TopicModel", path: Path, text: str, words: int | list[str] | None) -> "Corpus":
    """Fit a model on a file of soft labels."""
    from softtopic.features.soft_label_files import read_soft_labels

    if isinstance(words, int):
        raise InputError(f"--vocabulary is {words}; --labels needs a file of the words its labels are of")
    found = read_soft_labels(path, words, text=text)
    model.vocabulary = found.vocabulary
    model.fit(found.corpus, soft_labels=found.log_probs, hidden=found.hidden)
    return found.corpus


def build_teacher(
    lm: str, prompts: list[str] | None, asked: dict[str, Any], server: dict[str, Any], **options: Any
) -> "BaseTeacher":
    """The teacher of the options given; `asked` is what the recipe asks where they are None, and its prompts."""
    from softtopic.teacher.endpoint import is_url

    if is_url(lm):
        from softtopic.teacher.server import ServerTeacher

        if options["beam_width"]:
            raise InputError(
                f"--beam-width is {options['beam_width']}; a server scores first tokens alone: leave it out"
            )
        if len(prompts or ()) > 1 or options["truncation"] not in (None, "head"):
            raise InputError(
                "a server is given one prompt with the head of a document; leave out --truncation and the others"
            )
        if options["max_tokens"] is not None:
            # A server counts no tokens beforehand; English has about four letters to each.
            server = server | {"max_characters": 4 * options["max_tokens"]}
        return ServerTeacher(lm, prompt=asked["prompt"][0], **server)
    from softtopic.teacher.local import Teacher

    if server["model"] is not None or server["vectors"] is not None:
        raise InputError(
            f"--lm-model and --vectors are for a server; --lm is {lm!r}: give its address, or leave them out"
        )
    given = {name: value for name, value in options.items() if value is not None}
    if not given.keys().isdisjoint(("max_tokens", "truncation")):
        # Who says how much is read of a document says all about it.
        asked = {name: value for name, value in asked.items() if name != "truncation"}
    return Teacher(lm, **asked | given)


def check_unrated(given: dict[str, Any]) -> None:
    """Options of a rating stand beside --rate."""
    names = [name for name, value in given.items() if value]
    if names:
        raise InputError(f"{', '.join(names)} given and nothing is rated; give --rate too, or leave them out")


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


def chosen_by(prompts: list[str] | None, recipe: str, demonstrations: str | None, lm: str) -> str:
    """Whether examples are chosen for the corpus: as asked, else as the recipe has it.

    A prompt that is named stays, and a server is asked no more than it must be.
    """
    from softtopic.recipes import get_recipe
    from softtopic.teacher.endpoint import is_url

    if demonstrations is None and (prompts or is_url(lm)):
        return "none"
    return get_recipe(recipe, demonstrations=demonstrations).demonstrations


def repeated(context: "typer.Context", leave_out: Sequence[str]) -> list[str]:
    """The options of a command as they were given on its line."""
    given: list[str] = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        named = option.opts[0].startswith("-") and option.name not in leave_out
        if named and source is not None and source.name == "COMMANDLINE":
            value = context.params[option.name]
            for one in value if isinstance(value, list | tuple) else [value]:
                given += [option.opts[0], str(one)]
    return given


def read_share(given: str | None) -> float | None:
    """A share as "20%" or "0.2"."""
    if given is None:
        return None
    try:
        share = float(given.removesuffix("%")) / (100 if given.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise InputError(f"--sample is {given!r}; give a share above 0 and at most 1, as 20% or 0.2")
    return share


def read_vocabulary(given: str) -> int | list[str]:
    """A number of words, or the lines of a file."""
    if given.lstrip("-").isdigit():
        return int(given)
    from softtopic.data.readers import read_corpus

    return [line for line in read_corpus(given, format="txt").texts if line.strip()]
