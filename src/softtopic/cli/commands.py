"""The commands: each reads its options, calls the library and shows what came of it."""

import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# Heavy modules are imported inside the commands: `softtopic --help` has no use for them.
from softtopic.cli.output import (
    print_coherence,
    print_estimate,
    print_evaluation,
    print_json,
    print_rows,
    print_topics,
    topic_records,
    write_table,
    write_text,
)
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.corpus import Corpus
    from softtopic.teacher.model import Teacher

app = typer.Typer(
    name="softtopic",
    help="Find the topics of a text collection by distilling a language model.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

File = Annotated[str, typer.Argument(help="Documents: jsonl, csv, tsv, parquet or txt, also .gz; - is standard input.")]
Model = Annotated[Path, typer.Argument(help="A model folder.")]
Text = Annotated[str, typer.Option("--text", help="Column of the texts.")]
Label = Annotated[str | None, typer.Option("--label", help="Column of labels, for evaluation alone.")]
Id = Annotated[str | None, typer.Option("--id", help="Column of ids.")]
Format = Annotated[str | None, typer.Option("--format", help="jsonl, csv, tsv, parquet or txt; default: by the name.")]
Lm = Annotated[str, typer.Option("--lm", help="smollm2-135m, a local folder, or a Hugging Face id.")]
PromptName = Annotated[
    str, typer.Option("--prompt", help="published, theme, single-label, tag, four-shot, or a TOML file.")
]
Branches = Annotated[
    int | None,
    typer.Option("--branches", help="Score whole words, following so many first tokens; 0: first tokens alone."),
]
MaxTokens = Annotated[int, typer.Option("--max-tokens", help="A document is cut to so many tokens.")]
Words = Annotated[str, typer.Option("--vocabulary", help="How many words topics are made of, or a file of words.")]
Language = Annotated[str, typer.Option("--language", help="Whose stop words to leave out; none keeps all.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Dtype = Annotated[str, typer.Option("--dtype", help="auto, bfloat16, float16 or float32.")]
Recipe = Annotated[str, typer.Option("--recipe", help="default, or paper: the published settings.")]
Topics = Annotated[int, typer.Option("--topics", help="Number of topics.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No messages and no progress bars.")]


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="smollm2-135m, a sample corpus, or a Hugging Face id.")],
) -> None:
    """Fetch the embedded language model, sample corpora or a Hugging Face model: the one command that downloads."""
    from softtopic.assets import ASSETS
    from softtopic.assets import fetch as fetch_asset

    _messages(quiet=False)
    for name in names:
        if name in ASSETS:
            print(fetch_asset(name))
        else:
            from softtopic.teacher.loading import fetch_language_model

            print(fetch_language_model(name))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("demo-model"),
    topics: Topics = 20,
    documents: Annotated[int, typer.Option("--documents", help="How many posts to read.")] = 2000,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Folder of corpora to use instead.")] = None,
    quiet: Quiet = False,
) -> None:
    """Show the whole way on posts of 20 Newsgroups; fetches the language model and the posts."""
    import numpy as np

    from softtopic.assets import fetch as fetch_asset
    from softtopic.corpus import Corpus
    from softtopic.datasets import load
    from softtopic.model import TopicModel
    from softtopic.training.files import check_destination

    _messages(quiet)
    check_destination(out)
    fetch_asset("smollm2-135m")
    if data_dir is None and "SOFTTOPIC_DATA" not in os.environ:
        fetch_asset("20newsgroups")
    whole = load("20newsgroups", data_dir=data_dir)
    chosen = np.random.default_rng(0).permutation(len(whole))[:documents]
    corpus = Corpus.from_texts(
        [whole.texts[i] for i in chosen], ids=chosen.tolist(), labels=[(whole.labels or ())[i] for i in chosen]
    )
    model = TopicModel(topics, progress=not quiet).fit(corpus)
    model.save(out)
    print_topics(model)
    print_evaluation(_evaluation(model.probabilities_, corpus))
    print(f"\nThe model is in {out}. Try: softtopic search {out} 'rocket launch'")


