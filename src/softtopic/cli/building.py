"""From options to what the library works with. Heavy modules are imported where they are needed."""

import logging
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softtopic.cli.options import DocumentOptions, RecipeOptions, TeacherOptions, VocabularyOptions
from softtopic.errors import InputError
from softtopic.wording import counted

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
    corpus = with_iso_times(read_corpus(file, columns, **how), options.time_format)
    log_counts(corpus)
    return corpus


def log_counts(corpus: "Corpus") -> None:
    """A message with the number of documents."""
    parts = [f"{counted(corpus.n_duplicates, 'duplicate')} (read once)"] if corpus.n_duplicates else []
    parts += [f"{corpus.n_empty:,} empty"] if corpus.n_empty else []
    log.info("%s%s", counted(len(corpus), "document"), f", of them {', '.join(parts)}" if parts else "")


def read_with_columns(file: str, options: DocumentOptions) -> "tuple[Corpus, dict[str, list[object]]]":
    """The documents of a file and all its columns."""
    from softtopic.data.readers import Columns, corpus_of, read_table

    table = read_table(file, format=options.format, delimiter=options.delimiter, encoding=options.encoding)
    columns = Columns(text=options.text, id=options.id)
    return corpus_of(table, columns, file, guessed=options.format is None), table


def save_changed(model: "TopicModel", path: Path, version: str, *, excerpts: bool = True) -> None:
    """Save a model over the folder that it was loaded from; refused where another program has changed it since.

    `version` is the `folder_version` before it was loaded.
    """
    from softtopic.persistence.folder import check_version
    from softtopic.persistence.saving import save

    def check() -> None:
        check_version(path, version, "nothing was written: run the command again")

    save(model.state_, model.get_params(deep=False), path, edits=model.edits_, excerpts=excerpts, check=check)


def with_iso_times(corpus: "Corpus", time_format: str | None) -> "Corpus":
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
    if re.fullmatch(r"[-+]?[0-9]{1,9}", value):
        return int(value)
    from softtopic.data.readers import read_corpus

    return [line for line in read_corpus(value, format="txt").texts if line.strip()]


def vocabulary_settings(options: VocabularyOptions) -> dict[str, Any]:
    """Settings of the recipe by which words are selected; raises InputError where the words are given."""
    bounds = {"min_df": parse_bound("--min-df", options.min_df), "max_df": parse_bound("--max-df", options.max_df)}
    chosen = [f"--{name.replace('_', '-')}" for name, bound in bounds.items() if bound is not None]
    if chosen and isinstance(parse_vocabulary(options.vocabulary), list):
        raise InputError(f"{chosen[0]} selects words, and --vocabulary is a file of them; leave one of them out")
    settings: dict[str, Any] = {f"vocabulary__{name}": bound for name, bound in bounds.items()}
    return settings | {"vocabulary__keep_markup": True if options.keep_markup else None}


def parse_bound(option: str, value: str | None) -> int | float | None:
    """A number of documents, or a share of them, written as "1%" or "0.01"."""
    if value is None:
        return None
    try:
        if value.isascii() and value.isdigit() and int(value) >= 1:
            return int(value)
        share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise InputError(f"{option} is {value!r}; give a number of documents, or a share of them as 1% or 0.01")
    return share


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


def check_sources(
    files: list[str] | None, features: Path | None, labels: Path | None, lm: TeacherOptions, words: VocabularyOptions
) -> None:
    """Raise InputError unless there is something to fit, from one source, and no option is of another one."""
    from softtopic.data.language_names import AUTO, NONE, parse_languages
    from softtopic.features.store import FeatureStore

    if words.language.lower() not in (AUTO, NONE):
        # Before documents are read.
        parse_languages(words.language)
    if labels is not None and (files or features is not None):
        raise InputError("--labels stands alone; leave out the file of documents and --features")
    if not files and features is None and labels is None:
        raise InputError("nothing to fit; give a file of documents, or --features with a folder made by teach")
    # Anything else in the place of a feature folder is named before the work.
    if features is not None and (not files or (features.exists() and not is_empty_folder(features))):
        FeatureStore.open(features)
    if not files:
        source = "--features without a file" if labels is None else "--labels"
        chosen = chosen_options(lm, TeacherOptions, ("device", "dtype"))
        chosen += chosen_options(words, VocabularyOptions, () if labels is None else ("vocabulary",))
        if chosen:
            raise InputError(f"{chosen[0]} is of documents to read, and {source} holds what was read; leave it out")


def is_empty_folder(path: Path) -> bool:
    """Whether a folder holds nothing but hidden files, as locks are."""
    return path.is_dir() and all(file.name.startswith(".") for file in path.iterdir())


def parse_whole(value: str) -> int | None:
    """A whole number of at most nine digits; None for anything else."""
    return int(value) if re.fullmatch("[0-9]{1,9}", value.strip()) else None


