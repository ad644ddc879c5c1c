"""Models of tables, vectors and few documents as people have them. Words alone: no language model, nothing on disk."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from softtopic import Corpus, TopicModel
from softtopic.errors import InputError

THEMES = (
    ["rocket", "orbit", "launch", "satellite", "moon", "astronaut", "engine", "capsule"],
    ["bread", "butter", "oven", "flour", "sugar", "recipe", "dough", "yeast"],
    ["loan", "interest", "bank", "credit", "mortgage", "payment", "savings", "account"],
)


def documents(n: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join([*rng.choice(THEMES[i % 3], 8), str(i)]) for i in range(n)]


def fitted(texts, **options) -> TopicModel:
    return TopicModel(3, recipe="prodlda", features=None, **options).fit(texts)


@pytest.fixture(scope="module")
def with_blanks() -> TopicModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted([*documents(60), *[""] * 20, "  \n"])


def test_blank_documents_are_in_no_count_and_no_search(with_blanks, tmp_path):
    plain = fitted(documents(60))
    sizes = plain.get_topic_info().set_index("Topic")["Count"].to_dict()
    with_blanks.save(tmp_path / "m", excerpts=False)
    for model in (with_blanks, TopicModel.load(tmp_path / "m")):
        np.testing.assert_array_equal(model.probabilities_[:60], plain.probabilities_)
        assert model.get_topic_info().set_index("Topic")["Count"].to_dict() == sizes
        hits = model.search("rocket bread loan", k=100)
        assert sorted(hits["Document"]) == list(range(60))
        assert len(model.get_document_info()) == 81


def test_a_table_of_documents_can_be_merged_by_id(tmp_path):
    table = pd.DataFrame({"id": range(500, 560), "text": documents(60)})
    model = fitted(Corpus.from_texts(table["text"], ids=table["id"]))
    model.save(tmp_path / "m")
    for one in (model, TopicModel.load(tmp_path / "m")):
        merged = table.merge(one.get_document_info(), left_on="id", right_on="Id")
        assert (merged["text"] == merged["Document"]).all()
        assert len(merged) == 60


def test_output_may_be_a_table(with_blanks):
    texts = documents(9)
    model = make_pipeline(TopicModel(2, recipe="prodlda", features=None)).set_output(transform="pandas")
    frame = model.fit_transform(texts)
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (9, 2)
    assert list(frame.columns) == list(model[0].get_feature_names_out())
    assert len(model[0].search("rocket", k=3)) == 3
    assert isinstance(with_blanks.transform(texts), np.ndarray)


def test_documents_of_the_same_themes_score_higher(with_blanks):
    rng = np.random.default_rng(1)
    mixed = [" ".join(rng.choice([word for theme in THEMES for word in theme], 8)) for _ in range(30)]
    assert with_blanks.score(mixed) < with_blanks.score(documents(30)) < 0
    with pytest.raises(InputError, match="hold no word of the vocabulary"):
        with_blanks.score(["", "xyz"])


@pytest.mark.parametrize("copies", [1, 51])
def test_few_texts_give_topics_and_a_warning(caplog, copies):
    texts = ["The rocket left its pad at dawn.", "Knead the dough, then rest it.", "The bank raised interest."] * copies
    theta = TopicModel(2, recipe="prodlda", features=None).fit_transform(texts)
    assert theta.shape == (3 * copies, 2)
    assert np.isfinite(theta).all()
    assert "3 distinct documents are few" in caplog.text


def test_vectors_are_checked_before_anything_is_read(monkeypatch):
    def reads(*_, **__):
        raise AssertionError("something was read before the vectors were checked")

    monkeypatch.setattr("softtopic.pipeline.fit.fit", reads)
    texts, good = documents(12), np.zeros((12, 8), np.float32)
    spoilt = good.copy()
    spoilt[3, 3] = np.nan
    for vectors in (good[:11], good[0], spoilt, good.astype(int), good.astype(str)):
        with pytest.raises(InputError) as caught:
            TopicModel(3, features=None).fit(texts, embeddings=vectors)
        assert "\n" not in str(caught.value)


def test_filler_answers_make_no_topic_and_represent_none():
    fillers = ["don't know", "Don't know.", "n/a", "N/A", "no idea", "-"] * 30
    texts = [f"{text} I know" for text in documents(270)] + fillers
    model = TopicModel(
        3, recipe="prodlda", features=None, vocabulary=[*(word for theme in THEMES for word in theme), "know", "idea"]
    ).fit(texts)
    assert {one for topic in range(3) for one in model.get_representative_docs(topic)}.isdisjoint(fillers)
    assert model.get_topic_info()["Count"].sum() == 270
    for words in model.topics.top_words(4):
        assert sum(set(words) <= set(theme) for theme in THEMES) == 1


def test_short_answers_with_content_count():
    texts = documents(60) + ["too expensive loan"] * 20
    model = fitted(texts)
    assert model.get_topic_info()["Count"].sum() == 80
    shown = [one for topic in range(3) for one in model.get_representative_docs(topic)]
    assert "too expensive loan" not in shown
