"""Commands that fit: `demo`, `teach`, `fit`."""

import os
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from softtopic.cli.building import (
    build_teacher,
    check_sources,
    demonstrations_mode,
    explicit_options,
    parse_share,
    parse_vocabulary,
    read_documents,
)
from softtopic.cli.options import (
    DataDir,
    DocumentOptions,
    File,
    Json,
    Quiet,
    RecipeOptions,
    TeacherOptions,
    Topics,
    VocabularyOptions,
    with_groups,
)
from softtopic.cli.output import (
    print_estimate,
    print_evaluation,
    print_json,
    print_topics,
    show_messages,
    topic_records,
)
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.data.corpus import Corpus
    from softtopic.model import TopicModel


def demo(
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("demo-model"),
    topics: Topics = 20,
    documents: Annotated[int, typer.Option("--documents", help="Number of posts to fit.")] = 2000,
    data_dir: DataDir = None,
    quiet: Quiet = False,
) -> None:
    """Fit a model of posts of 20 Newsgroups; downloads the language model, the sentence encoder and the posts."""
    from softtopic.model import TopicModel
    from softtopic.persistence.model_folder import check_destination
    from softtopic.recipes import RECIPES

    show_messages(quiet)
    check_destination(out)
    corpus = _demo_posts(documents, data_dir)
    # A demonstration is short: the language model reads the beginnings of few posts.
    recipe = replace(RECIPES["default"], read_at_most=500, pieces=None)
    model = TopicModel(topics, recipe=recipe, progress=not quiet).fit(corpus)
    model.save(out)
    print_topics(model)
    print_evaluation(_evaluate(model, corpus))
    print(f"\nThe model is in {out}. Try: softtopic search {out} 'rocket launch'")


def _demo_posts(n: int, data_dir: Path | None) -> "Corpus":
    import numpy as np

    from softtopic.data.corpus import Corpus
    from softtopic.data.datasets import load
    from softtopic.storage.assets import fetch

    for name in ("smollm2-135m", "all-minilm-l6-v2"):
        fetch(name)
    if data_dir is None and "SOFTTOPIC_DATA" not in os.environ:
        fetch("20newsgroups")
    whole = load("20newsgroups", data_dir=data_dir)
    places = np.random.default_rng(0).permutation(len(whole))[:n]
    part = whole.at(places)
    return Corpus.from_texts(part.texts, ids=places.tolist(), labels=part.labels)


