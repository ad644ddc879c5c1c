"""Mixtures of documents that do not fit in memory: equal to `transform`, killed and continued, counted after edits."""

import numpy as np
import pandas as pd
import pytest

from softtopic import Columns, DocumentStream, PartFolder, TopicModel
from softtopic.errors import InputError, PartFolderError
from softtopic.pipeline import mixtures

WORDS = ["sql", "tables", "orbit", "rocket", "bread", "flour", "taxes", "budget"]


@pytest.fixture(scope="module")
def model() -> TopicModel:
    texts = ["sql tables", "rocket in orbit", "bread and flour", "taxes and the budget"] * 3
    model = TopicModel(4, recipe="prodlda", vocabulary=WORDS, features=None)
    return model.set_params(recipe__training__epochs=2).fit(texts)


@pytest.fixture
def rows() -> list[dict]:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 4)) for _ in range(70)]
    texts[5] = ""
    return [{"text": text, "key": f"k{n}", "group": "ab"[n % 2], "topic of mine": n} for n, text in enumerate(texts)]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Parts of 16 documents, computed 5 at a time."""
    monkeypatch.setattr("softtopic.data.document_stream._PART_ROWS", 16)
    monkeypatch.setattr(mixtures, "_BATCH_SIZE", 5)


def expected(model, rows) -> np.ndarray:
    with pytest.warns(UserWarning, match="1 of 70 documents are empty"):
        return model.transform([row["text"] for row in rows])


def test_the_parts_are_transform_row_by_row(model, rows, tmp_path):
    stream = DocumentStream.from_iterable(rows, Columns(id="key", label="group"))
    folder = model.transform_to(tmp_path / "topics", stream)
    assert (folder.n_parts, folder.n_rows) == (5, 70)
    table = pd.read_parquet(tmp_path / "topics")
    assert list(table) == ["id", "label", "topic", "theta_0", "theta_1", "theta_2", "theta_3"]
    theta = expected(model, rows)
    np.testing.assert_allclose(table.filter(like="theta_").to_numpy(), theta, atol=1e-6)
    assert table["id"].tolist() == [row["key"] for row in rows]
    assert table["label"].tolist() == [row["group"] for row in rows]
    assert table["topic"].tolist() == theta.argmax(axis=1).tolist()
    sizes = model.get_topic_sizes(tmp_path / "topics")
    counts = np.bincount(np.delete(theta, 5, axis=0).argmax(axis=1), minlength=4)
    assert dict(zip(sizes["Topic"], sizes["Count"], strict=True)) == dict(enumerate(counts))
    assert sizes["Count"].is_monotonic_decreasing


def test_columns_and_novelty(model, rows, tmp_path):
    columns = Columns(id="key")
    stream = DocumentStream.from_iterable(rows, columns, keep_columns=True)
    model.transform_to(tmp_path / "topics", stream, novelty=True)
    table = pd.read_parquet(tmp_path / "topics")
    assert list(table)[:7] == ["text", "key", "group", "topic of mine", "topic", "novelty", "theta_0"]
    np.testing.assert_allclose(table["novelty"], model.novelty([row["text"] for row in rows]), atol=1e-5)
    # The table again: mixtures of before are replaced, other columns of these names are refused.
    again = DocumentStream.from_iterable(table.to_dict("records"), columns, keep_columns=True)
    model.transform_to(tmp_path / "again", again)
    assert list(pd.read_parquet(tmp_path / "again"))[:7] == [*list(table)[:4], "novelty", "topic", "theta_0"]
    taken = DocumentStream.from_iterable([{"text": "sql", "topic": "t"}], keep_columns=True)
    with pytest.raises(InputError, match="documents has columns topic, which are written, too; rename them there"):
        model.transform_to(tmp_path / "taken", taken)


def test_a_run_that_ends_is_continued(model, rows, tmp_path, monkeypatch, caplog):
    path, stream = tmp_path / "topics", DocumentStream.from_iterable(rows)
    model.transform_to(tmp_path / "whole", stream)
    computed = []
    compute = mixtures._table

    def table(predictor, batch, *arguments, **options):
        if len(computed) == 3:
            raise KeyboardInterrupt
        computed.append(batch.corpus.ids[0])
        return compute(predictor, batch, *arguments, **options)

    monkeypatch.setattr(mixtures, "_table", table)
    with pytest.raises(KeyboardInterrupt) as stopped:
        model.transform_to(path, stream)
    assert stopped.value.__notes__ == [f"complete parts are in {path}; the same command resumes"]
    with pytest.raises(PartFolderError, match="is not complete"):
        model.get_topic_sizes(path)
    monkeypatch.setattr(mixtures, "_table", compute)
    (path / "part-00001.parquet").write_bytes(b"PAR1")
    with caplog.at_level("INFO", "softtopic"):
        model.transform_to(path, stream)
    assert "part-00001.parquet is damaged (it has 4 bytes, not" in caplog.text
    assert "2 of 5 parts were complete" in caplog.text
    assert computed == ["0", "16", "32"]
    for part in PartFolder.open(path).parts().values():
        assert (path / part.file).read_bytes() == (tmp_path / "whole" / part.file).read_bytes()


def test_only_changed_documents_are_computed_again(model, rows, tmp_path, caplog):
    path = tmp_path / "topics"
    model.transform_to(path, DocumentStream.from_iterable(rows))
    rows[20]["text"] = "sql sql"
    with caplog.at_level("INFO", "softtopic"):
        model.transform_to(path, DocumentStream.from_iterable([*rows, {"text": "orbit"}]))
    assert "3 of 5 parts were complete" in caplog.text
    assert len(pd.read_parquet(path)) == 71


def test_parts_of_another_model_or_other_options_are_refused_or_replaced(model, rows, tmp_path):
    path, stream = tmp_path / "topics", DocumentStream.from_iterable(rows)
    model.transform_to(path, stream)
    with pytest.raises(PartFolderError, match="topics holds parts made with different options; give the same again"):
        model.transform_to(path, stream, novelty=True)
    other = TopicModel(3, recipe="prodlda", vocabulary=WORDS, features=None, random_state=1)
    other.set_params(recipe__training__epochs=1).fit(["sql tables", "rocket in orbit", "bread and flour"])
    with pytest.raises(PartFolderError, match="holds parts made with different model, edited model, topics"):
        other.transform_to(path, stream)
    with pytest.raises(
        PartFolderError, match="topics is of another model, or of other edits; run `softtopic transform"
    ):
        other.get_topic_sizes(path)
    other.transform_to(path, stream, overwrite=True)
    assert other.get_topic_sizes(path)["Count"].sum() == 69


def test_sizes_follow_edits_that_came_later(model, rows, tmp_path):
    path, stream = tmp_path / "topics", DocumentStream.from_iterable(rows)
    model.transform_to(path, stream)
    edited = TopicModel(4)
    edited._set_state(model.state_, None)
    edited.merge_topics([[0, 2]]).drop_topics([3]).rename({1: "one"})
    theta = np.delete(expected(edited, rows), 5, axis=0)
    sizes = edited.get_topic_sizes(path)
    assert sorted(sizes["Count"]) == sorted(np.bincount(theta.argmax(axis=1), minlength=2))
    assert "one" in sizes["Name"].tolist()
    edited.transform_to(tmp_path / "edited", stream)
    pd.testing.assert_frame_equal(edited.get_topic_sizes(tmp_path / "edited"), sizes)
    with pytest.raises(PartFolderError, match="edited is of another model, or of other edits"):
        model.get_topic_sizes(tmp_path / "edited")
    edited.undo().undo().undo().split_topic(int(edited.get_topic_freq()["Topic"][0]))
    with pytest.raises(PartFolderError, match="topics is of another model, or of other edits"):
        edited.get_topic_sizes(path)


def test_the_sample_is_fitted_and_all_get_mixtures(rows, tmp_path):
    stream = DocumentStream.from_iterable(lambda: iter(rows))
    sample = stream.sample(40)
    model = TopicModel(3, recipe="prodlda", vocabulary=WORDS, features=None).fit(sample.corpus)
    assert model.probabilities_.shape == (40, 3)
    assert model.transform_to(tmp_path / "topics", stream).n_rows == 70


def test_an_empty_stream_leaves_nothing(model, tmp_path):
    with pytest.raises(InputError, match="documents holds no documents; expected at least one"):
        model.transform_to(tmp_path / "topics", DocumentStream.from_iterable([]))
    assert not (tmp_path / "topics").exists()
