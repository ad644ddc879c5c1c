"""Names for the topics of a fitted state, and for lists of words from elsewhere."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from softtopic.data.language_names import AUTO, ENGLISH, NONE, english_name, parse_languages
from softtopic.data.languages import detect_language
from softtopic.data.segmentation import UNSPACED
from softtopic.data.stop_words import stop_words
from softtopic.errors import InputError
from softtopic.lm.config import MULTILINGUAL_ENCODER, SENTENCE_ENCODER, Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.loading import EMBEDDED
from softtopic.pipeline.predict import Predictor
from softtopic.state import FittedState
from softtopic.storage.assets import has_asset
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.fluency import can_write
from softtopic.teacher.local import Teacher
from softtopic.teacher.naming import Phrase, decode_phrases, naming_prompt
from softtopic.teacher.naming_server import THAT_OF_TEXTS, estimate_tokens, name_requests, request_names
from softtopic.teacher.prompt_texts import PROMPT_LANGUAGES
from softtopic.topics.documents import excerpt, representative_rows, training_texts
from softtopic.topics.languages import languages_of, topics_in_language
from softtopic.topics.naming import (
    Candidates,
    as_written,
    choose_names,
    distinct_names,
    frequent_phrases,
    is_name,
    words_of,
)
from softtopic.topics.table import topics_of
from softtopic.wording import counted

log = logging.getLogger(__name__)

# Words that stand for a topic where no name in the language of choice can be made.
_N_WORDS = 3


@dataclass(frozen=True, eq=False)
class TopicTexts:
    """What names are made from.

    Attributes
    ----------
    ids : sequence of int
        Number of each topic.
    words : sequence of sequences of str
        First words of each topic.
    documents : sequence of sequences of str
        Beginnings of representative documents of each topic, most representative first; empty for lists of words.
    stop_words : collection of str
    known_words : collection of str or None
        Words that a name may consist of; None: any.
    names : sequence of str
        Present name of each topic; empty where it has none.
    languages : tuple of str
        Codes of the languages of words and documents, most frequent first.
    chosen : str or None
        Code of the language of choice for names; None: that of the documents.
    """

    ids: Sequence[int]
    words: Sequence[Sequence[str]]
    documents: Sequence[Sequence[str]]
    stop_words: Collection[str]
    known_words: Collection[str] | None
    names: Sequence[str]
    languages: tuple[str, ...] = (ENGLISH,)
    chosen: str | None = None

    @property
    def language(self) -> str:
        """Code of the language of the names; of documents in several English, if it is one of them."""
        return self.chosen or (ENGLISH if ENGLISH in self.languages else self.languages[0])

    @property
    def is_translated(self) -> bool:
        """Whether names are in another language than the documents."""
        return self.language not in self.languages


def texts_of_topics(
    state: FittedState,
    texts: Sequence[str] | None,
    language: str | Sequence[str],
    config: NamingConfig,
    *,
    names: str = AUTO,
) -> TopicTexts:
    """Words and representative documents of the topics of a state.

    Parameters
    ----------
    state : FittedState
    texts : sequence of str or None
        Training documents in their order; None: the excerpts that the state holds.
    language : str or sequence of str
        Languages of stop words; "auto": those of the state.
    config : NamingConfig
    names : str, default="auto"
        Language of the names; "auto" is that of the documents. Of documents in several languages those in this one
        alone are read.

    Raises
    ------
    InputError
        If there are no texts, or not as many as training documents, or a language is not known.
    """
    chosen, codes = _chosen(names), state.languages
    shown = [excerpt(text) for text in training_texts(state, texts)]
    if not any(text.strip() for text in shown):
        raise InputError("the model holds no text of its documents; give the training documents (--documents)")
    words = topics_of(state).top_words(10)
    if chosen in codes and len(codes) > 1:
        known = replace(state, excerpts=tuple(shown))
        own = topics_in_language(known, 10, chosen).values()
        words = [[word for word, _ in found] or of_all for found, of_all in zip(own, words, strict=True)]
        shown = [text if code == chosen else "" for text, code in zip(shown, languages_of(known), strict=True)]
        language, codes = chosen, (chosen,)
    rows = representative_rows(state.theta, shown, n=config.phrase_documents)
    documents = [[shown[row] for row in own] for own in rows]
    language = state.languages_of(language)
    found = TopicTexts(range(state.n_topics), words, documents, _stop_words(language), None, state.names, codes, chosen)
    if found.is_translated:
        return replace(found, stop_words=_stop_words(found.language))
    if found.language in UNSPACED:
        return found
    known = {word for text in (*shown, *state.vocabulary.words) for word in words_of(text)} - _foreign(language)
    return replace(found, known_words=known)


def texts_of_lists(lists: Sequence[Sequence[str]], language: str | Sequence[str] = AUTO) -> TopicTexts:
    """The same for lists of words without documents.

    Parameters
    ----------
    lists : sequence of sequences of str
    language : str or sequence of str, default="auto"
        Language of the names, or several of the words; "auto" is that of the words.

    Raises
    ------
    InputError
        If a list is empty, or a language is not known.
    """
    for number, own in enumerate(lists):
        if not own:
            raise InputError(f"list {number} is empty; give at least one word for each topic")
    found = detect_language(map(" ".join, lists))
    given = () if language in (AUTO, NONE) else parse_languages(language)
    chosen = given[0] if len(given) == 1 else None
    is_other = chosen is not None and found.is_sure and chosen not in found.codes
    codes = found.codes if is_other or not given else given
    stops = _stop_words(NONE if language == NONE else given or codes)
    n = len(lists)
    return TopicTexts(range(n), lists, [()] * n, stops, None, [""] * n, codes, chosen)


def name_topics(
    predictor: Predictor,
    source: TopicTexts,
    *,
    lm: str | Teacher | None,
    lm_model: str | None,
    embedder: Any,
    config: NamingConfig,
) -> dict[int, str]:
    """A name for each topic of a model; see `TopicModel.name_topics`."""
    if isinstance(lm, str) and is_url(lm):
        return _by_topic(source, ask_names(source, lm, lm_model, config))
    own = predictor.language_model if lm is None else lm
    teacher = own if isinstance(own, Teacher) else Teacher(own if isinstance(own, str) else EMBEDDED)
    encode = predictor.encoder(embedder) or SentenceEncoder()
    return _by_topic(source, find_names(source, teacher, _encoder_of(source, encode), config))


def without_guided(names: dict[int, str], view: FittedState, fitted: FittedState) -> dict[int, str]:
    """Names of the topics that are not guided, where they are not that of a guide."""
    guides = {name for name in fitted.names if name}
    guided = {topic for topic, name in zip(view.topic_ids, view.names, strict=True) if name in guides}
    return {topic: name for topic, name in names.items() if topic not in guided and name not in guides}


def name_lists(
    lists: Sequence[Sequence[str]],
    *,
    lm: str | Teacher | None = None,
    lm_model: str | None = None,
    language: str | Sequence[str] = AUTO,
    config: NamingConfig = NamingConfig(),
) -> list[str]:
    """Distinct names for topics given as lists of words, such as those of another tool.

    Parameters
    ----------
    lists : sequence of sequences of str
        Words of each topic, the most important first.
    lm : str, Teacher or None, default=None
        Language model on this machine or address of a server; None: the embedded one.
    lm_model : str or None, default=None
        Name of the model, for servers that have several.
    language : str or sequence of str, default="auto"
        Language of the names, or several of the words; "auto": that of the words, which is detected.
    config : NamingConfig

    Returns
    -------
    list of str
        A name for each list.

    Raises
    ------
    InputError
        If a list is empty, or a language is not known.
    """
    source = texts_of_lists(lists, language)
    if isinstance(lm, str) and is_url(lm):
        return ask_names(source, lm, lm_model, config)
    teacher = lm if isinstance(lm, Teacher) else Teacher(lm or EMBEDDED)
    return find_names(source, teacher, _encoder_of(source, SentenceEncoder()), config)


def find_names(texts: TopicTexts, teacher: Teacher, encode: Embedder, config: NamingConfig) -> list[str]:
    """Distinct names by language model and sentence encoder, both on this machine.

    Candidates are phrases decoded by the language model, frequent phrases of the documents, and words of the topic.
    Where the language model cannot write the language of the names, see `softtopic.teacher.fluency`, a warning says so,
    and names are phrases and words of the documents. Where that is another language, topics keep their names, and those
    without one are named by their first words.

    Parameters
    ----------
    texts : TopicTexts
    teacher : Teacher
        Its language model decodes.
    encode : callable
        A list of texts → array of shape (n_texts, width).
    config : NamingConfig

    Returns
    -------
    list of str
        A name for each topic; empty where it keeps its name.
    """
    writes = can_write(teacher, texts.language)
    if texts.is_translated and texts.language not in PROMPT_LANGUAGES:
        log.warning(
            "there is no prompt for names in %s: %s; ask a server (--server), or choose one of %s",
            english_name(texts.language), _kept_or_first_words(texts), ", ".join(PROMPT_LANGUAGES),
        )  # fmt: skip
        return _first_words(texts)
    if not writes:
        shown = _kept_or_first_words(texts) if texts.is_translated else "names are phrases of the documents"
        log.warning(
            "%s cannot write %s: %s; give a language model that can (--lm), or a server (--server)",
            teacher.lm, english_name(texts.language), shown,
        )  # fmt: skip
        if texts.is_translated:
            return _first_words(texts)
    read = [
        list(own[: config.n_documents]) if own else _word_orders(words, config.n_documents)
        for own, words in zip(texts.documents, texts.words, strict=True)
    ]
    prompt = naming_prompt(texts.languages[0], texts.language)
    decoded = decode_phrases(teacher, read, config, prompt) if writes else [[] for _ in read]
    phrases = [
        _distinct([*found, *(Phrase(name, np.nan) for name in said)], texts)
        for found, said in zip(decoded, _phrases_of_documents(texts, config), strict=True)
    ]
    joined = [", ".join(own) for own in texts.words]
    names = list(dict.fromkeys(phrase.text for own in phrases for phrase in own))
    vectors = np.asarray(encode([*names, *joined, *(text for own in read for text in own)]), dtype=np.float32)
    of = dict(zip(names, vectors, strict=False))
    word_vectors, document_vectors = np.split(vectors[len(names) :], [len(joined)])
    ends = np.cumsum([0, *map(len, read)])
    centers = np.stack([document_vectors[start:stop].mean(axis=0) for start, stop in pairwise(ends)])
    candidates = [_candidates(own, of, vectors.shape[1]) for own in phrases]
    chosen = choose_names(candidates, word_vectors, centers, texts.words, config)
    return [as_written(name, own) for name, own in zip(chosen, texts.documents, strict=True)]


def ask_names(texts: TopicTexts, url: str, model: str | None, config: NamingConfig) -> list[str]:
    """Distinct names by a server; a message says beforehand how many tokens that takes."""
    requests = name_requests(texts.words, [own[: config.n_documents] for own in texts.documents])
    log.info(
        "asking %s for %s: about %s", url, counted(len(requests), "name"), counted(estimate_tokens(requests), "token")
    )
    language = english_name(texts.chosen) if texts.chosen else THAT_OF_TEXTS
    return distinct_names(request_names(url, requests, model=model, language=language), texts.words)


def _chosen(names: str) -> str | None:
    """Code of the language of choice; None for "auto"."""
    if names == AUTO:
        return None
    code, *others = parse_languages(names)
    if others:
        raise InputError(f"names are in one language, and language is {names!r}; give one of them")
    return code


def _encoder_of(texts: TopicTexts, encode: Embedder) -> Embedder:
    """The encoder, or the multilingual one in place of that of English where that is not the language of the texts."""
    is_english = {*texts.languages, texts.language} == {ENGLISH}
    if is_english or not isinstance(encode, SentenceEncoder) or encode.name != SENTENCE_ENCODER:
        return encode
    return SentenceEncoder(MULTILINGUAL_ENCODER) if has_asset(MULTILINGUAL_ENCODER) else encode


def _phrases_of_documents(texts: TopicTexts, config: NamingConfig) -> list[list[str]]:
    """Candidates in the language of the documents: frequent phrases, and first words of each topic."""
    if texts.is_translated:
        return [[] for _ in texts.words]
    frequent = frequent_phrases(texts.documents, texts.stop_words, config.n_phrases)
    return [[*counted, *own[: config.n_words]] for counted, own in zip(frequent, texts.words, strict=True)]


def _first_words(texts: TopicTexts) -> list[str]:
    """The first words of topics that have no name yet; empty for the others, which keep theirs."""
    unnamed = [own for own, name in zip(texts.words, texts.names, strict=True) if not name]
    kept = list(filter(None, texts.names))
    found = iter(distinct_names([" ".join(own[:_N_WORDS]) for own in unnamed], unnamed, taken=kept))
    return ["" if name else next(found) for name in texts.names]


def _kept_or_first_words(texts: TopicTexts) -> str:
    """What becomes of the names, for a message."""
    kept = sum(map(bool, texts.names))
    if kept == len(texts.names):
        return "all topics keep their names"
    if kept:
        return f"{kept} of {len(texts.names)} topics keep their names, the others are named by their first words"
    return "names are the first words of each topic"


def _stop_words(language: str | Sequence[str]) -> frozenset[str]:
    """Stop words with short ones, such as "of", which are no tokens of a vocabulary."""
    return frozenset(stop_words(language, token_pattern=r"\w+") or ())  # noqa: S106


def _foreign(language: str | Sequence[str]) -> frozenset[str]:
    """English stop words, such as "and", that are no words of a name in another language."""
    if language == NONE or ENGLISH in parse_languages(language):
        return frozenset()
    return _stop_words(ENGLISH) - _stop_words(language)


def _by_topic(source: TopicTexts, names: Sequence[str]) -> dict[int, str]:
    return {topic: name for topic, name in zip(source.ids, names, strict=True) if name}


def _word_orders(words: Sequence[str], n: int) -> list[str]:
    """A list of words begun at several places, in place of documents."""
    step = max(1, len(words) // n)
    starts = range(0, len(words), step)[:n]
    return [", ".join([*words[start:], *words[:start]]) for start in starts]


def _distinct(phrases: Sequence[Phrase], texts: TopicTexts) -> list[Phrase]:
    """Phrases that may be names, the first of those that differ in letter case alone."""
    found: dict[str, Phrase] = {}
    for phrase in phrases:
        if is_name(phrase.text, texts.stop_words, texts.known_words):
            found.setdefault(phrase.text.casefold(), phrase)
    return list(found.values())


def _candidates(phrases: Sequence[Phrase], vectors: dict[str, np.ndarray], width: int) -> Candidates:
    scores = np.array([phrase.score for phrase in phrases], dtype=np.float64)
    lowest = np.nanmin(scores) if np.isfinite(scores).any() else 0.0
    own = np.array([vectors[phrase.text] for phrase in phrases], dtype=np.float32).reshape(-1, width)
    return Candidates(tuple(phrase.text for phrase in phrases), np.nan_to_num(scores, nan=lowest), own)
