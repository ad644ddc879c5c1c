"""Commands that fit: `demo`, `teach`, `fit`."""

import logging
import os
import shlex
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.building import (
    build_model,
    build_teacher,
    check_sources,
    parse_topics,
    parse_vocabulary,
    read_documents,
    recipe_name,
    with_iso_times,
)
from softtopic.cli.options import (
    OUTPUT,
    DataDir,
    DocumentOptions,
    DryRun,
    File,
    FilesIfAny,
    Json,
    Overwrite,
    Quiet,
    RecipeOptions,
    SkipInvalid,
    TeacherOptions,
    Topics,
    TopicsOrAuto,
    VocabularyOptions,
    with_groups,
)
from softtopic.cli.out_of_core import (
    documents_path,
    open_stream_to_fit,
    plan_of_all,
    read_files,
    sample_of,
    write_mixtures_of_all,
)
from softtopic.cli.output import (
    changes_in_words,
    print_estimate,
    print_evaluation,
    print_json,
    print_topic_records,
    print_topics,
    show_messages,
    table_records,
    topic_records,
    with_sizes,
)
from softtopic.cli.part_runs import EngineName, EngineOptions, refuse_with_engine, teach_parts, uses_parts
from softtopic.errors import InputError
from softtopic.wording import counted

if TYPE_CHECKING:
    import pandas as pd

    from softtopic.data.corpus import Corpus
    from softtopic.data.document_stream import DocumentStream
    from softtopic.data.sample import Sample
    from softtopic.model import TopicModel
    from softtopic.pipeline.plan import FitPlan

log = logging.getLogger(__name__)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.", rich_help_panel=OUTPUT)] = Path(
        "demo-model"
    ),
    topics: Topics = 20,
    documents: Annotated[int, typer.Option("--documents", help="Number of posts to fit.")] = 2000,
    data_dir: DataDir = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model to posts of 20 Newsgroups; downloads the language model, the encoder and the posts if needed."""
    from softtopic.model import TopicModel

    show_messages(quiet)
    _check_out(out, overwrite=overwrite)
    corpus = _demo_posts(documents, data_dir)
    model = TopicModel(topics, progress=not (quiet or as_json)).fit(corpus)
    model.save(out)
    scores = _evaluate(model, corpus)
    if as_json:
        print_json({"model": str(out), "topics": topic_records(model), "evaluation": scores})
        return
    print_topics(model)
    print_evaluation(scores)
    print(f"\nThe model is in {out}. Try: softtopic search {out} 'rocket launch'")


def _demo_posts(n: int, data_dir: Path | None) -> "Corpus":
    import numpy as np

    from softtopic.data.corpus import Corpus
    from softtopic.data.datasets import load
    from softtopic.lm.config import SENTENCE_ENCODER
    from softtopic.lm.loading import EMBEDDED, fetch_language_model
    from softtopic.storage.assets import fetch

    fetch_language_model(EMBEDDED)
    fetch(SENTENCE_ENCODER)
    if data_dir is None and "SOFTTOPIC_DATA" not in os.environ:
        fetch("20newsgroups")
    whole = load("20newsgroups", data_dir=data_dir)
    places = np.random.default_rng(0).permutation(len(whole))[:n]
    part = whole.at(places)
    return Corpus.from_texts(part.texts, ids=places.tolist(), labels=part.labels)


@with_groups
def teach(
    file: File,
    out: Annotated[
        Path, typer.Option("--out", help="Feature folder to write or to resume.", rich_help_panel=OUTPUT)
    ] = Path("features"),
    recipe: RecipeOptions = RecipeOptions(),
    documents: DocumentOptions = DocumentOptions(),
    lm: TeacherOptions = TeacherOptions(),
    words: VocabularyOptions = VocabularyOptions(),
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Number of words to store of each soft label; default: all.")
    ] = None,
    engine: EngineName = None,
    on: EngineOptions = EngineOptions(),
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Have the language model read the documents that a fit would read, and store its output for any number of fits."""
    from softtopic.pipeline.read import read_into

    show_messages(quiet)
    if top_k is not None and top_k < 1:
        raise InputError(f"--top-k is {top_k}; give a whole number of at least 1, or leave it out to keep all words")
    if uses_parts(engine, [file], on):
        refuse_with_engine({"--dry-run": dry_run, "--top-k": top_k, "--sample": lm.sample} | _of_one_file(documents))
        shown: dict[str, Any] = {"text": documents.text, "id": documents.id, "as_json": as_json, "quiet": quiet}
        teach_parts(file, out, build_teacher(recipe, lm), _given_words(words), engine or "local", on, **shown)
        return
    corpus = read_documents(file, documents)
    plan = build_model(2, out, corpus, recipe, lm, words).plan(corpus)
    if plan.teacher is None:
        raise InputError(f"--recipe {recipe_name(recipe)} needs no language model; fit it without teach")
    if dry_run:
        _print_plan([plan.reading], plan, corpus, top_k=top_k, as_json=as_json)
        return
    read_into(out, plan, corpus, top_k=top_k, progress=not (quiet or as_json))
    count = plan.n_read
    if as_json:
        print_json({"features": str(out), "distinct": count})
        return
    command = shlex.join(["softtopic", "fit", "--features", str(out), "--topics", "50"])
    print(f"{counted(count, 'distinct document')} in {out}. Try: {command}")


