import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softtopic.data.normalization import normalize_text
from softtopic.data.vocabulary import Vocabulary


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"])
def test_invisible_characters_do_not_cut_words(invisible):
    assert normalize_text(f"ro{invisible}cket") == "rocket"
    assert Vocabulary(("rocket",)).bag_of_words([f"ro{invisible}cket"]).sum() == 1
    assert Vocabulary(("rocket launch",)).bag_of_words([f"ro{invisible}cket launch"]).sum() == 1


@given(st.text(max_size=20))
def test_composed_and_decomposed_text_are_one(text):
    assert normalize_text(unicodedata.normalize("NFD", text)) == normalize_text(unicodedata.normalize("NFC", text))
    assert normalize_text(normalize_text(text)) == normalize_text(text)


def test_composed_and_decomposed_words_are_one_word():
    texts = [f"café société {i}" for i in range(6)]
    mixed = texts[:3] + [unicodedata.normalize("NFD", text) for text in texts[3:]] + ["rocket orbit"] * 8
    assert Vocabulary.from_texts(mixed, language="none", max_df=1.0).words == ("orbit", "rocket", "café", "société")
    for word in ("café", unicodedata.normalize("NFD", "café"), "CAFÉ"):
        vocabulary = Vocabulary((word,))
        assert vocabulary.words == (word,)
        assert vocabulary.bag_of_words(mixed[:6]).toarray().ravel().tolist() == [1] * 6
