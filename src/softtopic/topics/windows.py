"""Topics along a document: mixtures of windows of tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from softtopic.errors import InputError, check_whole
from softtopic.types import DocTopic


@dataclass(frozen=True)
class Windows:
    """Overlapping windows of tokens of one document.

    Attributes
    ----------
    tokens : list of str
        Parts of the text between blanks.
    starts : list of int
        First token of each window.
    size : int
        Tokens of a window; a shorter document is one window.

    Examples
    --------
    >>> Windows.of("a b c d", size=3, stride=1).texts
    ['a b c', 'b c d']
    """

    tokens: list[str]
    starts: list[int]
    size: int

    @classmethod
    def of(cls, text: str, size: int, stride: int) -> "Windows":
        """Windows of a text; the last one ends with it."""
        tokens = text.split()
        last = max(0, len(tokens) - size)
        return cls(tokens, [*range(0, last, stride), last], size)

    @property
    def texts(self) -> list[str]:
        return [" ".join(self.tokens[start : start + self.size]) for start in self.starts]

    def of_tokens(self, theta: DocTopic) -> Float[np.ndarray, "tokens topics"]:
        """Mean mixture of the windows that each token is in."""
        total, count = np.zeros((len(self.tokens), theta.shape[1])), np.zeros((len(self.tokens), 1))
        for start, mixture in zip(self.starts, theta, strict=True):
            total[start : start + self.size] += mixture
            count[start : start + self.size] += 1
        return (total / np.maximum(count, 1)).astype(np.float32)


def approximate_distribution(
    texts: Sequence[str],
    transform: Callable[[list[str]], DocTopic],
    *,
    window: int = 4,
    stride: int = 1,
    tokens: bool = False,
) -> tuple[DocTopic, list[np.ndarray] | None]:
    """Mean topic mixtures of the windows of documents, and of the windows of each token.

    Parameters
    ----------
    texts : sequence of str
    transform : callable
        From texts to topic mixtures of shape (n_texts, n_topics).
    window, stride : int, default=4 and 1
        Tokens of a window, and between the beginnings of two of them.
    tokens : bool, default=False
        Whether to return mixtures of tokens.

    Returns
    -------
    mixtures : ndarray of shape (n_documents, n_topics)
        Rows sum to 1.
    tokens : list of ndarray of shape (n_tokens, n_topics), or None
        For each document the mixture of each of its tokens, the parts of its text between blanks.

    Raises
    ------
    InputError
        If window or stride are no whole numbers of at least 1, or the stride exceeds the window.
    """
    check_whole("window", window, 1)
    check_whole("stride", stride, 1)
    if stride > window:
        raise InputError(
            f"stride is {stride} for a window of {window}; give at most that, so that no token is left out"
        )
    documents = [Windows.of(text, window, stride) for text in texts]
    theta = transform([text for one in documents for text in one.texts])
    parts = np.split(theta, np.cumsum([len(one.starts) for one in documents])[:-1])
    mixtures = np.stack([part.mean(axis=0) for part in parts]) if documents else theta
    if not tokens:
        return mixtures, None
    return mixtures, [one.of_tokens(part) for one, part in zip(documents, parts, strict=True)]
