"""`TopicModel.search` by topics, words, vectors and all of them; indexes of a model."""

import numpy as np
import pytest

from softtopic import RetrievalIndex, TopicModel
from softtopic.errors import InputError, ModelFileError
from softtopic.pipeline.predict import Predictor

TEXTS = [
    "sql tables and sql queries",
    "the rocket is in orbit",
    "bread flour and dough",
    "taxes and the budget",
    "orbit of a telescope",
    "",
    "tables of taxes",
    "a query over sql tables",
]
WORDS = ["sql", "tables", "orbit", "rocket", "bread", "flour", "taxes", "budget", "query", "telescope"]


@pytest.fixture(scope="module")
def model():
    model = TopicModel(3, recipe="prodlda", vocabulary=WORDS, features=None)
    return model.set_params(recipe__training__epochs=3).fit(TEXTS)


def test_a_built_index_gives_the_same_hits(model, tmp_path):
    index = model.build_index(tmp_path / "m.index")
    assert len(index) == 7
    expected = model.search("sql tables", 5)
    for given in (index, tmp_path / "m.index", str(tmp_path / "m.index")):
        assert model.search("sql tables", 5, index=given).equals(expected)


def test_a_folder_is_opened_once(model, tmp_path, monkeypatch):
    model.build_index(tmp_path / "m.index", metric="hellinger")
    opened = []
    monkeypatch.setattr(
        "softtopic.topics.search.open_index",
        lambda path, **how: opened.append(path) or RetrievalIndex.open(path, **how),
    )
    for query in ("sql", "orbit"):
        assert model.search(query, 2, index=tmp_path / "m.index")["Divergence"].between(0, 1).all()
    assert len(opened) == 1


def test_edits_that_change_mixtures_make_an_index_stale_and_others_do_not(model, tmp_path):
    model.build_index(tmp_path / "m.index")
    try:
        model.rename({0: "databases"})
        assert len(model.search("sql", 2, index=tmp_path / "m.index")) == 2
        model.merge_topics([0, 1])
        with pytest.raises(ModelFileError, match="is of other topic mixtures than the model's; build it again"):
            model.search("sql", 2, index=tmp_path / "m.index")
    finally:
        model.reset()


def test_words_find_texts_that_have_them(model):
    hits = model.search("telescope", 5, method="words")
    assert hits["Document"].tolist() == [4]
    assert list(hits) == ["Document", "Id", "Score", "Topic", "Text"]
    assert model.search("nothing at all", 5, method="words").empty


def test_ranks_are_added(model):
    assert model.search("sql", 8, method="hybrid").equals(model.search("sql", 8, method="topics+vectors"))
    hits = model.search("sql tables", 8, method="words+topics+vectors")
    assert len(hits) == 7
    assert hits["Score"].is_monotonic_decreasing
    ranks = [
        model.search("sql tables", 8, method=method)["Document"].tolist() for method in ("words", "topics", "vectors")
    ]
    for row, score in zip(hits["Document"], hits["Score"], strict=True):
        assert score == pytest.approx(sum(1 / (61 + rank.index(row)) for rank in ranks if row in rank))


def test_vectors_rank_by_cosine(model):
    hits = model.search("sql tables", 3, method="vectors")
    assert hits["Score"].is_monotonic_decreasing
    assert (np.abs(hits["Score"]) <= 1 + 1e-3).all()


def test_a_method_that_does_not_exist_or_has_no_index_is_refused(model, tmp_path):
    with pytest.raises(InputError, match=r"method is 'magic'; give topics, words, vectors, several joined by"):
        model.search("sql", method="magic")
    with pytest.raises(InputError, match=r"method is 'topics\+topics'"):
        model.search("sql", method="topics+topics")
    with pytest.raises(InputError, match="an index is of topics, and method is 'words'"):
        model.search("sql", method="words", index=tmp_path)


def test_a_model_without_texts_cannot_be_searched_by_words(model, tmp_path):
    model.save(tmp_path / "m", excerpts=False)
    with pytest.raises(InputError, match="the model has no texts to search by words"):
        TopicModel.load(tmp_path / "m").search("sql", method="words+topics")


def test_several_rankings_encode_the_query_once(model, monkeypatch):
    made = []
    whole = Predictor.make_inputs
    monkeypatch.setattr(Predictor, "make_inputs", lambda *given, **how: made.append(1) or whole(*given, **how))
    model.search("sql tables", 3, method="topics+vectors")
    assert len(made) == 1
