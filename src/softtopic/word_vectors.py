"""Vectors of words, for the backbones that begin with them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from softtopic.errors import InputError
from softtopic.vocabulary import Vocabulary


@dataclass(frozen=True)
class WordVectors:
    """Words with a vector each, e.g. GloVe's."""

    words: tuple[str, ...]
    vectors: Float[np.ndarray, "words width"]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.vectors) or not len(self.words):
            raise InputError(f"{len(self.words)} words for {len(self.vectors)} vectors; give one vector for each word")

    @classmethod
    def read(cls, path: str | Path) -> "WordVectors":
        """From an .npz file with `words` and `vectors`, or a text file with a word and its numbers on each line.

        Raises InputError where the file is neither.
        """
        path = Path(path)
        try:
            if path.suffix == ".npz":
                with np.load(path) as arrays:
                    return cls(tuple(map(str, arrays["words"])), np.asarray(arrays["vectors"], dtype=np.float32))
            return cls._parse(path.read_text(encoding="utf-8"))
        except (OSError, KeyError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{path} cannot be read as word vectors ({error}); give an .npz file with words and vectors, or a "
                "text file with a word and its numbers on each line"
            ) from None

    @classmethod
    def _parse(cls, text: str) -> "WordVectors":
        rows = [line.rstrip().split(" ") for line in text.splitlines() if line.strip()]
        if rows and len(rows[0]) == 2:
            rows = rows[1:]  # word2vec's text files begin with their size
        if not rows:
            raise ValueError("it is empty")
        return cls(tuple(row[0] for row in rows), np.asarray([row[1:] for row in rows], dtype=np.float32))

    def of(self, vocabulary: Vocabulary) -> Float[np.ndarray, "vocab width"]:
        """The vector of each word of a vocabulary, NaN where there is none."""
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
    return (given if isinstance(given, WordVectors) else WordVectors.read(given)).of(vocabulary)
