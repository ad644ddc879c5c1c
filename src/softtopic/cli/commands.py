"""The commands: each reads its options, calls the library and shows what came of it."""

import json
import logging
import os
import shlex
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.bench import bench
from softtopic.cli.building import (
    build_rater,
    build_teacher,
    check_sources,
    check_unrated,
    chosen_by,
    fit_labels,
    read_documents,
    read_share,
    read_vocabulary,
    repeated,
)

# Heavy modules are imported inside the commands: `softtopic --help` has no use for them.
from softtopic.cli.options import (
    Backbone,
    Branches,
    Calibration,
    Cut,
    Demonstrations,
    Device,
    Dtype,
    File,
    Format,
    Id,
    Inputs,
    Json,
    Label,
    Language,
    Lm,
    LmModel,
    LmProbs,
    MaxTokens,
    Model,
    PromptNames,
    Quiet,
    Recipe,
    Sample,
    Seed,
    Strength,
    Target,
    Text,
    Topics,
    Vectors,
    Words,
)
from softtopic.cli.output import (
    print_coherence,
    print_estimate,
    print_evaluation,
    print_fitted,
    print_json,
    print_rating,
    print_rows,
    print_topics,
    show_messages,
    topic_records,
    write_table,
    write_text,
)
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.data.corpus import Corpus

app = typer.Typer(
    name="softtopic",
    help="Find the topics of a text collection by distilling a language model.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(help="smollm2-135m, all-minilm-l6-v2, a sample corpus, or a Hugging Face id.")
    ],
) -> None:
    """Fetch language models, the sentence encoder or sample corpora: the one command that downloads."""
    from softtopic.storage.assets import ASSETS
    from softtopic.storage.assets import fetch as fetch_asset

    show_messages(quiet=False)
    for name in names:
        if name in ASSETS:
            print(fetch_asset(name))
        else:
            from softtopic.lm.loading import fetch_language_model

            print(fetch_language_model(name))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("demo-model"),
    topics: Topics = 20,
    documents: Annotated[int, typer.Option("--documents", help="How many posts to find topics in.")] = 2000,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Folder of corpora to use instead.")] = None,
    quiet: Quiet = False,
) -> None:
    """Show the whole way on posts of 20 Newsgroups; fetches the language model and the posts."""
    import numpy as np

    from softtopic.data.corpus import Corpus
    from softtopic.data.datasets import load
    from softtopic.model import TopicModel
    from softtopic.persistence.model_folder import check_destination
    from softtopic.recipes import RECIPES
    from softtopic.storage.assets import fetch as fetch_asset

    show_messages(quiet)
    check_destination(out)
    fetch_asset("smollm2-135m")
    fetch_asset("all-minilm-l6-v2")
    if data_dir is None and "SOFTTOPIC_DATA" not in os.environ:
        fetch_asset("20newsgroups")
    whole = load("20newsgroups", data_dir=data_dir)
    chosen = np.random.default_rng(0).permutation(len(whole))[:documents]
    corpus = Corpus.from_texts(
        [whole.texts[i] for i in chosen], ids=chosen.tolist(), labels=[(whole.labels or ())[i] for i in chosen]
    )
    # The language model reads the beginnings of some posts and is predicted on the others: a demonstration is short.
    recipe = replace(RECIPES["default"], read_at_most=500, pieces=None)
    model = TopicModel(topics, recipe=recipe, progress=not quiet).fit(corpus)
    model.save(out)
    print_topics(model)
    print_evaluation(_evaluation(model.probabilities_, corpus))
    print(f"\nThe model is in {out}. Try: softtopic search {out} 'rocket launch'")