@app.command()
def teach(
    file: File,
    out: Annotated[Path, typer.Option("--out", help="Feature folder to write or to go on with.")] = Path("features"),
    text: Text = "text", label: Label = None, id: Id = None, format: Format = None,
    lm: Lm = "smollm2-135m", prompt: PromptName = "published", max_tokens: MaxTokens = 160, branches: Branches = None,
    vocabulary: Words = "2000", language: Language = "english", device: Device = "auto", dtype: Dtype = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it will take, and write nothing.")] = False,
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Read documents with the language model and keep what it says, for any number of fits."""
    from softtopic.extract.plan import extract_into
    from softtopic.vocabulary import Vocabulary

    _messages(quiet)
    corpus = _corpus(file, text, label, id, format)
    teacher = _teacher(lm, prompt, "default", branches, max_tokens=max_tokens, device=device, dtype=dtype)
    words = Vocabulary.build(_vocabulary(vocabulary), corpus.distinct.texts, language)
    if dry_run:
        from softtopic.extract.estimate import estimate

        print_estimate(asdict(estimate(corpus, words, teacher)), as_json=as_json)
        return
    store = extract_into(out, corpus, words, teacher, progress=not quiet)
    store.write_documents(corpus)
    if as_json:
        print_json({"features": str(out), "distinct": len(corpus.distinct.texts)})
        return
    print(f"{len(corpus.distinct.texts)} distinct documents in {out}. Try: softtopic fit --features {out} --topics 50")


@app.command()
def fit(
    file: Annotated[str | None, typer.Argument(help="Documents; not needed with --features.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Model folder to write.")] = Path("model"),
    topics: Topics = 50,
    features: Annotated[Path | None, typer.Option("--features", help="Feature folder to use, or to write.")] = None,
    recipe: Recipe = "default", seed: Seed = 0,
    text: Text = "text", label: Label = None, id: Id = None, format: Format = None,
    lm: Lm = "smollm2-135m", prompt: PromptName = "published", max_tokens: MaxTokens = 160, branches: Branches = None,
    vocabulary: Words = "2000", language: Language = "english", device: Device = "auto", dtype: Dtype = "auto",
    excerpts: Annotated[bool, typer.Option(help="Keep the beginning of each document in the model folder.")] = True,
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Find topics in a file of documents, or in a feature folder, and write a model folder."""
    from softtopic.metrics.evaluation import check_labels
    from softtopic.model import TopicModel
    from softtopic.store import FeatureStore
    from softtopic.training.files import check_destination

    _messages(quiet)
    if file is None and features is None:
        raise InputError("nothing to fit; give a file of documents, or --features with a folder made by teach")
    if topics < 2:
        raise InputError(f"--topics is {topics}; give a whole number of at least 2")
    check_destination(out)
    corpus = None if file is None else _corpus(file, text, label, id, format)
    if label is not None and corpus is not None:
        check_labels(corpus.labels)
    model = TopicModel(
        topics,
        recipe=recipe,
        lm=_teacher(lm, prompt, recipe, branches, max_tokens=max_tokens, device=device, dtype=dtype),
        vocabulary=_vocabulary(vocabulary),
        language=language,
        features="auto" if features is None else features,
        random_state=seed,
        progress=not quiet,
    )
    model.fit(corpus)
    model.save(out, excerpts=excerpts)
    known = corpus if corpus is not None else FeatureStore.open(str(features)).documents()
    scores = None if known.labels is None else _evaluation(model.probabilities_, known)
    if as_json:
        print_json({"model": str(out), "topics": topic_records(model), "evaluation": scores})
        return
    print_topics(model)
    if scores is not None:
        print_evaluation(scores)
    print(f"\nThe model is in {out}.")


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

    _messages(quiet)
    if out is not None and out.suffix not in (".parquet", ".csv", ".jsonl"):
        raise InputError(f"--out {out} ends in {out.suffix or 'nothing'}; expected .parquet, .csv or .jsonl")
    corpus = _corpus(file, text, None, id, format)
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
    text: Text = "text", id: Id = None, format: Format = None, device: Device = "auto",
    as_json: Json = False, quiet: Quiet = False,
) -> None:  # fmt: skip
    """Measure a model: its topics' words, and its mixtures against labels where the documents have some."""
    from softtopic.metrics.evaluation import check_labels, describe
    from softtopic.model import TopicModel

    _messages(quiet)
    if words < 2:
        raise InputError(f"--words is {words}; give a whole number of at least 2")
    corpus = _corpus(file, text, label or "label", id, format, label_required=label is not None)
    if label is not None:
        check_labels(corpus.labels)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    topics = loaded.topics.top_words(words)
    coherence = [] if reference is None else _coherence(topics, reference, reference_text)
    theta = loaded.transform(corpus)
    scores = asdict(describe(topics, theta, corpus, top_n=len(topics[0])))
    try:
        scores |= _evaluation(theta, corpus)
    except InputError as reason:
        if label is not None:
            raise
        logging.getLogger("softtopic").info("measured without labels: %s", reason)
    if as_json:
        print_json(scores | ({"coherence": coherence} if coherence else {}))
    else:
        print_evaluation(scores)
        print_coherence(coherence)