def _of_one_file(options: DocumentOptions) -> dict[str, object]:
    """Options that Parquet files do not need, or that are of a corpus in memory."""
    names = ("label", "time", "time_format", "format", "delimiter", "encoding")
    return {f"--{name.replace('_', '-')}": getattr(options, name) for name in names}


def _given_words(options: VocabularyOptions) -> list[str]:
    """The words of a file: they cannot be chosen before all documents are read."""
    words = None if options.vocabulary is None else parse_vocabulary(options.vocabulary)
    if not isinstance(words, list):
        raise InputError("teach --engine needs --vocabulary with a file of words; those of a model are in its topics")
    return words


@with_groups
def fit(
    files: FilesIfAny = None,
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.", rich_help_panel=OUTPUT)] = Path("model"),
    topics: TopicsOrAuto = "50",
    features: Annotated[Path | None, typer.Option("--features", help="Feature folder to use, or to write.")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Parquet file of soft labels and vectors to fit.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option("--like", help="Folder of an earlier model, whose topics are continued.")
    ] = None,
    fit_on: Annotated[
        int | None,
        typer.Option(
            "--fit-on",
            help="For documents that do not fit in memory: fit a random sample of this size, then write the mixtures "
            "of all documents to OUT.documents.",
        ),
    ] = None,
    recipe: RecipeOptions = RecipeOptions(),
    documents: DocumentOptions = DocumentOptions(),
    skip_invalid: SkipInvalid = False,
    lm: TeacherOptions = TeacherOptions(),
    words: VocabularyOptions = VocabularyOptions(),
    excerpts: Annotated[bool, typer.Option(help="Store the beginning of each document in the model folder.")] = True,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="First print topics of a part of the documents, found within seconds."),
    ] = False,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find topics in files of documents, a feature folder or a file of soft labels, and write a model folder."""
    from softtopic.features.store import FeatureStore
    from softtopic.storage.atomic import sole_writer

    show_messages(quiet)
    check_sources(files, features, labels, lm, words)
    n_topics = parse_topics(topics)
    # A fit that continues the model of this folder repeats its edits.
    _check_out(out, overwrite=overwrite or dry_run or out.absolute() == (like and like.absolute()))
    earlier = None if like is None else _earlier(like, lm.device)
    stream = _stream(files, fit_on, documents, out, skip_invalid=skip_invalid)
    shown = not (quiet or as_json)
    build = partial(build_model, n_topics, options=recipe, lm=lm, words=words)
    plan_of = None if dry_run else partial(_provisional_plan, build)
    sample, progress = sample_of(stream, fit_on, seed=recipe.seed, progress=shown, plan_of=plan_of)
    corpus = _corpus(files, documents, sample)
    model = build(features, corpus)
    arrays: dict[str, Any] = {}
    if labels is not None:
        corpus, arrays = _read_labels(model, labels, documents.text, words.vocabulary)
    if dry_run:
        plan = model.plan(corpus, **arrays)
        lines = plan.lines() if sample is None else [*plan.lines(), *plan_of_all(plan, sample, out)]
        _print_plan(lines, plan, corpus, as_json=as_json)
        return
    if preview and shown:
        _print_preview(model, corpus, arrays)
    with sole_writer(out.absolute()):
        model.set_params(progress=progress).fit(corpus, like=earlier, **arrays)
        model.set_params(progress=shown).save(out, excerpts=excerpts)
    sizes = None if stream is None else write_mixtures_of_all(model.set_params(progress=progress), stream, out)
    scores = _evaluate(model, corpus if corpus is not None else FeatureStore.open(str(features)).documents())
    if as_json:
        print_json({"model": str(out)} | _fit_record(model, sizes, scores))
        return
    print_topics(model, sizes=sizes)
    if model.changes_ is not None:
        print(f"\nTopics of {like}: {changes_in_words(model.changes_)}.")
    print_evaluation(scores)
    more = "" if sizes is None else f", the mixtures of all documents in {documents_path(out)}"
    print(f"\nThe model is in {out}{more}.")


def _provisional_plan(build: "Callable[[None, Corpus], TopicModel]", corpus: "Corpus") -> "FitPlan":
    """The plan of a fit of such documents, for its time: without words and guides, which take none."""
    from softtopic.data.vocabulary import Vocabulary

    return build(None, corpus).set_params(vocabulary=Vocabulary(("word",)), guides=None).plan(corpus)


def _fit_record(
    model: "TopicModel", sizes: "pd.DataFrame | None", scores: dict[str, float | int] | None
) -> dict[str, Any]:
    """Topics of a fit, and what is said of them, as JSON values."""
    chosen = {} if model.selection_ is None else {"selection": asdict(model.selection_)}
    changed = {} if model.changes_ is None else {"changes": table_records(model.changes_)}
    return {"topics": with_sizes(topic_records(model), sizes), "evaluation": scores} | chosen | changed


def _stream(
    files: list[str] | None, fit_on: int | None, options: DocumentOptions, out: Path, *, skip_invalid: bool
) -> "DocumentStream | None":
    """The documents of --fit-on."""
    if fit_on is not None:
        return open_stream_to_fit(files, options, out, skip_invalid=skip_invalid)
    if skip_invalid:
        raise InputError("--skip-invalid only works on streams of documents; add --fit-on")
    return None


def _corpus(files: list[str] | None, options: DocumentOptions, sample: "Sample | None") -> "Corpus | None":
    """The documents to fit, in memory."""
    from softtopic.metrics.evaluation import check_labels

    if not files:
        return None
    corpus = read_files(files, options) if sample is None else with_iso_times(sample.corpus, options.time_format)
    if options.label is not None:
        check_labels(corpus.labels)
    return corpus


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Raise an error where the model could not be written, or where edits would be lost."""
    from softtopic.persistence.folder import check_destination, check_no_edits

    check_destination(out)
    if not overwrite:
        check_no_edits(out)


