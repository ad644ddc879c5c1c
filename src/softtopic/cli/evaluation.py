"""`softtopic evaluate`: the quality of a model."""

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.building import build_rater, read_documents
from softtopic.cli.options import (
    Delimiter,
    Device,
    DocumentOptions,
    Encoding,
    File,
    Format,
    Id,
    Json,
    LabelIfAny,
    LmModel,
    LmProbs,
    Model,
    Quiet,
    Reference,
    ReferenceText,
    Text,
)
from softtopic.cli.output import print_coherence, print_evaluation, print_json, print_rating, show_messages
from softtopic.errors import InputError

if TYPE_CHECKING:
    from softtopic.data.corpus import Corpus
    from softtopic.metrics.rating import Rater


def evaluate(
    model: Model,
    file: File,
    label: LabelIfAny = None,
    reference: Reference = None,
    reference_text: ReferenceText = "text",
    words: Annotated[int, typer.Option("--words", help="Number of top words of each topic to measure.")] = 10,
    rate: Annotated[bool, typer.Option("--rate", help="Let a language model rate the topics from 1 to 3.")] = False,
    lm: Annotated[
        str | None, typer.Option("--lm", help="Language model that rates, as for fit; default: smollm2-135m.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Rate with the published prompt, without examples.")
    ] = False,
    lm_model: LmModel = None,
    lm_probs: LmProbs = 20,
    text: Text = "text",
    id: Id = None,
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a model: coherence and diversity of its topics, and agreement with labels if there are any."""
    from softtopic.metrics.evaluation import check_labels, describe
    from softtopic.model import TopicModel

    show_messages(quiet)
    if words < 2:
        raise InputError(f"--words is {words}; give a whole number of at least 2")
    if not rate:
        _check_unused({"--lm": lm, "--lm-model": lm_model, "--published": published})
    rater = build_rater(lm, lm_model, lm_probs, device) if rate else None
    options = DocumentOptions(
        text=text, label=label or "label", id=id, format=format, delimiter=delimiter, encoding=encoding
    )
    corpus = read_documents(file, options, label_required=label is not None)
    if label is not None:
        check_labels(corpus.labels)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    topics = loaded.topics.top_words(words)
    coherence = [] if reference is None else _coherence(topics, reference, reference_text)
    rating = None if rater is None else _rating(topics, rater, published=published)
    rater = None  # Frees its language model before the teacher's is loaded.
    theta = loaded.transform(corpus)
    scores = describe(topics, theta, corpus, top_n=len(topics[0])).to_dict()
    scores |= _agreement(theta, corpus, required=label is not None)
    if as_json:
        print_json(scores | ({"coherence": coherence} if coherence else {}) | ({"rating": rating} if rating else {}))
    else:
        print_evaluation(scores)
        print_coherence(coherence)
        print_rating(rating)


def _check_unused(options: dict[str, Any]) -> None:
    """Raise InputError for options of a rating without --rate."""
    names = [name for name, value in options.items() if value]
    if names:
        raise InputError(f"{', '.join(names)} given and nothing is rated; give --rate too, or leave them out")


def _rating(topics: list[list[str]], rater: "Rater", *, published: bool) -> dict[str, Any]:
    from softtopic.metrics.rating import EXAMPLES, rate_topics

    return rate_topics(topics, rater, top_n=len(topics[0]), examples=() if published else EXAMPLES).to_dict()


def _agreement(theta: Any, corpus: "Corpus", *, required: bool) -> dict[str, float | int]:
    """Agreement with labels; nothing where there are none and none are required."""
    from softtopic.metrics.evaluation import evaluate

    try:
        return evaluate(theta, corpus).to_dict()
    except InputError as reason:
        if required:
            raise
        logging.getLogger("softtopic").info("measured without labels: %s", reason)
        return {}


def _coherence(topics: list[list[str]], reference: str, column: str) -> list[dict[str, Any]]:
    from softtopic.data.readers import Columns
    from softtopic.metrics.coherence import CoherenceConfig, coherences
    from softtopic.metrics.reference import Reference

    texts = Reference.read(reference, Columns(text=column))
    results = coherences(topics, texts, ("c_v", "npmi"), CoherenceConfig(top_n=len(topics[0])))
    return [result.to_dict() for result in results]
