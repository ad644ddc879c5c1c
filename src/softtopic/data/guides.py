"""Guides: topics that a user names in advance, by words or example documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError

# A longer text is an example document, a shorter one a word or phrase.
_MAX_PHRASE = 3


@dataclass(frozen=True)
class Guide:
    """One topic named in advance.

    Attributes
    ----------
    name : str
        Name of the topic.
    words : tuple of str
        Words and phrases of up to three words that stand for it.
    examples : tuple of str
        Example documents.
    by_name_alone : bool
        Whether the name is all that is known (zero-shot).
    """

    name: str
    words: tuple[str, ...]
    examples: tuple[str, ...] = ()
    by_name_alone: bool = False


def parse_guides(guides: object) -> tuple[Guide, ...]:
    """Guides from the parameter `guides` of `TopicModel`.

    Parameters
    ----------
    guides : dict of str to sequence of str, sequence of str, or None
        Names with words, phrases or example documents; or names alone.

    Raises
    ------
    InputError
        If there is a guide without a name or without any text, or a name twice.

    Examples
    --------
    >>> parse_guides({"inflation": ["prices", "cpi"]})[0].words
    ('prices', 'cpi')
    >>> parse_guides(["space", "hockey"])[1].name
    'hockey'
    """
    if guides is None:
        return ()
    if isinstance(guides, Mapping):
        parsed = [_guide(name, texts) for name, texts in guides.items()]
    elif isinstance(guides, Iterable) and not isinstance(guides, str | bytes):
        parsed = [Guide(name, (name,), by_name_alone=True) for name in map(_name, guides)]
    else:
        raise InputError(f"guides are {type(guides).__name__}; give a dict of names to words, or a list of names")
    names = [guide.name.casefold() for guide in parsed]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"guides name {twice!r} twice; give each topic a name of its own")
    return tuple(parsed)


def is_example(text: str) -> bool:
    """Whether a text of a guide is an example document, and no word or phrase."""
    return len(text.split()) > _MAX_PHRASE


def _guide(name: object, texts: object) -> Guide:
    name = _name(name)
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, Iterable):
        raise InputError(f"guide {name!r} has {type(texts).__name__}; give a list of words or example documents")
    stripped = [text.strip() if isinstance(text, str) else text for text in texts]
    if not stripped or not all(isinstance(text, str) and text for text in stripped):
        raise InputError(f"guide {name!r} has no words, or something that is no text; give words or example documents")
    phrases = [text for text in stripped if not is_example(text)]
    examples = [text for text in stripped if is_example(text)]
    return Guide(name, tuple(dict.fromkeys(phrases)), tuple(dict.fromkeys(examples)))


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{name!r} is no name of a guided topic; give a text")
    return name.strip()


def word_places(vocabulary: Vocabulary, words: Sequence[str]) -> list[int]:
    """Places of words in a vocabulary, in any case; unknown ones are left out."""
    places = {word.casefold(): place for place, word in enumerate(vocabulary.words)}
    return [places[word.casefold()] for word in words if word.casefold() in places]


def word_shares(
    guides: Sequence[Guide], texts: Sequence[str], vocabulary: Vocabulary
) -> Float[np.ndarray, "docs guides"]:  # fmt: skip
    """Share of each guide's words that stand in each text, found as those of `vocabulary`, whether or not among them.

    Raises
    ------
    InputError
        If no word of a guide stands in any text, and neither examples nor a name alone stand for it.
    """
    words = tuple(dict.fromkeys(word.lower() for guide in guides for word in guide.words))
    shares = np.zeros((len(texts), len(guides)), dtype=np.float32)
    if not words:
        return shares
    counts = replace(vocabulary, words=words).bag_of_words(texts)
    present = csr_matrix((np.ones_like(counts.data), counts.indices, counts.indptr), counts.shape)
    for column, guide in enumerate(guides):
        own = [words.index(word.lower()) for word in guide.words]
        if own:
            shares[:, column] = np.asarray(present[:, own].mean(axis=1)).ravel()
        if not (guide.examples or guide.by_name_alone or shares[:, column].any()):
            raise InputError(
                f"no word of guide {guide.name!r} stands in the documents ({', '.join(guide.words)}); "
                "give other words, or example documents"
            )
    return shares
