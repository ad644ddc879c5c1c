from softtopic.data.fillers import are_fillers, says_nothing


def test_short_texts_repeated_often_are_fillers_whatever_their_case():
    texts = (
        ["N/A", "n/a"] * 5 + ["-"] * 10 + ["a much longer answer that ten people copied"] * 10 + ["yes"] * 9 + ["", " "]
    )
    assert are_fillers(texts).tolist() == [True] * 20 + [False] * 21
    # Often is a share too.
    assert not are_fillers([*texts, *map(str, range(4000))]).any()


def test_fillers_say_nothing_unless_they_have_a_word_of_topics():
    words = frozenset(["know", "price", "comment"])
    assert all(says_nothing(text, words) for text in ("Don't know!", "no comment", "n/a", "-", "???", "asdf"))
    assert not says_nothing("Price", words)