def _earlier(folder: Path, device: str) -> "TopicModel":
    from softtopic.model import TopicModel

    return TopicModel.load(folder, device=device)


def _print_preview(model: "TopicModel", corpus: "Corpus | None", arrays: dict[str, Any]) -> None:
    """Topics of a part of the documents; where there can be none, a fit need not fail."""
    try:
        topics = model.preview(corpus, **arrays)
    except InputError as error:
        log.warning("no preview: %s", error)
        return
    print(f"Preview: topics of {topics['Count'].sum():,} documents, without the language model. The fit goes on.\n")
    names = ["topic", "count", "words", "representative_documents"]
    print_topic_records(topics.set_axis(names, axis="columns").to_dict("records"))
    print(flush=True)


def _print_plan(
    lines: list[str], plan: "FitPlan", corpus: "Corpus | None", *, top_k: int | None = None, as_json: bool
) -> None:
    """The plan, and what reading will cost, from reading a few documents."""
    from softtopic.data.corpus import equidistant
    from softtopic.features.estimate import estimate
    from softtopic.teacher.local import Teacher

    cost = None
    if corpus is not None and plan.n_read and isinstance(plan.teacher, Teacher):
        # As many documents as will be read; which ones may not be known before they are encoded.
        part = corpus.at(corpus.distinct.first[equidistant(plan.n_distinct, plan.n_read)])
        choosing = plan.choose_demonstrations
        cost = asdict(estimate(part, plan.vocabulary, plan.teacher, top_k=top_k, demonstrations=choosing))
    if as_json:
        print_json({"plan": lines, "reading": cost})
        return
    print("\n".join(lines))
    if cost is not None:
        print("\nReading:")
        print_estimate(cost)


def _read_labels(model: "TopicModel", path: Path, text: str, vocabulary: str | None) -> "tuple[Corpus, dict[str, Any]]":
    """The documents of a file of soft labels, and the arrays to fit; the model gets the file's vocabulary."""
    from softtopic.features.soft_label_files import read_soft_labels

    words = None if vocabulary is None else parse_vocabulary(vocabulary)
    if isinstance(words, int):
        raise InputError(f"--vocabulary is {words}; --labels needs a file of the words its labels are of")
    given = read_soft_labels(path, words, text=text)
    model.vocabulary = given.vocabulary
    return given.corpus, {"soft_labels": given.log_probs, "hidden": given.hidden}


def _evaluate(model: "TopicModel", corpus: "Corpus") -> dict[str, float | int] | None:
    """Agreement with labels; None where the documents have none."""
    from softtopic.metrics.evaluation import evaluate

    return None if corpus.labels is None else evaluate(model.probabilities_, corpus).to_dict()
