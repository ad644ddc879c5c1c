import os
import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from softtopic.data.segmentation import SEGMENTERS, Segmenter
from softtopic.data.vocabulary import Vocabulary, VocabularyConfig
from softtopic.errors import InputError

WORDS = st.sampled_from(["apple", "pear", "plum", "fig", "lime", "añejo", "ärger", "слово"])
DOCUMENTS = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=8)


def words(*texts: str, **options) -> tuple[str, ...]:
    return Vocabulary.from_texts(texts, **{"language": "none", "min_df": 1, "max_df": 1.0} | options).words


@settings(deadline=None)
@given(DOCUMENTS, st.randoms(use_true_random=False), st.integers(2, 8))
def test_words_are_the_most_frequent_whatever_the_order_of_documents(texts, chance: random.Random, size):
    counts = Counter(word for text in texts for word in text.split())
    expected = sorted(counts, key=lambda word: (-counts[word], word))[:size]
    shuffled = chance.sample(texts, len(texts))
    assert words(*texts, size=size) == words(*shuffled, size=size) == tuple(expected)


def test_words_do_not_depend_on_the_hash_seed():
    texts = ["ant bee cat dog elk fox", "fox elk dog"]
    made = f"Vocabulary.from_texts({texts}, min_df=1, max_df=9, size=4)"
    code = f"from softtopic.data.vocabulary import Vocabulary; print({made})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{Vocabulary(('dog', 'elk', 'fox', 'ant'))}\n"
    assert words(*texts, size=4) == ("dog", "elk", "fox", "ant")


def test_words_are_lower_case_and_have_three_letters_or_more_unless_frequent():
    assert words("SQL sql Go go 3D abc1 x_y zoë") == ("sql", "zoë")


def test_frequent_acronyms_and_words_with_digits_are_words():
    texts = [
        f"News {i} of the UK, the EU and AI: 5G, H1N1, covid19 and C++ in the 1990s, 2021, no 12" for i in range(6)
    ]
    found = {"uk", "eu", "ai", "5g", "h1n1", "covid19", "c++", "news"}
    assert set(Vocabulary.from_texts(texts, max_df=1.0).words) == found
    assert set(Vocabulary.from_texts([*texts[:4], "news"], max_df=1.0).words) == {"news"}
    everywhere = Vocabulary.from_texts([*texts[:4], "news"], max_df=1.0, config=VocabularyConfig(min_acronym_df=0.5))
    assert set(everywhere.words) == found
    counts = Vocabulary(("uk", "c++", "5g")).bag_of_words(["The uk in 5G; C++11 c++"]).toarray()
    assert counts.tolist() == [[1, 2, 1]]


def test_words_of_two_letters_are_acronyms_where_they_are_written_in_capitals():
    texts = ["go to the UK, ok", "Go by TV. They'll say OK", "uk or UK: ok", "TV tv TV"] * 5
    assert words(*texts, language="english") == ("tv", "uk", "say")
    assert "ok" in words(*[text.lower() for text in texts], language="english")


def test_a_code_counts_once_a_document():
    texts = ["g9v " * 50 + "apple pear"] * 6 + ["apple pear"] * 4
    assert words(*texts, size=2) == ("apple", "pear")


def test_parts_of_markup_are_no_words_unless_kept():
    text = '<p class="x">rocket&nbsp;&amp;</p> <a href="https://www.shop.com/item">orbit</a> @nasa me@host.edu'
    assert words(text) == ("orbit", "rocket")
    kept = words(text, config=VocabularyConfig(keep_markup=True))
    assert {"href", "https", "nbsp", "nasa", "host"} < set(kept)
    assert Vocabulary(("item", "rocket")).bag_of_words([text]).toarray().tolist() == [[0, 1]]
    assert Vocabulary(("item", "rocket"), keep_markup=True).bag_of_words([text]).toarray().tolist() == [[1, 1]]
    # A word that is markup itself was asked for.
    assert Vocabulary(("@nasa", "rocket")).bag_of_words([text]).toarray().tolist() == [[1, 1]]
    own = CountVectorizer(token_pattern=r"\w{3,}")
    assert Vocabulary.from_vectorizer(own, [text]).words == ("orbit", "rocket")
    assert "nasa" in Vocabulary.from_vectorizer(own, [text], keep_markup=True).words


def test_contractions_are_no_words_and_possessives_lose_their_ending():
    assert words("don't isn’t people's people’s dog't") == ("people",)


def test_bounds_count_documents_or_shares_of_them():
    texts = ("apple pear", "apple plum", "apple pear fig", "apple")
    assert words(*texts, min_df=2) == ("apple", "pear")
    assert words(*texts, max_df=0.5) == ("pear", "fig", "plum")
    assert words(*texts, min_df=0.75) == ("apple",)


