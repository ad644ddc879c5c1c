"""What figures show equals the tables of the model, and no text is markup."""

import html
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fitted_states import HOSTILE, fitted_state

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.plots import choices, maps, shares, similarity, single_document, words
from softtopic.selection import Candidate, Selection
from softtopic.topics.comparison import topic_similarity
from softtopic.topics.explain import explain
from softtopic.topics.table import get_topic, topics_of

TIMES = [f"20{10 + row % 5}-01-01" for row in range(60)]
NAMES = ["sql", "space", "bread", "taxes", "photos", "music"]


def model_of(state) -> TopicModel:
    model = TopicModel(state.n_topics)
    model._set_state(state, None)
    return model


@pytest.fixture(scope="module")
def state():
    return fitted_state(names=NAMES, times=TIMES, blank=[3])


@pytest.fixture
def model(state):
    return model_of(state)


def texts_of(figure) -> list[str]:
    """All strings that plotly shows."""
    found: list[str] = []

    def collect(value) -> None:
        if isinstance(value, dict):
            for name, one in value.items():
                if name in ("hovertext", "text", "ticktext", "name", "title", "annotations") or not isinstance(
                    one, str
                ):
                    collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)
        elif isinstance(value, str):
            found.append(value)

    collect(json.loads(figure.to_json())["data"])
    collect({"layout": {k: v for k, v in json.loads(figure.to_json())["layout"].items() if k != "template"}})
    return found