@app.command()
def teach(
    context: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option("--out", help="Feature folder to write or to go on with.")] = Path("features"),
    text: Text = "text", label: Label = None, id: Id = None, format: Format = None,
    lm: Lm = "smollm2-135m", prompt: PromptNames = None, demonstrations: Demonstrations = None,
    branches: Branches = None, max_tokens: MaxTokens = None, cut: Cut = None, sample: Sample = None,
    lm_model: LmModel = None, lm_probs: LmProbs = 1000, vectors: Vectors = None,
    vocabulary: Words = "2000", language: Language = "english", device: Device = "auto", dtype: Dtype = "auto",
    top_k: Annotated[int | None, typer.Option("--top-k", help="Keep so many words of each soft label.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it will take, and write nothing.")] = False,
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Read documents with the language model and keep what it says, for any number of fits."""
    from softtopic.data.corpus import sample_size
    from softtopic.data.vocabulary import Vocabulary
    from softtopic.features.estimate import estimate
    from softtopic.features.extraction import extract_into
    from softtopic.recipes import get_recipe
    from softtopic.teacher.demonstrations import with_demonstrations
    from softtopic.teacher.opening import need_local

    show_messages(quiet)
    corpus = read_documents(file, text, label, id, format)
    server = {"model": lm_model, "n_probs": lm_probs, "vectors": vectors}
    options = {"branches": branches, "max_tokens": max_tokens, "cut": cut, "device": device, "dtype": dtype}
    asked = get_recipe("default", prompts=prompt or None).asks(len(corpus.distinct.texts))
    teacher = build_teacher(lm, prompt, asked, server, **options)
    words = Vocabulary.build(read_vocabulary(vocabulary), corpus.distinct.texts, language)
    share = read_share(sample) or 1
    part = corpus.sample(sample_size(len(corpus.distinct.texts), share)) if share < 1 else corpus
    auto = chosen_by(prompt, "default", demonstrations, lm) == "auto"
    if dry_run:
        cost = estimate(part, words, need_local(teacher, "--dry-run"), top_k=top_k, choosing=auto)
        print_estimate(asdict(cost), as_json=as_json)
        return
    if auto:
        local = need_local(teacher, "--demonstrations auto")
        teacher = with_demonstrations(local, corpus, words, progress=not quiet)
    store = extract_into(out, part, words, teacher, top_k=top_k, progress=not quiet)
    store.write_documents(part)
    if as_json:
        print_json({"features": str(out), "distinct": len(part.distinct.texts)})
        return
    # A part of the documents goes with the file it is of, read as here.
    whole = [] if share == 1 else [file, *repeated(context, ("out", "top_k", "as_json", "quiet"))]
    command = shlex.join(["softtopic", "fit", *whole, "--features", str(out), "--topics", "50"])
    print(f"{len(part.distinct.texts)} distinct documents in {out}. Try: {command}")


@app.command()
def fit(
    file: Annotated[str | None, typer.Argument(help="Documents; not needed with --features.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("model"),
    topics: Topics = 50,
    features: Annotated[Path | None, typer.Option("--features", help="Feature folder to use, or to write.")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Parquet file of soft labels and vectors to learn from.")
    ] = None,
    recipe: Recipe = "default", backbone: Backbone = None, inputs: Inputs = None, target: Target = None,
    calibration: Calibration = None, strength: Strength = None, seed: Seed = 0,
    word_vectors: Annotated[Path | None, typer.Option(help="Where the words of etm and ecrtm begin.")] = None,
    text: Text = "text", label: Label = None, id: Id = None, format: Format = None,
    lm: Lm = "smollm2-135m", prompt: PromptNames = None, demonstrations: Demonstrations = None,
    branches: Branches = None, max_tokens: MaxTokens = None, cut: Cut = None, sample: Sample = None,
    lm_model: LmModel = None, lm_probs: LmProbs = 1000, vectors: Vectors = None,
    vocabulary: Words = "2000", language: Language = "english", device: Device = "auto", dtype: Dtype = "auto",
    excerpts: Annotated[bool, typer.Option(help="Keep the beginning of each document in the model folder.")] = True,
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Find topics in a file of documents, a feature folder or a file of soft labels, and write a model folder."""
    from softtopic.features.store import FeatureStore
    from softtopic.metrics.evaluation import check_labels
    from softtopic.model import TopicModel
    from softtopic.persistence.model_folder import check_destination
    from softtopic.recipes import get_recipe

    show_messages(quiet)
    check_sources(file, features, labels)
    if topics < 2:
        raise InputError(f"--topics is {topics}; give a whole number of at least 2")
    check_destination(out)
    corpus = None if file is None else read_documents(file, text, label, id, format)
    server = {"model": lm_model, "n_probs": lm_probs, "vectors": vectors}
    options = {"branches": branches, "max_tokens": max_tokens, "cut": cut, "device": device, "dtype": dtype}
    if label is not None and corpus is not None:
        check_labels(corpus.labels)
    settings = get_recipe(recipe, backbone, prompts=prompt or None, calibration=calibration, strength=strength)
    model = TopicModel(
        topics,
        recipe=settings,
        inputs=inputs, target=target, sample=read_share(sample), word_vectors=word_vectors,
        demonstrations=chosen_by(prompt, recipe, demonstrations, lm),
        lm=build_teacher(lm, prompt, settings.asks(len(corpus.distinct.texts) if corpus else 0), server, **options),
        vocabulary=read_vocabulary(vocabulary),
        language=language,
        features="auto" if features is None else features,
        random_state=seed, progress=not quiet,
    )  # fmt: skip
    if labels is not None:
        corpus = fit_labels(model, labels, text, None if vocabulary == "2000" else read_vocabulary(vocabulary))
    else:
        model.fit(corpus)
    model.save(out, excerpts=excerpts)
    known = corpus if corpus is not None else FeatureStore.open(str(features)).documents()
    scores = None if known.labels is None else _evaluation(model.probabilities_, known)
    if as_json:
        print_json({"model": str(out), "topics": topic_records(model), "evaluation": scores})
    else:
        print_fitted(model, scores, out)


