"""A first table of topics: groups of a part of the documents, found without a language model and without training."""

import logging
import time

import numpy as np
import pandas as pd

from softtopic.data.languages import CorpusLanguage, resolve_language
from softtopic.errors import InputError
from softtopic.inputs.language_axes import without_language
from softtopic.lm.config import AUTO as FOR_LANGUAGE
from softtopic.lm.config import Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.vectors import embed, parts_of
from softtopic.pipeline.fit import group_documents, rank_words
from softtopic.pipeline.multilingual import axes_of, with_encoder
from softtopic.pipeline.plan import FitOptions, pick_embedder, resolve_plan
from softtopic.pipeline.represent import MIN_KEPT, are_kept, represent
from softtopic.pipeline.sources import Source
from softtopic.pipeline.targets import make_targets
from softtopic.recipes import RECIPES
from softtopic.selection import AUTO
from softtopic.topics.documents import excerpt, representative_rows
from softtopic.topics.words import Topics
from softtopic.types import DocHidden
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Documents of a preview: as many as are encoded in so many seconds, and no more than so many.
_ENCODING_SECONDS = 4.0
_MAX_DOCUMENTS = 4096
# Documents for each topic, at least.
_MIN_TOPIC_DOCUMENTS = 5

# Where the fit will choose their number, which takes longer than a preview may.
_AUTO_TOPICS = 20


def preview(source: Source, options: FitOptions) -> pd.DataFrame:
    """Topics of a part of the documents, within seconds.

    The part is a random sample of the distinct documents. They are grouped by their words, and by their sentence
    vectors where the recipe has them, which are kept in the cache for the fit. A preview does not change the fit.

    Parameters
    ----------
    source : Source
    options : FitOptions
        Those of the fit.

    Returns
    -------
    DataFrame
        One row a topic, largest first: Topic, Count, Representation, Representative_Docs. There are fewer topics than
        `options.n_topics` where the part has fewer than 5 documents for each.

    Raises
    ------
    InputError
        If there are no texts, or none of them holds a word of the vocabulary.
    """
    if not source.has_texts:
        raise InputError("a preview is made from texts, and there are none")
    language = resolve_language(options.language, source.corpus)
    vectors = _some_vectors(source, options, language)
    count = min(source.count, _MAX_DOCUMENTS) if vectors is None else len(vectors)
    corpus = source.corpus.at(source.corpus.distinct.first[:count])
    part = Source(corpus=corpus, embeddings=vectors, vocabulary=source.vocabulary)
    log.info("preview: grouping %s of %s", f"{count:,}", counted(source.count, "distinct document"))
    plan = resolve_plan(part, _preview_options(options, count, has_vectors=vectors is not None), language)
    axes = axes_of(plan, part, vectors)
    vectors = None if vectors is None else without_language(vectors, axes)
    representation = represent(plan, part, vectors, None, axes)
    targets = make_targets(plan, part, representation, None)
    groups = group_documents(plan, part, representation, targets)
    if groups is None:
        raise InputError("the recipe of previews has no groups")
    relevance = rank_words(plan, targets, groups.topic_word, groups.mixtures, axes)
    topics = Topics(groups.topic_word, plan.vocabulary.words, relevance)
    texts = corpus.distinct.texts
    frame = pd.DataFrame({
        "Topic": range(plan.chosen_n_topics),
        "Count": np.bincount(groups.mixtures.argmax(axis=1), minlength=plan.chosen_n_topics),
        "Representation": topics.top_words(10),
        "Representative_Docs": [
            [excerpt(texts[row]) for row in rows.tolist()] for rows in representative_rows(groups.mixtures, texts)
        ],
    })  # fmt: skip
    return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)


def _preview_options(options: FitOptions, count: int, *, has_vectors: bool) -> FitOptions:
    """Options of a fit to the words of the documents, by the default recipe without its language model."""
    inputs = "embedding+words+tf-idf" if has_vectors else "words+tf-idf"
    recipe = RECIPES["default"].with_options(inputs=inputs, target="bow")
    wanted = _AUTO_TOPICS if options.n_topics == AUTO else int(options.n_topics)
    return FitOptions(
        n_topics=max(2, min(wanted, count // _MIN_TOPIC_DOCUMENTS)),
        recipe=recipe,
        vocabulary=options.vocabulary,
        language=options.language,
        features=None,
        random_state=options.random_state,
    )


def _some_vectors(source: Source, options: FitOptions, language: CorpusLanguage) -> DocHidden | None:
    """Sentence vectors of the first distinct documents; None where the fit has none."""
    if source.embeddings is not None:
        return source.embeddings[:_MAX_DOCUMENTS]
    if source.features is not None and source.teacher is None:
        return source.features.hidden[:_MAX_DOCUMENTS]
    recipe = options.resolved_recipe()
    if options.embedder in (None, FOR_LANGUAGE):
        recipe = with_encoder(recipe, language, needed=False)
    embedder = pick_embedder(recipe, source, options)
    return None if embedder is None else _encode_some(source, embedder, keep=options.features is not None)


def _encode_some(source: Source, embedder: Embedder, *, keep: bool) -> DocHidden:
    """Encode parts, the files of the cache folder, until time is up."""
    texts, begin = source.corpus.distinct.texts, time.monotonic()
    if not isinstance(embedder, SentenceEncoder):
        return np.asarray(embedder(texts[:MIN_KEPT]), dtype=np.float32)
    vectors: list[DocHidden] = []
    for part in parts_of(texts, embedder):
        out_of_time = time.monotonic() - begin > _ENCODING_SECONDS
        if vectors and (out_of_time or sum(map(len, vectors)) + len(part) > _MAX_DOCUMENTS):
            break
        vectors.append(embed(part, embedder, keep=keep and are_kept(texts)))
    return np.concatenate(vectors)
