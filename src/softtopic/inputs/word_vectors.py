"""Vectors of words, for the backbones that begin with them."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError


@dataclass(frozen=True)
class WordVectors:
    """Pre-trained word vectors, such as GloVe.

    Parameters
    ----------
    words : tuple of str
    vectors : ndarray of shape (n_words, width)
    """

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "words width"]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.vectors) or not len(self.words):
            raise InputError(f"{len(self.words)} words for {len(self.vectors)} vectors; give one vector for each word")

    @classmethod
    def read(cls, path: str | Path, wanted: Container[str] | None = None) -> "WordVectors":
        """Read an .npz file with `words` and `vectors`, or a text file with a word and its vector on each line.

        Of a text file only the words `wanted` are kept (None: all), and the first vector of each. Raises InputError if
        the file is neither.
        """
        path = Path(path)
        try:
            if path.suffix == ".npz":
                with np.load(path) as arrays:
                    return cls(tuple(map(str, arrays["words"])), np.asarray(arrays["vectors"], dtype=np.float32))
            # Some words hold what Python takes for the end of a line elsewhere.
            with path.open(encoding="utf-8", newline="\n") as lines:
                return cls._parse(lines, wanted)
        except (OSError, KeyError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path} cannot be read as word vectors ({error}); give an .npz file with words and vectors, or a "
                "text file with a word and its numbers on each line"
            ) from None

    @classmethod
    def _parse(cls, lines: Iterable[str], wanted: Container[str] | None) -> "WordVectors":
        words: list[str] = []
        vectors: list[Float[np.ndarray, " width"]] = []
        width = 0
        for number, line in enumerate(lines):
            # From the right: a few words hold spaces.
            word, *numbers = line.rstrip().rsplit(" ", width or -1)
            if (not number and len(numbers) == 1) or not line.strip():
                continue  # word2vec's text files begin with their size
            width = width or len(numbers)
            if len(numbers) != width:
                raise ValueError(f"line {number + 1} has {len(numbers)} numbers, the first {width}")
            if wanted is None or word in wanted or not words:
                words.append(word)
                vectors.append(np.asarray(numbers, dtype=np.float32))
        if not words:
            raise ValueError("it is empty")
        return cls(tuple(words), np.stack(vectors))

    def of(self, vocabulary: Vocabulary) -> Float[np.ndarray, "vocab width"]:
        """Vectors of the words of a vocabulary; NaN for words without one."""
        place = {word: row for row, word in reversed(list(enumerate(self.words)))}
        rows = np.asarray([place.get(word, -1) for word in vocabulary.words])
        found = self.vectors[rows].astype(np.float32)
        found[rows < 0] = np.nan
        return found


def word_matrix(
    given: WordVectors | str | Path | None, vocabulary: Vocabulary
) -> Float[np.ndarray, "vocab width"] | None:
    """`WordVectors.of` for vectors, a file of them, or nothing."""
    if given is None:
        return None
    if not isinstance(given, WordVectors):
        given = WordVectors.read(given, frozenset(vocabulary.words))
    return given.of(vocabulary)