@app.command()
def topics(
    model: Model,
    words: Annotated[int, typer.Option("--words", help="Words of each topic.")] = 10,
    as_json: Json = False,
) -> None:
    """Print the topics of a model, largest first."""
    from softtopic.model import TopicModel

    loaded = TopicModel.load(model)
    if as_json:
        print_json({"topics": topic_records(loaded, words)})
    else:
        print_topics(loaded, words)


@app.command()
def transform(
    model: Model,
    file: File,
    out: Annotated[Path | None, typer.Option("--out", help="parquet, csv or jsonl; default: jsonl on output.")] = None,
    text: Text = "text", id: Id = None, format: Format = None, device: Device = "auto", quiet: Quiet = False,
) -> None:  # fmt: skip
    """Topic mixtures of documents, old or new."""
    from softtopic.model import TopicModel

    show_messages(quiet)
    if out is not None and out.suffix not in (".parquet", ".csv", ".jsonl"):
        raise InputError(f"--out {out} ends in {out.suffix or 'nothing'}; expected .parquet, .csv or .jsonl")
    corpus = read_documents(file, text, None, id, format)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    theta = loaded.transform(corpus)
    if out is None or out.suffix == ".jsonl":
        lines = [
            json.dumps({"id": name, "topic": int(row.argmax()), "theta": [round(float(share), 6) for share in row]})
            for name, row in zip(corpus.ids, theta, strict=True)
        ]
        write_text(out, "\n".join(lines) + "\n")
    else:
        write_table(out, corpus.ids, theta)
    if out is not None:
        print(f"{len(theta)} mixtures of {theta.shape[1]} topics are in {out}.")