def test_stop_words_of_a_language_are_left_out():
    texts = ("the world and the computer", "le monde et la souris dans")
    assert words(*texts, language="english") == ("computer", "dans", "monde", "souris", "world")
    assert words(*texts, language="french") == ("the", "and", "computer", "monde", "souris", "world")
    assert "the" in words(*texts, language="none")


def test_stop_words_warn_of_nothing(recwarn):
    assert words("Haus und Hof", language="german") == ("haus", "hof")
    assert not recwarn.list


@pytest.mark.parametrize("texts", [[], ["", "12 ab"], ["the and"], ["apple"]])
def test_texts_without_words_are_refused(texts):
    with pytest.raises(InputError, match=r"every word was filtered out \(.*\); give more text"):
        Vocabulary.from_texts(texts)


@pytest.mark.parametrize("size", [1, 0, -5])
def test_a_size_below_two_is_refused(size):
    with pytest.raises(InputError, match=f"size {size} is too small; give at least 2"):
        words("apple pear", size=size)


@pytest.mark.parametrize(
    ("given_words", "message"),
    [((), "is empty"), (("apple", "pear", "apple"), "names a word twice"), (("apple", " "), "holds an empty word")],
)
def test_unusable_words_are_refused(given_words, message):
    with pytest.raises(InputError, match=message):
        Vocabulary(given_words)


def test_a_vectorizer_says_what_a_word_is_and_is_not_changed():
    vectorizer = CountVectorizer(ngram_range=(2, 2), lowercase=False)
    found = Vocabulary.from_vectorizer(vectorizer, ["New York", "New York", "Old York"])
    assert found.words == ("New York", "Old York")
    with pytest.raises(NotFittedError):
        check_is_fitted(vectorizer)


def test_a_vocabulary_is_built_from_what_users_have():
    texts = ["apple pear plum", "apple pear fig", "lime", "fig", "lime"]
    assert Vocabulary.build(2, texts).words == ("apple", "fig")
    assert Vocabulary.build(["plum", "apple"], texts).words == ("plum", "apple")
    assert Vocabulary.build(CountVectorizer(min_df=2, stop_words=["pear"]), texts).words == ("apple", "fig", "lime")
    own = Vocabulary(("plum", "fig"))
    assert Vocabulary.build(own, texts) is own
    with pytest.raises(InputError, match=r"'apple' is one string; give a size, a list"):
        Vocabulary.build("apple", texts)


def test_the_fingerprint_follows_words_and_their_order():
    assert Vocabulary(("apple", "pear")).fingerprint == Vocabulary(("apple", "pear")).fingerprint
    assert Vocabulary(("pear", "apple")).fingerprint != Vocabulary(("apple", "pear")).fingerprint


@settings(deadline=None)
@given(DOCUMENTS)
def test_a_bag_of_words_counts_the_words_of_each_document(texts):
    vocabulary = Vocabulary(("plum", "слово", "apple"))
    bag = vocabulary.bag_of_words([text.upper() for text in texts])
    expected = [[text.split().count(word) for word in vocabulary.words] for text in texts]
    np.testing.assert_array_equal(bag.toarray(), expected)


def test_words_of_any_kind_are_counted():
    vectorizer = CountVectorizer(ngram_range=(1, 2), lowercase=False, token_pattern=r"\S+")
    texts = ["New York", "C++ in new york", "C++"]
    vocabulary = Vocabulary.from_vectorizer(vectorizer, texts)
    counts = dict(zip(vocabulary.words, vocabulary.bag_of_words(texts).sum(axis=0).tolist()[0], strict=True))
    assert counts["C++"] == 2
    assert counts["New York"] == 2  # case does not matter; "new york" stands later and gets nothing
    assert counts["new york"] == 0


def test_words_of_a_language_without_spaces_come_from_a_vectorizer(caplog, monkeypatch):
    for code in list(SEGMENTERS):
        monkeypatch.setitem(SEGMENTERS, code, Segmenter("no_such_package", lambda: str.split))
    caplog.set_level("WARNING", "softtopic")
    texts = ["私は機械学習が好きです", "機械学習の本"]
    spaced = CountVectorizer(
        tokenizer=lambda text: [word for word in ("機械学習", "本") if word in text], token_pattern=None
    )
    vocabulary = Vocabulary.from_vectorizer(spaced, texts)
    assert vocabulary.bag_of_words(texts).toarray().tolist() == [[1, 0], [1, 1]]
    assert not caplog.records
    assert Vocabulary(("機械学習", "自然言語")).bag_of_words(texts).toarray().tolist() == [[1, 0], [1, 0]]
    Vocabulary.from_texts([*texts, *texts])
    assert "no spaces between words" in caplog.text
    assert "softtopic[segment]" in caplog.text
    assert "--vocabulary FILE" in caplog.text