def titles(figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


def test_bars_are_the_words_of_topics(state, model):
    figure = model.visualize_barchart([4, 1], n_words=3)
    assert titles(figure) == ["photos", "space"]
    for topic, bars, axis in zip((4, 1), figure.data, (figure.layout.yaxis, figure.layout.yaxis2), strict=True):
        top = get_topic(state, topic, 3)
        assert list(bars.x) == [probability for _, probability in top]
        assert list(axis.ticktext) == [word for word, _ in top]


def test_the_largest_topics_are_shown_first(state):
    largest = np.argsort(-state.counts, kind="stable")[:2]
    assert titles(words.visualize_barchart(state, top_n_topics=2)) == [NAMES[column] for column in largest]


def test_ranks_are_descending_probabilities(state, model):
    figure = model.visualize_term_rank([2], n_words=5)
    assert len(figure.data) == 6
    assert [line.name for line in figure.data if line.showlegend] == ["bread"]
    assert list(figure.data[-1].y) == np.sort(state.topic_word[2])[::-1][:5].tolist()


def test_discs_are_as_large_as_topics(state, model):
    figure = model.visualize_topics()
    order = np.argsort(-state.counts, kind="stable")
    assert list(figure.data[0].marker.size) == state.counts[order].tolist()
    assert set(titles(figure)) <= set(NAMES)
    assert titles(figure)[0] == NAMES[order[0]]


def test_discs_at_the_edge_are_whole(state):
    places = np.stack([state.columns % 2, state.columns % 3], axis=1)  # all at the border of the map
    figure = maps.visualize_topics(state, reduced_embeddings=places)
    discs = figure.data[0]
    radii = np.sqrt(np.asarray(discs.marker.size) / discs.marker.sizeref * 2) / 2
    assert radii.max() == pytest.approx(35)
    for values, axis in ((discs.x, figure.layout.xaxis), (discs.y, figure.layout.yaxis)):
        low, high = axis.range
        pixel = (high - low) / 620
        assert (np.asarray(values) - radii * pixel >= low).all()
        assert (np.asarray(values) + radii * pixel <= high).all()


def test_every_document_with_text_is_a_point_of_its_topic(state, model):
    figure = model.visualize_documents()
    assert {trace.name: len(trace.x) for trace in figure.data} == dict(zip(NAMES, state.counts.tolist(), strict=True))
    assert sum(len(trace.x) for trace in figure.data) == 59
    assert not any("document 3<" in text or text.endswith("document 3") for text in texts_of(figure))


def test_a_share_of_the_documents_can_be_shown(model):
    assert sum(len(trace.x) for trace in model.visualize_documents(sample=0.5).data) == pytest.approx(30, abs=3)


def test_documents_of_other_topics_are_grey(model):
    figure = model.visualize_documents(topics=[1])
    colors = {trace.name: trace.marker.color for trace in figure.data}
    assert [name for name, color in colors.items() if color != "#DDDDDD"] == ["space"]
    assert titles(figure) == ["space"]


def test_coordinates_and_texts_may_be_given(model):
    places = np.arange(120).reshape(60, 2) / 100
    figure = model.visualize_documents([f"whole text {row}" for row in range(60)], reduced_embeddings=places)
    assert sorted(x for trace in figure.data for x in trace.x) == np.delete(places[:, 0], 3).tolist()
    assert any(text.endswith("whole text 7") for text in texts_of(figure))


def test_names_on_a_map_do_not_cover_each_other():
    places = np.array([[300.0, 300.0]] * 12)
    placed = maps._place_names(places, ["a long name"] * 12)
    heights = sorted(y for _, y in placed.values())
    assert 0 in placed
    assert 1 < len(placed) < 12
    assert min(np.diff(heights)) >= maps._LINE


def test_the_heat_map_is_the_similarity_of_words(state, model):
    figure = model.visualize_heatmap()
    shown = list(figure.layout.xaxis.ticktext)
    assert sorted(shown) == sorted(NAMES)
    assert list(figure.layout.yaxis.ticktext) == shown
    order = [NAMES.index(name) for name in shown]
    expected = topic_similarity(topics_of(state), topics_of(state))[np.ix_(order, order)]
    values = np.array([[np.nan if value is None else value for value in row] for row in figure.data[0].z], dtype=float)
    assert np.isnan(np.diag(values)).all()
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_allclose(values[off], expected[off], atol=1e-4)


def test_the_tree_merges_as_the_hierarchy_does(state, model):
    figure = model.visualize_hierarchy()
    assert len(figure.data) == 5
    assert sorted(figure.layout.yaxis.ticktext) == sorted(
        f"{name} ({count})" for name, count in zip(NAMES, state.counts, strict=True)
    )
    last = model.hierarchical_topics([2])
    sizes = last[last["Level"] == 2]["Topics"].map(len).tolist()
    assert f"<b>6 topics, {state.counts.sum()} documents</b>" in figure.data[-1].hovertext
    assert min(sizes) >= 1
    with pytest.raises(InputError, match="two topics"):
        model.visualize_hierarchy([1])


def test_trends_are_the_table_with_its_intervals(model):
    table = model.topics_over_time()
    figure = model.visualize_topics_over_time(table, topics=[2, 0])
    assert titles(figure) == ["bread", "sql"]
    band, line = figure.data[:2]
    rows = table[table["Topic"] == 2]
    assert list(line.y) == rows["Share"].tolist()
    assert list(band.y) == [*rows["High"], *rows["Low"][::-1]]
    assert [trace.y for trace in model.visualize_topics_over_time().data]


def test_periods_without_documents_interrupt_the_band(model):
    table = model.topics_over_time([f"20{10 + 4 * (row % 2)}-0{1 + row % 4}-01" for row in range(60)], bins="quarter")
    bands = [trace for trace in shares.visualize_topics_over_time(table, [0]).data if trace.fill == "toself"]
    assert len(bands) > 1
    assert not any(np.isnan(np.array(band.y, dtype=float)).any() for band in bands)


def test_classes_are_the_table_with_its_intervals(model):
    table = model.topics_per_class(["b" if row % 3 else "a" for row in range(60)])
    figure = model.visualize_topics_per_class(table, [5])
    rows = table[table["Topic"] == 5]
    (points,) = figure.data
    assert list(points.x) == rows["Share"].tolist()
    np.testing.assert_allclose(points.x + np.array(points.error_x.array), rows["High"])
    np.testing.assert_allclose(points.x - np.array(points.error_x.arrayminus), rows["Low"])
    assert list(figure.layout.yaxis.ticktext) == ["a", "b"]


@pytest.mark.parametrize("draw", [shares.visualize_topics_over_time, shares.visualize_topics_per_class])
def test_another_table_is_refused_in_one_line(draw, model):
    with pytest.raises(InputError, match="is no result of topics_"):
        draw(model.get_topic_info())
    with pytest.raises(InputError, match="topic 9 is not in the table"):
        shares.visualize_topics_over_time(model.topics_over_time(), [9])


def test_a_document_has_its_shares_and_sentences(state):
    mixture = np.array([0.6, 0.01, 0.3, 0.09, 0, 0], dtype=np.float32)
    parts = ["First sentence.", "Second sentence."]
    table = explain(state, parts, state.theta[:2])
    figure = single_document.visualize_distribution(state, mixture, table)
    assert list(figure.data[0].x) == pytest.approx([0.6, 0.3, 0.09])
    assert list(figure.layout.yaxis.ticktext) == ["sql", "bread", "taxes"]
    assert list(figure.data[1].x) == table["Share"].tolist()
    assert list(figure.layout.yaxis2.ticktext) == parts
    assert list(figure.data[1].text) == table["Name"].tolist()


def test_a_row_of_transform_has_its_shares(state, model):
    figure = model.visualize_distribution(state.theta[0], min_probability=0.0)
    assert list(figure.data[0].x) == pytest.approx(np.sort(state.theta[0])[::-1].tolist())
    with pytest.raises(InputError, match="3 values; give a finite one for each of 6 topics"):
        model.visualize_distribution(np.ones(3))
    with pytest.raises(InputError, match="smaller min_probability"):
        model.visualize_distribution(np.full(6, 1 / 6), 0.5)


def test_the_choice_of_the_number_is_its_table():
    candidates = tuple(Candidate(n_topics=n, agreement=n / 50, stability=n / 40) for n in (4, 9, 20))
    selection = Selection(n_topics=9, candidates=candidates)
    figure = choices.visualize_selection(selection)
    for trace, column in zip(figure.data, ("Agreement", "Smoothed", "Stability"), strict=True):
        assert list(trace.x) == [4, 9, 20]
        assert list(trace.y) == selection.table[column].tolist()
    assert titles(figure) == ["chosen: 9"]


def test_a_number_that_was_given_has_no_choice_to_show(model):
    with pytest.raises(InputError, match="n_topics='auto'"):
        model.visualize_selection()


def test_stability_is_the_similarity_of_partners(state, model):
    other = model_of(replace(state, topic_word=state.topic_word[::-1].copy()))
    figure = model.visualize_stability([other, model])
    assert list(figure.data[0].x) == pytest.approx([1.0] * 6, abs=1e-5)
    assert sorted(figure.layout.yaxis.ticktext) == sorted(NAMES)
    with pytest.raises(InputError, match="another fit"):
        model.visualize_stability([])


def test_figures_follow_the_edits(model):
    model.merge_topics([0, 1]).rename({0: "merged one", 2: "baking"}).drop_topics([5])
    names = {"merged one", "baking", "taxes", "photos"}
    assert set(titles(model.visualize_barchart())) == names
    assert {trace.name for trace in model.visualize_documents().data} == names
    assert set(model.visualize_heatmap().layout.xaxis.ticktext) == names
    assert set(titles(model.visualize_topics_over_time())) == names


def test_edits_leave_documents_where_they_are(model):
    before = sorted(x for trace in model.visualize_documents().data for x in trace.x)
    model.merge_topics([0, 1])
    assert sorted(x for trace in model.visualize_documents().data for x in trace.x) == before


def test_no_text_is_markup():
    texts = [HOSTILE[row % len(HOSTILE)] for row in range(60)]
    state = fitted_state(
        texts=texts, names=HOSTILE, words=[f"{text[:12]}{n}" for n, text in enumerate(HOSTILE * 4)], times=TIMES
    )
    model = model_of(state)
    sentences = pd.DataFrame(
        [{"Sentence": text, "Topic": 0, "Name": text, "Share": 0.5, "Words": [text]} for text in HOSTILE]
    )
    figures = [
        model.visualize_barchart(),
        model.visualize_term_rank(),
        model.visualize_topics(),
        model.visualize_documents(),
        model.visualize_heatmap(),
        model.visualize_hierarchy(),
        model.visualize_topics_over_time(),
        model.visualize_topics_per_class(model.topics_per_class(texts)),
        single_document.visualize_distribution(state, state.theta[0], sentences),
        model.visualize_stability([model]),
    ]
    for figure in figures:
        shown = texts_of(figure)
        assert any("&lt;" in text for text in shown)
        for text in shown:
            bare = text.replace("<br>", "").replace("<b>", "").replace("</b>", "")
            assert "<" not in bare
            assert "$" not in bare
            assert html.unescape(html.unescape(bare)) is not None
        page = figure.to_html(include_plotlyjs=False)
        assert "<script>alert" not in page
        assert "<img" not in page


def test_settings_of_the_layout_are_passed_on(state):
    figure = words.visualize_barchart(state, title="Words", width=900)
    assert (figure.layout.title.text, figure.layout.width) == ("Words", 900)
    with pytest.raises(InputError, match="nonsense: give settings of a plotly layout") as raised:
        words.visualize_barchart(state, nonsense=1)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda state: words.visualize_barchart(state, [7]), "topic 7 does not exist"),
        (lambda state: words.visualize_barchart(state, []), "topics are empty"),
        (lambda state: words.visualize_barchart(state, n_words=0), "n_words is 0"),
        (lambda state: similarity.visualize_heatmap(state, top_n_topics=0), "top_n_topics is 0"),
        (lambda state: maps.visualize_documents(state, ["one"]), "1 texts for a model of 60 documents"),
        (lambda state: maps.visualize_documents(state, sample=0.0), "sample is 0"),
        (lambda state: maps.visualize_documents(state, reduced_embeddings=np.ones((60, 3))), "two numbers for each"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(state, call, message):
    with pytest.raises(InputError, match=message) as raised:
        call(state)
    assert "\n" not in str(raised.value)
