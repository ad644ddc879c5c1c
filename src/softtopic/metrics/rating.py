"""Ratings of topics by a language model, from 1 to 3.

The question follows the published evaluation (arXiv 2602.17907). No answer is sampled: a rating is the expected value
of the answers 1, 2 and 3. It is only as good as the language model: `docs/metrics.md` compares the embedded one with
human ratings.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp, softmax

from softtopic.errors import InputError, LanguageModelError

INSTRUCTION = (
    "You are given the words of one topic. Rate how related they are to each other, from 1 (not very related) to "
    "3 (very related). Reply with a single number: 1, 2 or 3."
)
ANSWERS = ("1", "2", "3")

# Examples for language models too small for the instruction alone. Not in the order 1, 2, 3, which they would continue.
EXAMPLES = (
    ("apple, pear, banana, cherry, grape, plum, peach, lemon, orange, melon", "3"),
    ("january, brick, whisper, engine, lawyer, purple, soup, distance, monday, salt", "1"),
    ("hospital, nurse, window, doctor, tuesday, patient, green, surgery, street, clinic", "2"),
)


@runtime_checkable
class Rater(Protocol):
    """A language model that rates topics; `softtopic.teacher.raters` has `LocalRater` and `ServerRater`."""

    @property
    def name(self) -> str:
        """Name of the language model."""
        ...

    def log_probs(
        self, instruction: str, lists: Sequence[str], ratings: Sequence[str], examples: Sequence[tuple[str, str]] = ()
    ) -> Float[np.ndarray, "lists ratings"]:
        """Log probability of each rating of each list of words, as the first token of the reply.

        Parameters
        ----------
        instruction : str
            The task.
        lists : sequence of str
            What is rated.
        ratings : sequence of str
            The ratings to choose from.
        examples : sequence of (str, str)
            Lists with their ratings.

        Returns
        -------
        ndarray of shape (n_lists, n_ratings)
            In [-inf, 0]; the remaining probability is that of other replies.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings of all topics by one language model.

    Attributes
    ----------
    mean, std : float
        Over topics; ratings are from 1 to 3.
    per_topic : tuple of float
        Rating of each topic.
    mass : tuple of float
        Probability of the three answers together, for each topic. Far below 1 the model did not answer the question.
    lm : str
        Name of the language model.
    top_n : int
        Words of each topic that were rated.
    n_examples : int
        Examples before each question; the published question has none.
    """

    mean: float
    std: float
    per_topic: tuple[float, ...]
    mass: tuple[float, ...]
    lm: str
    top_n: int
    n_examples: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"rating {self.mean:.3f} ± {self.std:.3f} of 1 to 3 over {len(self.per_topic)} topics, top {self.top_n} "
            f"words, by {self.lm} after {self.n_examples} examples (probability of the three answers "
            f"{np.mean(self.mass):.3f})"
        )


def rate_topics(
    topics: Sequence[Sequence[str]],
    rater: Rater,
    *,
    top_n: int = 10,
    examples: Sequence[tuple[str, str]] = EXAMPLES,
) -> Ratings:
    """Have a language model rate how related the words of each topic are, from 1 (not very) to 3 (very).

    Parameters
    ----------
    topics : sequence of sequence of str
        Words of each topic, the most important first.
    rater : Rater
        The language model.
    top_n : int, default=10
        Words of each topic to rate; published ratings are of 15.
    examples : sequence of pairs (words, rating)
        Shown before each topic; () is the published question.

    Returns
    -------
    Ratings
        Rating of each topic, mean and standard deviation.

    Raises
    ------
    InputError
        If a topic has fewer than two words, or an example has another rating.
    LanguageModelError
        If none of the three answers has any probability.
    """
    _check(topics, top_n, examples)
    lists = [_words(topic, number, top_n) for number, topic in enumerate(topics)]
    log_probs = rater.log_probs(INSTRUCTION, lists, ANSWERS, examples)
    mass = np.exp(logsumexp(log_probs, axis=1))
    if not (mass > 0).all():
        raise LanguageModelError(
            f"{rater.name} finds none of the answers {', '.join(ANSWERS)} likely for topic {int(np.argmin(mass > 0))}; "
            "give a language model that follows instructions, or ask a server for more log probabilities"
        )
    ratings = expected_ratings(log_probs)
    return Ratings(
        mean=float(ratings.mean()),
        std=float(ratings.std()),
        per_topic=tuple(ratings.tolist()),
        mass=tuple(mass.tolist()),
        lm=rater.name,
        top_n=top_n,
        n_examples=len(examples),
    )


def _check(topics: Sequence[Sequence[str]], top_n: int, examples: Sequence[tuple[str, str]]) -> None:
    if top_n < 2:
        raise InputError(f"top_n is {top_n}; words are rated by how related they are, so give at least 2")
    if not topics:
        raise InputError("there are no topics to rate; give a list of words for each topic")
    for words, rating in examples:
        if rating not in ANSWERS:
            raise InputError(f"the example {words!r} is rated {rating!r}; expected one of {', '.join(ANSWERS)}")


def expected_ratings(log_probs: Float[np.ndarray, "topics 3"]) -> Float[np.ndarray, " topics"]:
    """Σ r P(r) over the answers r = 1, 2, 3, with P normalised to sum to 1 over them."""
    return softmax(log_probs, axis=1) @ np.arange(1.0, len(ANSWERS) + 1)


def _words(topic: Sequence[str], number: int, top_n: int) -> str:
    if isinstance(topic, str):
        raise InputError(f"topic {number} is one string; give a list of words for each topic")
    words = list(dict.fromkeys(" ".join(word.split()) for word in topic[:top_n] if word.strip()))
    if len(words) < 2:
        raise InputError(f"topic {number} has {len(words)} distinct words; give two or more to relate to each other")
    return ", ".join(words)
