import logging

import pytest

from softtopic.data.language_names import LANGUAGES
from softtopic.data.stop_words import has_stop_words, stop_words
from softtopic.errors import InputError


def test_there_are_lists_for_more_than_fifty_languages():
    listed = [code for code in LANGUAGES if has_stop_words(code)]
    assert len(listed) >= 58
    assert all(stop_words(code, token_pattern=".+") for code in listed)


def test_an_unknown_language_is_refused_with_the_closest():
    with pytest.raises(InputError, match=r"'germn' is not known; did you mean German \(de\)\?"):
        stop_words("germn")


@pytest.mark.parametrize("language", ["de", "DE", "de-AT", "de_DE", "deu", "ger", "German", "german", "Deutsch"])
def test_a_language_has_several_names(language):
    assert stop_words(language) == stop_words("german")
    assert "und" in stop_words(language)


@pytest.mark.parametrize("language", ["en", "en-GB", "eng", "English"])
def test_english_is_one_list(language):
    assert stop_words(language) == stop_words("english")
    assert "computer" not in stop_words(language)


def test_several_languages_have_the_words_of_each():
    several = stop_words(["de", "fr"])
    assert several == stop_words("de,fr") == sorted({*stop_words("de"), *stop_words("fr")})
    assert stop_words("none") is None


def test_a_language_without_a_list_is_one_line(caplog):
    caplog.set_level(logging.WARNING, "softtopic")
    assert stop_words(["ka", "de"]) == stop_words("de")
    assert [record.message for record in caplog.records] == [
        "there is no list of stop words for Georgian; leave out frequent words with a lower max_df (--max-df 20%), or "
        "give words"
    ]


def test_what_an_apostrophe_leaves_is_a_stop_word():
    assert {"qu", "lorsqu"} <= set(stop_words("fr"))
    assert {"dell", "nell", "un"} <= set(stop_words("it"))


def test_russian_nouns_are_no_stop_words():
    assert "женщина" not in stop_words("ru")
    assert "который" in stop_words("ru")


def test_stop_words_are_spelled_as_counted_words_are():
    """The zero-width joiner of Persian is removed from texts before words are counted."""
    assert all("\u200c" not in word for word in stop_words("fa", token_pattern=".+"))


def test_arabic_stop_words_go_with_the_particles_before_them():
    words = set(stop_words("ar"))
    assert {"هذا", "وهذا", "فهذا"} <= words
    assert "لكن" in words
