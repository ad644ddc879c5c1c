from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from softtopic.data.tokenizer import TOKEN_PATTERN, WordMatcher, are_tokens, compile_token_pattern, unspaced_share


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't they, people's foo_bar", ["they", "people"]),
        (
            "uk 5g h1n1 covid19 abc1 3abc c++, (c#) c++11",
            ["uk", "5g", "h1n1", "covid19", "abc1", "3abc", "c++", "c#", "c++"],
        ),
        ("12 1.5 2nd 21st 1990s 5pm a #", []),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),
        ("e\u0301te\u0301 ọ́mọ́", ["e\u0301te\u0301", "ọ́mọ́"]),
        ("हिन्दी_x _cafe\u0301 e\u0301_tude cafe\u0301't", []),
        ("Reminder\ufe0f \U0001f600\ufe0f now", ["Reminder", "now"]),
    ],
)
def test_a_word_has_two_letters_with_their_signs_or_letters_and_digits(text, words):
    assert compile_token_pattern(TOKEN_PATTERN).findall(text) == words


def test_plain_words_are_what_the_pattern_finds():
    assert are_tokens(["apple", "été", "слово"])
    assert are_tokens(["ai", "c++", "3d"])
    for word in ("a", "New", "machine learning", "1990", "機械学習", "ประเทศ"):
        assert not are_tokens(["apple", word])


def test_scripts_without_spaces_are_noticed():
    assert unspaced_share(["機械学習", "abcd"]) == pytest.approx(0.5)
    assert unspaced_share(["ภาษาไทย"]) == 1
    assert unspaced_share(["слово", "한국어"]) == 0
    assert unspaced_share([]) == 0


def test_phrases_short_words_and_signs_are_found_in_any_case():
    find = WordMatcher(["machine learning", "learning", "AI", "c++", "3d", "state art"])
    found = find("Machine-Learning in C++ and 3D: the state of the art of ai. Unlearning, c, machine. Learning")
    assert Counter(found) == Counter({"machine learning": 2, "learning": 2, "c++": 1, "3d": 1, "state art": 1, "AI": 1})


def test_what_one_word_is_made_of_parts_no_other():
    find = WordMatcher(["machine learning", "e-mail", "vitamin deficiency", "c++", "state art", "the state"])
    assert find("Machine-Learning") == ["machine learning"]
    assert find("vitamin c deficiency") == ["vitamin deficiency"]
    assert find("the state of the art") == ["the state", "state art"]
    assert find("c + +") == ["c++"]


def test_a_word_between_parts_a_phrase():
    assert WordMatcher(["new york"])("new places in york") == []


def test_scripts_without_spaces_are_divided_into_the_longest_words():
    find = WordMatcher(["機械学習", "機械", "学習", "の", "Debian向け"])
    assert find("機械学習と機械の学習") == ["機械学習", "機械", "の", "学習"]
    assert find("debian向け") == ["Debian向け"]
    assert WordMatcher(["ไทย"])("ภาษาไทย") == ["ไทย"]


def test_of_words_that_differ_in_case_the_first_is_found():
    assert WordMatcher(["Apple", "apple"])("APPLE") == ["Apple"]


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(["apple", "pear", "the", "of", "x", "slow,", "plum."]), max_size=9).map(" ".join),
        max_size=5,
    )
)
def test_phrases_are_counted_as_the_vectorizer_that_found_them_does(texts):
    vectorizer = CountVectorizer(ngram_range=(1, 3), stop_words="english")
    expected = vectorizer.fit_transform([*texts, "apple pear"]).toarray()
    words = vectorizer.get_feature_names_out().tolist()
    found = CountVectorizer(analyzer=WordMatcher(words), vocabulary=words).transform([*texts, "apple pear"])
    assert found.toarray().tolist() == expected.tolist()