@with_groups
def teach(
    context: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option("--out", help="Feature folder to write or to resume.")] = Path("features"),
    documents: DocumentOptions = DocumentOptions(),
    lm: TeacherOptions = TeacherOptions(),
    words: VocabularyOptions = VocabularyOptions(),
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Number of words to store of each soft label; default: all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Estimate time and size, and write nothing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read documents with the language model and store its features, for any number of fits."""
    from softtopic.data.corpus import sample_size
    from softtopic.data.vocabulary import Vocabulary
    from softtopic.features.estimate import estimate
    from softtopic.features.extraction import extract_into
    from softtopic.recipes import get_recipe
    from softtopic.teacher.demonstrations import with_demonstrations
    from softtopic.teacher.opening import need_local

    show_messages(quiet)
    corpus = read_documents(file, documents)
    count = len(corpus.distinct.texts)
    teacher = build_teacher(lm, get_recipe("default", prompts=lm.prompt or None).asks(count))
    vocabulary = Vocabulary.build(parse_vocabulary(words.vocabulary), corpus.distinct.texts, words.language)
    share = parse_share(lm.sample) or 1
    part = corpus.sample(sample_size(count, share)) if share < 1 else corpus
    auto = demonstrations_mode(lm, "default") == "auto"
    if dry_run:
        local = need_local(teacher, "--dry-run")
        print_estimate(asdict(estimate(part, vocabulary, local, top_k=top_k, choosing=auto)), as_json=as_json)
        return
    if auto:
        local = need_local(teacher, "--demonstrations auto")
        teacher = with_demonstrations(local, corpus, vocabulary, progress=not quiet)
    store = extract_into(out, part, vocabulary, teacher, top_k=top_k, progress=not quiet)
    store.write_documents(part)
    if as_json:
        print_json({"features": str(out), "distinct": len(part.distinct.texts)})
        return
    # The features of a sample are fitted with the whole file, read in the same way.
    source = [] if share == 1 else [file, *explicit_options(context, ("out", "top_k", "as_json", "quiet"))]
    command = shlex.join(["softtopic", "fit", *source, "--features", str(out), "--topics", "50"])
    print(f"{len(part.distinct.texts)} distinct documents in {out}. Try: {command}")


@with_groups
def fit(
    file: Annotated[str | None, typer.Argument(help="Documents; not needed with --features.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("model"),
    topics: Topics = 50,
    features: Annotated[Path | None, typer.Option("--features", help="Feature folder to use, or to write.")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Parquet file of soft labels and vectors to fit.")
    ] = None,
    recipe: RecipeOptions = RecipeOptions(),
    documents: DocumentOptions = DocumentOptions(),
    lm: TeacherOptions = TeacherOptions(),
    words: VocabularyOptions = VocabularyOptions(),
    excerpts: Annotated[bool, typer.Option(help="Store the beginning of each document in the model folder.")] = True,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find topics in a file of documents, a feature folder or a file of soft labels, and write a model folder."""
    from softtopic.features.store import FeatureStore
    from softtopic.metrics.evaluation import check_labels
    from softtopic.persistence.model_folder import check_destination

    show_messages(quiet)
    check_sources(file, features, labels)
    if topics < 2:
        raise InputError(f"--topics is {topics}; give a whole number of at least 2")
    check_destination(out)
    corpus = None if file is None else read_documents(file, documents)
    if documents.label is not None and corpus is not None:
        check_labels(corpus.labels)
    model = _build_model(topics, features, corpus, recipe, lm, words)
    model.progress = not quiet
    if labels is not None:
        corpus = _fit_labels(model, labels, documents.text, words.vocabulary)
    else:
        model.fit(corpus)
    model.save(out, excerpts=excerpts)
    scores = _evaluate(model, corpus if corpus is not None else FeatureStore.open(str(features)).documents())
    if as_json:
        print_json({"model": str(out), "topics": topic_records(model), "evaluation": scores})
        return
    print_topics(model)
    print_evaluation(scores)
    print(f"\nThe model is in {out}.")


def _build_model(
    topics: int,
    features: Path | None,
    corpus: "Corpus | None",
    options: RecipeOptions,
    lm: TeacherOptions,
    words: VocabularyOptions,
) -> "TopicModel":
    from softtopic.model import TopicModel
    from softtopic.recipes import get_recipe

    recipe = get_recipe(
        options.recipe,
        options.backbone,
        prompts=lm.prompt or None,
        calibration=options.calibration,
        strength=options.strength,
    )
    return TopicModel(
        topics,
        recipe=recipe,
        inputs=options.inputs,
        target=options.target,
        word_vectors=options.word_vectors,
        lm=build_teacher(lm, recipe.asks(0 if corpus is None else len(corpus.distinct.texts))),
        sample=parse_share(lm.sample),
        demonstrations=demonstrations_mode(lm, options.recipe),
        vocabulary=parse_vocabulary(words.vocabulary),
        language=words.language,
        features="auto" if features is None else features,
        random_state=options.seed,
    )


def _fit_labels(model: "TopicModel", path: Path, text: str, vocabulary: str | None) -> "Corpus":
    """Fit a model to a file of soft labels."""
    from softtopic.features.soft_label_files import read_soft_labels

    words = None if vocabulary is None else parse_vocabulary(vocabulary)
    if isinstance(words, int):
        raise InputError(f"--vocabulary is {words}; --labels needs a file of the words its labels are of")
    given = read_soft_labels(path, words, text=text)
    model.vocabulary = given.vocabulary
    model.fit(given.corpus, soft_labels=given.log_probs, hidden=given.hidden)
    return given.corpus


def _evaluate(model: "TopicModel", corpus: "Corpus") -> dict[str, float | int] | None:
    """Agreement with labels; None where the documents have none."""
    from softtopic.metrics.evaluation import evaluate

    return None if corpus.labels is None else asdict(evaluate(model.probabilities_, corpus))
