import json
import re
from base64 import b64encode
from hashlib import sha256

import numpy as np
import pytest
from fitted_states import HOSTILE, fitted_state

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.report.data import report_data
from softtopic.report.page import render, write_report
from softtopic.topics.assignments import Assignments
from softtopic.topics.dynamics import topics_over_time
from softtopic.topics.map import document_map
from softtopic.topics.table import get_topic, topic_names

TIMES = [f"20{10 + row % 5}-01-01" for row in range(60)]
CLASSES = ["red" if row % 2 else "blue" for row in range(60)]


@pytest.fixture(scope="module")
def state():
    return fitted_state(times=TIMES, blank=[3], names=["sql", "space", "bread", "taxes", "photos", "music"])


@pytest.fixture(scope="module")
def coordinates(state):
    return document_map(state)


@pytest.fixture(scope="module")
def data(state, coordinates):
    return report_data(state, coordinates, classes=CLASSES)


def embedded(page: bytes) -> dict:
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page.decode(), re.S)[1])


def test_topics_are_those_of_the_tables(state, data):
    for column, topic in enumerate(data["topics"]):
        assert topic["number"] == state.topic_ids[column]
        assert topic["name"] == topic_names(state)[column]
        assert topic["count"] == state.counts[column]
        assert topic["words"] == [[word, round(p, 5)] for word, p in get_topic(state, topic["number"])]
        assert column not in topic["neighbours"]
    assert data["n_documents"] == 59


def test_documents_have_their_topics_and_places(state, coordinates, data):
    found, rows = data["documents"], state.with_text
    assert found["id"] == rows.tolist()
    assert found["topic"] == state.columns[rows].tolist()
    np.testing.assert_allclose(np.array(found["share"]) / 1000, state.theta[rows].max(axis=1), atol=5e-4)
    np.testing.assert_allclose(np.array(found["x"]) / 9999, coordinates[rows, 0], atol=1e-4)
    second = np.sort(state.theta[rows], axis=1)[:, -2]
    np.testing.assert_allclose(np.array(found["second_share"]) / 1000, second, atol=5e-4)
    assert found["class"] == [row % 2 for row in rows]


def test_trends_are_those_of_the_table(state, data):
    documents = Assignments(theta=state.theta, names=topic_names(state), vocabulary=state.vocabulary, blank=state.blank)
    table = topics_over_time(documents, TIMES)
    assert data["trends"]["labels"] == ["2010", "2011", "2012", "2013", "2014"]
    for topic in range(6):
        rows = table[table["Topic"] == topic]
        for column in ("Share", "Low", "High"):
            np.testing.assert_allclose(np.array(data["trends"][column.lower()][topic]) / 1000, rows[column], atol=5e-4)
    assert data["documents"]["period"] == [row % 5 for row in state.with_text]


def test_classes_are_those_of_the_table(state, data):
    assert data["classes"]["names"] == ["blue", "red"]
    rows = state.with_text
    own = np.bincount(state.columns[rows[rows % 2 == 1]], minlength=6)
    assert [counts[1] for counts in data["classes"]["counts"]] == own.tolist()


def test_periods_without_documents_have_no_share(state, coordinates):
    times = ["2010-01-01" if row % 2 else "2012-01-01" for row in range(60)]
    trends = report_data(state, coordinates, times=times)["trends"]
    assert trends["share"][0][1] is None


def test_many_documents_are_a_sample_and_cells(state, coordinates):
    found = report_data(state, coordinates, max_documents=30)
    kept = set(found["documents"]["id"])
    assert len(kept) == 30
    assert {int(row) for rows in state.representatives for row in rows} <= kept
    assert sum(found["cells"][3]) == 29
    counts = np.bincount(found["documents"]["topic"], minlength=6)
    np.add.at(counts, found["cells"][2], found["cells"][3])
    assert counts.tolist() == [topic["count"] for topic in found["topics"]]