@app.command()
def search(
    model: Model,
    query: Annotated[str, typer.Argument(help="A word or a text.")],
    k: Annotated[int, typer.Option("-k", help="How many documents.")] = 10,
    as_json: Json = False,
) -> None:
    """The documents of a model whose topics are nearest to a query's."""
    from softtopic.model import TopicModel

    loaded = TopicModel.load(model)
    hits = loaded.search(query, k)
    if as_json:
        print_json(
            {"query": query, "hits": json.loads(hits.rename(columns=str.lower).to_json(orient="records") or "[]")}
        )
        return
    names = loaded.topics.names()
    rows = [
        [f"{hit.Divergence:.3f}", str(hit.Id), names[int(hit.Topic)], str(hit.Text)]  # type: ignore[arg-type]
        for hit in hits.itertuples()
    ]
    print_rows(["divergence", "id", "topic", "text"], rows)


@app.command()
def evaluate(
    model: Model, file: File,
    label: Annotated[str | None, typer.Option("--label", help="Column of labels; default: label, if there.")] = None,
    reference: Annotated[str | None, typer.Option("--reference", help="Texts to measure coherence against.")] = None,
    reference_text: Annotated[str, typer.Option("--reference-text", help="Column of the reference's texts.")] = "text",
    words: Annotated[int, typer.Option("--words", help="Top words of each topic to measure.")] = 10,
    rate: Annotated[bool, typer.Option("--rate", help="Have a language model rate the topics, 1 to 3.")] = False,
    lm: Annotated[str | None, typer.Option("--lm", help="Which: as for fit; default: smollm2-135m.")] = None,
    published: Annotated[bool, typer.Option("--published", help="Rate without examples, as published.")] = False,
    lm_model: LmModel = None, lm_probs: LmProbs = 20,
    text: Text = "text", id: Id = None, format: Format = None, device: Device = "auto",
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Measure a model: its topics' words, and its mixtures against labels where the documents have some."""
    from softtopic.metrics.evaluation import check_labels, describe
    from softtopic.metrics.rating import EXAMPLES, rate_topics
    from softtopic.model import TopicModel

    show_messages(quiet)
    if words < 2:
        raise InputError(f"--words is {words}; give a whole number of at least 2")
    if not rate:
        check_unrated({"--lm": lm, "--lm-model": lm_model, "--published": published})
    rater = build_rater(lm, lm_model, lm_probs, device) if rate else None
    corpus = read_documents(file, text, label or "label", id, format, label_required=label is not None)
    if label is not None:
        check_labels(corpus.labels)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    topics = loaded.topics.top_words(words)
    coherence = [] if reference is None else _coherence(topics, reference, reference_text)
    examples = () if published else EXAMPLES
    rating = None if rater is None else rate_topics(topics, rater, top_n=len(topics[0]), examples=examples).to_dict()
    rater = None  # Two language models need not be in memory at a time.
    theta = loaded.transform(corpus)
    scores = describe(topics, theta, corpus, top_n=len(topics[0])).to_dict()
    try:
        scores |= _evaluation(theta, corpus)
    except InputError as reason:
        if label is not None:
            raise
        logging.getLogger("softtopic").info("measured without labels: %s", reason)
    if as_json:
        print_json(scores | ({"coherence": coherence} if coherence else {}) | ({"rating": rating} if rating else {}))
    else:
        print_evaluation(scores)
        print_coherence(coherence)
        print_rating(rating)


app.command()(bench)


def _evaluation(theta: Any, corpus: "Corpus") -> dict[str, float | int]:
    from softtopic.metrics.evaluation import evaluate as measure

    return measure(theta, corpus).to_dict()


def _coherence(topics: list[list[str]], reference: str, column: str) -> list[dict[str, Any]]:
    from softtopic.data.readers import Columns
    from softtopic.metrics.coherence import CoherenceConfig, coherences
    from softtopic.metrics.reference import Reference

    config = CoherenceConfig(top_n=len(topics[0]))
    texts = Reference.read(reference, Columns(text=column))
    return [result.to_dict() for result in coherences(topics, texts, ("c_v", "npmi"), config)]
