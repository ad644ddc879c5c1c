"""The picture of a model card."""

from xml.etree import ElementTree as ET

import pytest
from fitted_states import HOSTILE, fitted_state

from softtopic.persistence.picture import topics_picture

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("n_topics", [2, 25, 60])
def test_bars_of_the_largest_topics(n_topics):
    state = fitted_state(200, n_topics)
    root = ET.fromstring(topics_picture(state))
    bars = [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect") if bar.attrib["width"] != "100%"]
    assert len(bars) == min(n_topics, 25)
    assert bars == sorted(bars, reverse=True)
    assert max(bars) == 260
    assert topics_picture(state) == topics_picture(state)


def test_names_are_text_and_no_document_is_in_it():
    state = fitted_state(60, 6, names=[*HOSTILE[:5], "bell\x07" * 30], texts=[f"secret {n}" for n in range(60)])
    picture = topics_picture(state)
    texts = [text.text for text in ET.fromstring(picture).iter(f"{SVG}text")]
    assert set(HOSTILE[:4]) <= set(texts)
    assert "bell bell" in " ".join(texts)
    assert max(map(len, texts)) <= 48
    assert "<script>" not in picture
    assert "secret" not in picture
