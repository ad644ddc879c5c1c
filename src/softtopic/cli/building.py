"""From options to what the library works with. Heavy modules are imported where they are needed."""

import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softtopic.cli.options import DocumentOptions, RecipeOptions, TeacherOptions, VocabularyOptions
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.data.corpus import Corpus
    from softtopic.metrics.rating import Rater
    from softtopic.model import TopicModel
    from softtopic.recipes import Recipe
    from softtopic.teacher.base import BaseTeacher

log = logging.getLogger("softtopic")


def read_documents(file: str, options: DocumentOptions, *, label_required: bool = True) -> "Corpus":
    """The documents of a file; a message says how many there are."""
    from softtopic.data.readers import Columns, read_corpus

    columns = Columns(
        text=options.text, label=options.label, id=options.id, time=options.time, label_required=label_required
    )
    if options.time_format is not None and options.time is None:
        raise InputError("--time-format is of the times; give their column with --time")
    how = {"format": options.format, "delimiter": options.delimiter, "encoding": options.encoding}
    corpus = _with_iso_times(read_corpus(file, columns, **how), options.time_format)
    counts = {"duplicates (read once)": corpus.n_duplicates, "empty": corpus.n_empty}
    details = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    log.info("%d documents%s", len(corpus), f", of them {details}" if details else "")
    return corpus


def read_with_columns(file: str, options: DocumentOptions) -> "tuple[Corpus, dict[str, list[object]]]":
    """The documents of a file and all its columns."""
    from softtopic.data.readers import Columns, corpus_of, read_table

    table = read_table(file, format=options.format, delimiter=options.delimiter, encoding=options.encoding)
    return corpus_of(table, Columns(text=options.text, id=options.id), file), table


def _with_iso_times(corpus: "Corpus", time_format: str | None) -> "Corpus":
    """Times in ISO format: what cannot be read is named before hours of work, and the format is not needed again."""
    if corpus.times is None:
        return corpus
    from softtopic.data.times import parse_times

    times = parse_times(corpus.times, format=time_format)
    missing = times.isna()
    return replace(corpus, times=tuple("" if no else time.isoformat() for no, time in zip(missing, times, strict=True)))


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
    if re.fullmatch(r"[-+]?[0-9]+", value):
        return int(value)
    from softtopic.data.readers import read_corpus

    return [line for line in read_corpus(value, format="txt").texts if line.strip()]


def parse_guide_options(options: list[str] | None) -> dict[str, list[str]] | list[str] | None:
    """NAME=WORD,WORD becomes a guide with words; names alone stay names."""
    if not options:
        return None
    if not any("=" in option for option in options):
        return options
    guides: dict[str, list[str]] = {}
    for option in options:
        name, _, words = option.partition("=")
        if name.strip() in guides:
            raise InputError(f"--guide names {name.strip()!r} twice; give all its words in one option")
        guides[name.strip()] = [word.strip() for word in (words or name).split(",") if word.strip()]
    return guides


def check_sources(file: str | None, features: Path | None, labels: Path | None) -> None:
    """Raise InputError unless there is something to fit, from one source."""
    if labels is not None and (file is not None or features is not None):
        raise InputError("--labels stands alone; leave out the file of documents and --features")
    if file is None and features is None and labels is None:
        raise InputError("nothing to fit; give a file of documents, or --features with a folder made by teach")


def parse_topics(value: str) -> int | str:
    """A number of topics, or "auto"."""
    if value == "auto":
        return value
    if not value.isdigit() or int(value) < 2:
        raise InputError(f"--topics is {value}; give a whole number of at least 2, or auto")
    return int(value)


def build_model(
    topics: int | str,
    features: Path | None,
    corpus: "Corpus | None",
    options: RecipeOptions,
    lm: TeacherOptions,
    words: VocabularyOptions,
) -> "TopicModel":
    """The model of the options, not yet fitted; its plan decides what is read."""
    from softtopic.model import TopicModel
    from softtopic.recipes import get_recipe

    if options.fast and options.recipe not in ("default", "fast"):
        raise InputError(f"--fast is --recipe fast, and --recipe is {options.recipe}; leave one of them out")
    recipe = get_recipe(
        "fast" if options.fast else options.recipe,
        options.backbone,
        read__prompts=lm.prompt or None,
        read__beam_width=lm.beam_width,
        read__max_tokens=lm.max_tokens,
        read__calibration=options.calibration,
        read__calibration_strength=options.strength,
    )
    return TopicModel(
        topics,
        recipe=recipe,
        inputs=options.inputs,
        target=options.target,
        word_vectors=options.word_vectors,
        lm=_language_model(lm, recipe, 0 if corpus is None else len(corpus.distinct.texts)),
        sample=parse_share(lm.sample),
        # With a prompt by name none with examples from the corpus is chosen, unless it is asked for.
        demonstrations=lm.demonstrations or ("none" if lm.prompt else None),
        vocabulary=parse_vocabulary(words.vocabulary),
        language=words.language,
        guides=parse_guide_options(options.guide),
        features="auto" if features is None else features,
        random_state=options.seed,
    )


def _language_model(options: TeacherOptions, recipe: "Recipe", n_documents: int) -> "str | BaseTeacher":
    """A name, where the recipe says all else; a teacher where the options say more."""
    from softtopic.teacher.endpoint import is_url

    settings = recipe.read.teacher_options(n_documents)
    if is_url(options.lm):
        return _server_teacher(options, settings)
    if options.lm_model is not None or options.vectors is not None:
        raise InputError(
            f"--lm-model and --vectors are for a server; --lm is {options.lm!r}: give its address, or leave them out"
        )
    if options.truncation is None and options.max_tokens is None and options.device == options.dtype == "auto":
        return options.lm
    from softtopic.teacher.local import Teacher

    # A limit given here replaces the recipe's, which reads more of each document the fewer there are.
    limited = options.truncation is not None or options.max_tokens is not None
    truncation = options.truncation or ("head" if limited else settings["truncation"])
    settings |= {"truncation": truncation, "device": options.device, "dtype": options.dtype}
    return Teacher(options.lm, **settings)


def _server_teacher(options: TeacherOptions, settings: dict[str, Any]) -> "BaseTeacher":
    from softtopic.teacher.server import ServerTeacher

    if options.beam_width:
        raise InputError(f"--beam-width is {options.beam_width}; a server scores first tokens alone: leave it out")
    if len(options.prompt or ()) > 1 or options.truncation not in (None, "head"):
        raise InputError(
            "a server is given one prompt with the head of a document; leave out --truncation and the others"
        )
    # A server counts no tokens beforehand; English has about four characters to each.
    limit = {} if options.max_tokens is None else {"max_characters": 4 * options.max_tokens}
    server = {"model": options.lm_model, "n_probs": options.lm_probs, "vectors": options.vectors}
    return ServerTeacher(options.lm, prompt=settings["prompt"][0], **server, **limit)  # type: ignore[arg-type]


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