def test_the_page_is_one_file_that_asks_for_nothing(data):
    page = render(data, "A title").decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)[1]
    assert policy.startswith("default-src &#x27;none&#x27;; script-src &#x27;sha256-")
    for element in ("style", "script"):
        source = re.search(rf"<{element}>(.*?)</{element}>", page, re.S)[1]
        assert b64encode(sha256(source.encode()).digest()).decode() in policy
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", page)
    assert "innerHTML" not in page
    assert "unsafe" not in policy
    assert page.count("<title>A title</title>") == 1
    assert '<html lang="en">' in page
    assert 'name="viewport"' in page


def test_no_text_is_markup():
    texts = [HOSTILE[row % len(HOSTILE)] for row in range(60)]
    hostile = fitted_state(texts=texts, names=HOSTILE, words=[f"{text}{n}" for n, text in enumerate(HOSTILE * 4)])
    found = report_data(hostile, document_map(hostile), classes=texts)
    page = render(found, "</title><script>alert(1)</script>{{DATA}}")
    assert page.count(b"</script>") == 2
    assert page.count(b"<script") == 2
    assert b"<img" not in page
    assert page.count(b"<!--") == 0
    assert "\u2028" not in page.decode()
    back = embedded(page)
    assert back["documents"]["text"] == texts
    assert [topic["name"] for topic in back["topics"]] == list(HOSTILE)
    assert back["classes"]["names"] == sorted(set(texts))


def test_the_page_of_20_000_documents_has_at_most_10_mb(tmp_path):
    n = 20_000
    state = fitted_state(n, 50, texts=[f"{row} <текст> " + "слово & " * 40 for row in range(n)])
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, size=(n, 2)).astype(np.float32)
    write_report(state, tmp_path / "page.html", coordinates=places, times=[f"20{10 + row % 9}" for row in range(n)])
    page = (tmp_path / "page.html").read_bytes()
    assert 1e6 < len(page) <= 10e6
    assert len(embedded(page)["documents"]["text"]) == n


def test_without_excerpts_no_text_is_shown(state, coordinates):
    from dataclasses import replace

    bare = replace(state, excerpts=("",) * 60)
    assert set(report_data(bare, coordinates)["documents"]["text"]) == {""}


def test_the_page_follows_the_edits(state, tmp_path):
    model = TopicModel(6)
    model._set_state(state, None)
    model.merge_topics([0, 1]).rename({0: "merged one"}).drop_topics([5])
    model.report(tmp_path / "page.html", classes=CLASSES, title="Mine")
    found = embedded((tmp_path / "page.html").read_bytes())
    assert [topic["name"] for topic in found["topics"]] == ["merged one", "bread", "taxes", "photos"]
    assert [topic["number"] for topic in found["topics"]] == [0, 2, 3, 4]
    assert [topic["count"] for topic in found["topics"]] == model._fitted.view.counts.tolist()


def test_equal_models_have_equal_pages(state, coordinates, tmp_path):
    for name in ("a.html", "b.html"):
        write_report(state, tmp_path / name, coordinates=coordinates)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("a.pdf", {}, "a.pdf is no name of a page"),
        ("a.html", {"classes": ["a"]}, "1 classes for a model of 60 documents"),
        ("a.html", {"times": ["2020"] * 61}, "61 times for a model of 60 documents"),
        ("a.html", {"classes": "abc"}, "classes is str; give a list"),
        ("a.html", {"classes": [f"c{row}" for row in range(60)] * 5}, "300 classes for a model"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(state, coordinates, tmp_path, name, given, message):
    with pytest.raises(InputError, match=message):
        write_report(state, tmp_path / name, coordinates=coordinates, **given)
    assert list(tmp_path.iterdir()) == []


def luminance(color: str) -> float:
    parts = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return float(np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"] {'])
def test_texts_have_the_contrast_of_wcag(data, theme):
    page = render(data, "").decode()
    block = page[page.index(theme) + len(theme) :].split("}")[0]
    colors = dict(re.findall(r"--(\w+): (#\w{6})", block))
    for ground in ("ground", "raised", "chosen"):
        assert contrast(colors["text"], colors[ground]) >= 7
        assert contrast(colors["muted"], colors[ground]) >= 4.5
    assert contrast(colors["accent"], colors["ground"]) >= 4.5
