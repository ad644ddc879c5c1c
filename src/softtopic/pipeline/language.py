"""The languages of a corpus, and the words that are chosen by them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from softtopic.data.language_names import NONE, english_name
from softtopic.data.languages import CorpusLanguage, resolve_language
from softtopic.data.segmentation import SEGMENTERS
from softtopic.data.stop_words import has_stop_words, stop_words
from softtopic.data.vocabulary import Vocabulary, VocabularyConfig
from softtopic.pipeline.sources import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WordPlan:
    """Languages of the documents, and the vocabulary.

    Attributes
    ----------
    language : CorpusLanguage
    stop_words : tuple of str
        Codes of the languages whose stop words are left out; () where the caller gives the words.
    vocabulary : Vocabulary
    """

    language: CorpusLanguage
    stop_words: tuple[str, ...]
    vocabulary: Vocabulary

    def __str__(self) -> str:
        """One line on the language, stop words and segmentation; "" where there are no texts."""
        if not self.language.n_documents and not self.language.declared:
            return ""
        listed = filter(has_stop_words, self.stop_words)
        counts = [f"{len(stop_words([code]) or ()):,} {english_name(code)}" for code in listed]
        parts = [f"language: {self.language}", *([f"stop words: {', '.join(counts)}"] if counts else [])]
        parts += [f"words of {english_name(code)} by {SEGMENTERS[code].package}" for code in self.vocabulary.segmented]
        return "; ".join(parts)


def plan_words(
    source: Source,
    vocabulary: Any,
    language: str | Sequence[str],
    config: VocabularyConfig,
    found: CorpusLanguage | None = None,
) -> WordPlan:
    """Choose the words of a fit; a warning where the documents are in several languages, or not in the one declared.

    Parameters
    ----------
    source : Source
    vocabulary, language
        Parameters of `TopicModel`.
    config : VocabularyConfig
    found : CorpusLanguage or None, default=None
        The languages, where they were resolved before; None: they are now.

    Raises
    ------
    InputError
        If a language is not known, or no word is left.
    """
    found = found or resolve_language(language, source.corpus if source.has_texts else ())
    if found.warning:
        log.warning("%s", found.warning)
    chosen = source.vocabulary is None and isinstance(vocabulary, int | np.integer)
    filtered = found.codes if chosen and language != NONE else ()
    words = source.vocabulary or Vocabulary.build(vocabulary, source.corpus.distinct.texts, filtered or NONE, config)
    return WordPlan(found, filtered, words)
