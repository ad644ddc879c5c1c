"""Names of topics: candidate phrases, and the choice among them by vectors of a sentence encoder."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.preprocessing import normalize

from softtopic.data.tokenizer import COMBINING_MARKS
from softtopic.teacher.config import NamingConfig

Vectors = Float[np.ndarray, "rows width"]

_WORD = re.compile(rf"[^\W_](?:[\w{COMBINING_MARKS}+#'’-]*[\w{COMBINING_MARKS}+#])?")
# A unit, with or without a number: "km²", "°C", "25 %".
_UNIT = re.compile(r"(?:[\d.,]+\s*)?\w{0,4}[²³°℃℉%‰]\w?")
_MIN_WORD_LENGTH = 3
_MAX_FREQUENT_WORDS = 3

# English stop words that stand within a name; with others, such as verbs, a phrase is a sentence ("dogs are a danger").
_CONNECTIVES = {
    *("a", "against", "an", "and", "at", "between", "by", "for", "from", "in", "into"),
    *("of", "on", "or", "over", "the", "to", "under", "with", "without"),
}
_CLAUSE_WORDS = frozenset(ENGLISH_STOP_WORDS) - _CONNECTIVES


def frequent_phrases(
    documents: Sequence[Sequence[str]], stop_words: Collection[str], n_phrases: int
) -> list[list[str]]:  # fmt: skip
    """Phrases of one to three words that are frequent in the documents of a topic, and not in those of others.

    Ranked by their contribution to the divergence of the topic from the collection, n log(n / expected n), where n is
    the number of documents of the topic that hold the phrase.

    Parameters
    ----------
    documents : sequence of sequences of str
        Documents of each topic.
    stop_words : collection of str
        Words in no phrase.
    n_phrases : int
        Maximum number of phrases for each topic.

    Returns
    -------
    list of list of str
        Phrases of each topic in lower case, those with the largest contribution first.
    """
    stops = set(stop_words)
    counts = [Counter(phrase for text in own for phrase in set(_phrases(text, stops))) for own in documents]
    total: Counter[str] = sum(counts, Counter())
    n_documents = sum(map(len, documents))
    ranked = []
    for own, count in zip(documents, counts, strict=True):
        share = len(own) / max(1, n_documents)
        gain = {phrase: n * np.log(n / (share * total[phrase])) for phrase, n in count.items() if n > 1}
        ranked.append(sorted(gain, key=lambda phrase: (-gain[phrase], phrase))[:n_phrases])
    return ranked


def _phrases(text: str, stop_words: set[str]) -> Iterator[str]:
    words = list(_WORD.finditer(text.lower()))
    usable = [
        len(word[0]) >= _MIN_WORD_LENGTH and word[0] not in stop_words and not word[0].isdigit() for word in words
    ]
    for start in range(len(words)):
        for stop in range(start, min(start + _MAX_FREQUENT_WORDS, len(words))):
            # One space alone stands between the words of a phrase.
            if not usable[stop] or (stop > start and words[stop].start() - words[stop - 1].end() != 1):
                break
            yield " ".join(word[0] for word in words[start : stop + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidate names of one topic.

    Attributes
    ----------
    names : tuple of str
    scores : ndarray of shape (n_candidates,)
        Scores by the language model.
    vectors : ndarray of shape (n_candidates, width)
        Sentence vectors.
    """

    names: tuple[str, ...]
    scores: Float[np.ndarray, " candidates"]
    vectors: Vectors


def is_name(phrase: str, stop_words: Collection[str], known_words: Collection[str] | None = None) -> bool:
    """Whether a phrase neither begins nor ends with a stop word, nor repeats a word, and consists of known words.

    Units, such as "km²", are no names.

    Within an English name stop words are prepositions, conjunctions or articles.

    Parameters
    ----------
    phrase : str
    stop_words : collection of str
        In lower case.
    known_words : collection of str or None, default=None
        In lower case: words of the documents, so that names are in their language. None: any words.

    Examples
    --------
    >>> is_name("history of art", {"of"}), is_name("history of", {"of"}), is_name("art is bad", {"is"})
    (True, False, False)
    """
    words = words_of(phrase)
    if _UNIT.fullmatch(phrase.strip()):
        return False
    if not words or words[0] in stop_words or words[-1] in stop_words or len(set(words)) < len(words):
        return False
    if any(word in stop_words and word in _CLAUSE_WORDS for word in words):
        return False
    return known_words is None or all(word in known_words for word in words)