def _messages(quiet: bool) -> None:
    """Log lines and warnings go to standard error, one line each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("softtopic: %(message)s"))
    logger = logging.getLogger("softtopic")
    logger.handlers = [handler]
    logger.setLevel(logging.ERROR if quiet else logging.INFO)
    import warnings

    warnings.showwarning = lambda message, *_, **__: logger.warning("%s", message)


def _corpus(
    file: str, text: str, label: str | None, id: str | None, format: str | None, *, label_required: bool = True
) -> "Corpus":
    from softtopic.readers import Columns, read_corpus

    columns = Columns(text=text, label=label, id=id, label_required=label_required)
    corpus = read_corpus(file, columns, format=format)
    told = [f"{corpus.n_duplicates} duplicates (read once)"] if corpus.n_duplicates else []
    told += [f"{corpus.n_empty} empty"] if corpus.n_empty else []
    logging.getLogger("softtopic").info("%d documents%s", len(corpus), f", of them {', '.join(told)}" if told else "")
    return corpus


def _teacher(lm: str, prompt: str, recipe: str, branches: int | None, **options: Any) -> "Teacher":
    from softtopic.recipes import get_recipe
    from softtopic.teacher.model import Teacher
    from softtopic.teacher.prompt import get_prompt

    branches = get_recipe(recipe).branches if branches is None else branches
    return Teacher(lm, prompt=get_prompt(prompt), branches=branches, **options)


def _vocabulary(given: str) -> int | list[str]:
    """A number of words, or the lines of a file."""
    if given.lstrip("-").isdigit():
        return int(given)
    from softtopic.readers import read_corpus

    return [line for line in read_corpus(given, format="txt").texts if line.strip()]


def _evaluation(theta: Any, corpus: "Corpus") -> dict[str, float | int]:
    from softtopic.metrics.evaluation import evaluate as measure

    return asdict(measure(theta, corpus))


def _coherence(topics: list[list[str]], reference: str, column: str) -> list[dict[str, Any]]:
    from softtopic.metrics.coherence import CoherenceConfig, coherences
    from softtopic.metrics.reference import Reference
    from softtopic.readers import Columns

    config = CoherenceConfig(top_n=len(topics[0]))
    texts = Reference.read(reference, Columns(text=column))
    return [result.to_dict() for result in coherences(topics, texts, ("c_v", "npmi"), config)]