def parse_numbers(option: str, value: str) -> list[int]:
    """Numbers of topics, separated by commas."""
    numbers = [number for part in value.split(",") if (number := parse_whole(part)) is not None]
    if len(numbers) < value.count(",") + 1:
        raise InputError(f"{option} is {value[:60]!r}; give numbers of topics, as 3,17")
    return numbers


def parse_bins(value: str | None) -> int | str | None:
    """A number of periods, or the name of one."""
    number = None if value is None else parse_whole(value.removeprefix("-"))
    return value if number is None else int(value or 0)


def parse_topics(value: str) -> int | str:
    """A number of topics, or "auto"."""
    if value == "auto":
        return value
    number = parse_whole(value)
    if number is None or number < 2:
        raise InputError(f"--topics is {value!r}; give a whole number of at least 2, or auto")
    return number


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

    recipe = get_recipe(
        recipe_name(options),
        options.backbone,
        read__prompts=lm.prompt or None,
        read__prompt_language=lm.prompt_language,
        read__beam_width=lm.beam_width,
        read__max_tokens=lm.max_tokens,
        read__calibration=options.calibration,
        read__calibration_strength=options.strength,
        **vocabulary_settings(words),
    )
    _check_reading(recipe_name(options), recipe, options, lm)
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


def build_teacher(options: RecipeOptions, lm: TeacherOptions) -> "BaseTeacher":
    """The language model of the options alone, without a corpus: it reads the beginnings of documents."""
    from softtopic.lm.config import AUTO
    from softtopic.lm.loading import EMBEDDED
    from softtopic.recipes import get_recipe
    from softtopic.teacher.opening import open_teacher

    read = {
        "read__prompts": lm.prompt or None,
        "read__beam_width": lm.beam_width,
        "read__max_tokens": lm.max_tokens,
    }
    recipe = get_recipe(recipe_name(options), None, **read)
    if not recipe.needs_lm:
        raise InputError(f"--recipe {recipe_name(options)} needs no language model; fit it without teach")
    named = _language_model(lm, recipe, None)
    return open_teacher(EMBEDDED if named == AUTO else named, **recipe.read.teacher_options(None))


def recipe_name(options: RecipeOptions) -> str:
    """The recipe that --recipe or --fast names."""
    if options.fast and options.recipe not in (None, "fast"):
        raise InputError(f"--fast is --recipe fast, and --recipe is {options.recipe}; leave one of them out")
    return "fast" if options.fast else "default" if options.recipe is None else options.recipe


def _check_reading(name: str, recipe: "Recipe", options: RecipeOptions, lm: TeacherOptions) -> None:
    """Raise InputError if options say how documents are read and the recipe reads none."""
    calibration = {"--calibration": options.calibration, "--strength": options.strength}
    chosen = chosen_options(lm, TeacherOptions, ("device", "dtype"))
    chosen += [name for name, value in calibration.items() if value is not None]
    if chosen and not recipe.needs_lm:
        raise InputError(f"{chosen[0]} is of a language model, and --recipe {name} needs none; leave one of them out")


def chosen_options(group: Any, kind: type, ignored: Sequence[str] = ()) -> list[str]:
    """Options of a group that differ from their defaults, as they are written."""
    return [
        f"--{field.name.replace('_', '-')}"
        for field in fields(kind)
        if field.name not in ignored and getattr(group, field.name) != field.default
    ]


def _language_model(options: TeacherOptions, recipe: "Recipe", n_documents: int | None) -> "str | BaseTeacher":
    """A name, where the recipe says all else; a teacher where the options say more."""
    from softtopic.lm.config import AUTO
    from softtopic.lm.loading import EMBEDDED
    from softtopic.teacher.encoder import ENCODER_TEACHER
    from softtopic.teacher.endpoint import is_url

    settings = recipe.read.teacher_options(n_documents)
    name = AUTO if options.lm is None else options.lm
    if is_url(name):
        return _server_teacher(name, options, settings)
    if options.lm_model is not None or options.vectors is not None:
        raise InputError(
            f"--lm-model and --vectors are for a server; --lm is {name!r}: give its address, or leave them out"
        )
    if options.truncation is None and options.max_tokens is None and options.device == options.dtype == "auto":
        return name
    if name == ENCODER_TEACHER:
        raise InputError("--truncation, --max-tokens, --device and --dtype are of a language model; --lm is encoder")
    name = EMBEDDED if name == AUTO else name
    from softtopic.teacher.local import Teacher

    # A limit given here replaces the recipe's, which reads more of each document the fewer there are.
    limited = options.truncation is not None or options.max_tokens is not None
    truncation = options.truncation or ("head" if limited else settings["truncation"])
    settings |= {"truncation": truncation, "device": options.device, "dtype": options.dtype}
    return Teacher(name, **settings)


def _server_teacher(address: str, options: TeacherOptions, settings: dict[str, Any]) -> "BaseTeacher":
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
    return ServerTeacher(address, prompt=settings["prompt"][0], **server, **limit)  # type: ignore[arg-type]


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