def as_written(name: str, documents: Iterable[str]) -> str:
    """The name in the letter case in which most of the documents have it, or as it is where none does.

    Examples
    --------
    >>> as_written("jeb bush", ["Jeb Bush spoke", "jeb bush", "With Jeb Bush"])
    'Jeb Bush'
    """
    pattern = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    forms = Counter(match[0] for text in documents if (match := pattern.search(text)))
    return max(sorted(forms), key=lambda form: forms[form], default=name)


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [word[0] for word in _WORD.finditer(text.lower())]


def choose_names(
    candidates: Sequence[Candidates],
    words: Vectors,
    documents: Vectors,
    first_words: Sequence[Sequence[str]],
    config: NamingConfig,
) -> list[str]:
    """One name for each topic, all distinct.

    The topic with the best candidate is named first; a candidate's score falls with its similarity to the names that
    were given before.

    Parameters
    ----------
    candidates : sequence of Candidates
    words : ndarray of shape (n_topics, width)
        Vectors of the topics' words.
    documents : ndarray of shape (n_topics, width)
        Mean vectors of the topics' documents.
    first_words : sequence of sequences of str
        Words of each topic, for topics without a candidate, and to tell topics with equal names apart.
    config : NamingConfig

    Returns
    -------
    list of str
        Names that differ in more than letter case and a plural.
    """
    words, documents = np.asarray(normalize(words)), np.asarray(normalize(documents))
    scores = [_scores(own, topic, words, documents, config) for topic, own in enumerate(candidates)]
    vectors = [np.asarray(normalize(own.vectors)) if own.names else own.vectors for own in candidates]
    chosen: dict[int, str] = {}
    nearest = [np.zeros(len(own.names)) for own in candidates]
    while len(chosen) < len(candidates):
        used = {name_key(name) for name in chosen.values()}
        best = (-np.inf, -1, -1)
        for topic, own in enumerate(candidates):
            if topic not in chosen:
                values = scores[topic] - config.similarity_weight * nearest[topic]
                free = [
                    value if name_key(name) not in used else -np.inf
                    for value, name in zip(values, own.names, strict=True)
                ]
                place = int(np.argmax(free)) if free else -1
                if place >= 0 and free[place] > best[0]:
                    best = (free[place], topic, place)
        _, topic, place = best
        if topic < 0:
            break
        chosen[topic] = candidates[topic].names[place]
        nearest = [
            np.maximum(before, own @ vectors[topic][place]) if len(own) else before
            for before, own in zip(nearest, vectors, strict=True)
        ]
    found = [chosen.get(topic, " ".join(own[:3])) for topic, own in enumerate(first_words)]
    return distinct_names(found, first_words)


def _scores(
    own: Candidates, topic: int, words: Vectors, documents: Vectors, config: NamingConfig
) -> Float[np.ndarray, " candidates"]:
    if not own.names:
        return np.zeros(0)
    vectors = np.asarray(normalize(own.vectors))
    cosines = vectors @ documents.T
    logits = config.inverse_temperature * cosines
    return (
        config.document_weight * cosines[:, topic]
        + config.word_weight * (vectors @ words[topic])
        + config.topic_weight * (logits[:, topic] - logsumexp(logits, axis=1))
        + config.decoder_weight * own.scores
    )


def distinct_names(
    names: Sequence[str], first_words: Sequence[Sequence[str]], *, taken: Iterable[str] = ()
) -> list[str]:
    """Names with a word of the topic in brackets, or else a number, where an earlier topic has the same.

    Names of other topics, `taken`, are not used either.

    Examples
    --------
    >>> distinct_names(["Cars", "car"], [["engine"], ["car", "prices"]])
    ['Cars', 'car (prices)']
    """
    used = set(map(name_key, taken))
    result = []
    for number, (name, own) in enumerate(zip(names, first_words, strict=True)):
        options: Iterable[str] = [
            name or f"topic {number}",
            *(f"{name} ({word})" for word in own if word not in name_key(name)),
        ]
        distinct = next((one for one in options if name_key(one) not in used), f"{name} ({number})")
        used.add(name_key(distinct))
        result.append(distinct)
    return result


def name_key(name: str) -> tuple[str, ...]:
    """What is equal in names that differ in letter case, punctuation, order or a plural alone."""
    words = words_of(name)
    return tuple(sorted(word[:-1] if len(word) > _MIN_WORD_LENGTH and word.endswith("s") else word for word in words))
