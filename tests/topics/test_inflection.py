import numpy as np
import pytest

from softtopic.recipes import RankingConfig
from softtopic.topics.inflection import merge_forms
from softtopic.topics.words import Topics

WORDS = ("haus", "häuser", "mond", "hauses", "monde")
RELEVANCE = np.array([[0.2, 0.3, 0.1, 0.4, 0.05], [0.1, 0.0, 0.2, 0.05, 0.4]], dtype=np.float32)


def shown(languages, merge=None, n=5):
    merged = merge_forms(RELEVANCE, WORDS, languages, RankingConfig(merge_forms=merge))
    return Topics(RELEVANCE, WORDS, merged).top_words(n)


def test_forms_of_a_word_are_shown_once():
    assert shown(("de",), n=2) == [["hauses", "mond"], ["monde", "haus"]]


def test_other_forms_come_last_in_their_order():
    assert shown(("de",))[0] == ["hauses", "mond", "häuser", "haus", "monde"]


@pytest.mark.parametrize(
    ("languages", "merge"),
    [(("en",), None), (("de",), False), (("de", "fr"), None), (("de", "fr"), True), (("ja",), True)],
)
def test_nothing_changes_in_english_several_languages_and_those_without_a_stemmer(languages, merge):
    assert merge_forms(RELEVANCE, WORDS, languages, RankingConfig(merge_forms=merge)) is RELEVANCE


def test_arabic_words_with_and_without_the_article_are_one():
    words = ("فريق", "الفريق", "والفريق", "مدينة", "المدينة", "الله")
    merged = merge_forms(np.full((1, 6), 0.1, dtype=np.float32), words, ("ar",), RankingConfig())
    assert (merged[0] == np.float32(0.1)).tolist() == [True, False, False, True, False, True]


def test_english_forms_are_merged_if_asked():
    words = ("rocket", "rockets")
    merged = merge_forms(np.array([[0.4, 0.6]], dtype=np.float32), words, ("en",), RankingConfig(merge_forms=True))
    assert merged[0, 1] == np.float32(0.6)
    assert merged[0, 0] < 1e-6
