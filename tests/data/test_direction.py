from hypothesis import given
from hypothesis import strategies as st

from softtopic.data.direction import isolated


def test_text_from_right_to_left_is_kept_apart():
    assert isolated("القمر 3") == "\u2068القمر 3\u2069"
    assert isolated("ירח moon") == "\u2068ירח moon\u2069"
    assert [isolated(text) for text in ("moon", "луна 3", "月", "")] == ["moon", "луна 3", "月", ""]


@given(st.text())
def test_nothing_of_a_text_is_lost(text):
    assert isolated(text).removeprefix("\u2068").removesuffix("\u2069") == text or isolated(text) == text