def test_words_that_are_spelled_otherwise_are_named(caplog):
    caplog.set_level("WARNING", "softtopic")
    vectorizer = CountVectorizer(
        strip_accents="unicode", tokenizer=lambda text: [*text.split(), " "], token_pattern=None
    )
    found = Vocabulary.from_vectorizer(vectorizer, ["café noir", "noir"])
    assert found.words == ("noir", "cafe")
    assert "1 of 2 words occur nowhere as they are spelled, e.g. cafe" in caplog.text


def test_the_token_pattern_says_what_a_word_is_and_is_part_of_the_vocabulary():
    texts = ["go sql go", "3d sql", "go 3d sql"]
    config = VocabularyConfig(min_df=1, max_df=1.0, token_pattern=r"[a-z0-9]+")
    vocabulary = Vocabulary.from_texts(texts, language="none", config=config)
    assert vocabulary.words == ("go", "sql", "3d")
    assert vocabulary.bag_of_words(texts).toarray().tolist() == [[2, 1, 0], [0, 1, 1], [1, 1, 1]]
    assert vocabulary == Vocabulary(("go", "sql", "3d"), r"[a-z0-9]+") != Vocabulary(("go", "sql", "3d"))
    assert Vocabulary.from_texts(texts, language="none", max_df=2, config=config).words == ("go", "3d")
    assert vocabulary.fingerprint == Vocabulary(("go", "sql", "3d")).fingerprint
    for source in (["sql", "go"], CountVectorizer(), 2):
        assert Vocabulary.build(source, texts, "none", config).token_pattern == r"[a-z0-9]+"


def test_a_word_is_counted_by_the_pattern_it_was_found_with():
    letters = Vocabulary(("apple",), r"[a-z]+")
    assert letters.bag_of_words(["apple3 apple's apple"]).sum() == 3
    assert Vocabulary(("apple",)).bag_of_words(["apple3 apple's apple"]).sum() == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_df": 0}, "min_df is 0; give a whole number of at least 1, or a share"),
        ({"max_df": 1.5}, "max_df is 1.5; give a whole number"),
        ({"min_df": True}, "min_df is True"),
        ({"max_unspaced_share": -1.0}, "max_unspaced_share is -1.0; give a number in"),
        ({"token_pattern": "["}, "token_pattern is no regular expression"),
        ({"token_pattern": "(a)(b)"}, "token_pattern has 2 groups"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        VocabularyConfig(**options)


def test_a_vocabulary_with_a_broken_pattern_is_refused():
    with pytest.raises(InputError, match="token_pattern is no regular expression"):
        Vocabulary(("apple",), "[")


def test_words_of_a_list_that_occur_nowhere_are_named(caplog):
    vocabulary = Vocabulary.build(["Rocket", "Xylophone", "NASA"], ["the rocket of nasa", "rockets"])
    assert vocabulary.words == ("Rocket", "Xylophone", "NASA")
    assert vocabulary.bag_of_words(["ROCKET nasa rocket"]).toarray().tolist() == [[2, 0, 1]]
    assert [record.message for record in caplog.records] == [
        "1 of 3 words occur nowhere as they are spelled, e.g. Xylophone"
    ]


def test_the_language_of_the_texts_is_detected():
    german = [
        "Der Hund und die Katze schlafen auf dem Sofa und träumen vom Garten.",
        "Die Rakete ist in der Nacht abgehoben und hat die Umlaufbahn nach neun Minuten erreicht, so der Sender.",
        "Im Garten hinter dem Haus spielen die Kinder mit ihrem Ball, bis der Regen am Abend beginnt.",
    ]
    found = words(*german, language="auto")
    assert {"hund", "rakete", "garten"} <= set(found)
    assert not {"und", "die", "der", "auf"} & set(found)
    assert words(*german) == words(*german, language="none")


def test_short_words_without_capitals_are_words():
    """Two syllables are the usual length of a Korean noun; "GPU" shows that there are capitals."""
    texts = ["경제 성장 GPU", "경제 정책 GPU", "경제 성장 정책"]
    assert set(words(*texts)) == {"경제", "성장", "정책", "gpu"}


def test_bounds_give_way_where_texts_are_few_and_a_warning_says_so(caplog):
    texts = ["The rocket left its pad.", "Knead the dough.", "The bank raised interest."]
    assert set(Vocabulary.from_texts(texts).words) == {
        "rocket", "left", "pad", "knead", "dough", "bank", "raised",
    }  # fmt: skip
    assert "3 distinct documents are few" in caplog.text
    with pytest.raises(InputError, match="every word was filtered out"):
        Vocabulary.from_texts(texts, min_df=2)
