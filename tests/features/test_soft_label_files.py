import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.extraction import extract_into
from softtopic.features.soft_label_files import read_soft_labels
from softtopic.model import TopicModel
from softtopic.teacher.local import Teacher

WORDS = ("apple", "pear", "plum", "fig")
PROBS = [[0.4, 0.3, 0.2, 0.1], [0.1, 0.1, 0.1, 0.7], [0.25, 0.25, 0.25, 0.25]]
HIDDEN = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


def write(tmp_path, columns: dict, metadata: dict | None = None) -> str:
    path = tmp_path / "labels.parquet"
    pq.write_table(pa.table(columns, metadata=metadata), path)
    return str(path)


def test_dense_probabilities_and_log_probabilities_are_one(tmp_path):
    for column in ({"probs": PROBS}, {"log_probs": np.log(PROBS).tolist()}):
        path = write(tmp_path, column | {"hidden": HIDDEN, "id": ["a", "b", "c"], "text": ["x", "x", None]})
        found = read_soft_labels(path, WORDS)
        np.testing.assert_allclose(np.exp(found.log_probs), PROBS, atol=1e-6)
        assert found.hidden.tolist() == HIDDEN
        assert found.vocabulary.words == WORDS
        assert (found.corpus.ids, found.corpus.texts) == (("a", "b", "c"), ("x", "x", ""))
        # Equal texts are documents of their own: their labels may differ.
        assert found.corpus.distinct.rows.tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [pa.list_(pa.float16(), 4), pa.large_list(pa.float32()), pa.list_(pa.float64())])
def test_lists_of_every_kind_are_read(tmp_path, kind):
    probs = pa.array([np.array(row, dtype=kind.value_type.to_pandas_dtype()) for row in PROBS], kind)
    path = write(tmp_path, {"probs": probs, "embedding": HIDDEN}, {"vocabulary": json.dumps(WORDS)})
    found = read_soft_labels(path)
    np.testing.assert_allclose(np.exp(found.log_probs), PROBS, atol=1e-3)
    assert found.vocabulary.words == WORDS
    assert found.corpus.texts[2] == "document 2"


@pytest.mark.parametrize("words", [[["fig", "apple"], ["fig"], []], [[3, 0], [3], []]])
def test_what_sparse_labels_leave_out_shares_the_rest(tmp_path, words):
    columns = {"words": pa.array(words), "probs": [[0.5, 0.2], [0.7], []], "hidden": HIDDEN}
    columns["words"] = columns["words"].cast(pa.list_(columns["words"].type.value_type))
    found = read_soft_labels(write(tmp_path, columns), WORDS)
    wanted = [[0.2, 0.15, 0.15, 0.5], [0.1, 0.1, 0.1, 0.7], [0.25] * 4]
    np.testing.assert_allclose(np.exp(found.log_probs), wanted, atol=1e-6)


def test_sparse_labels_may_name_their_words_themselves(tmp_path):
    columns = {"words": [["fig", "pear"], ["fig"], ["apple"]], "log_probs": [[-1.0, -2.0], [-0.5], [0.0]]}
    found = read_soft_labels(write(tmp_path, columns | {"hidden": HIDDEN}))
    assert found.vocabulary.words == ("fig", "apple", "pear")
    assert np.isfinite(found.log_probs).all()
    np.testing.assert_allclose(np.exp(found.log_probs).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("top_k", [None, 2])
def test_shards_of_a_feature_folder_are_such_files(tiny_lm, texts, tmp_path, top_k):
    words = Vocabulary(("database", "space", "baking", "politics"))
    store = extract_into(tmp_path / "f", Corpus.from_texts(texts), words, Teacher(tiny_lm), top_k=top_k)
    found = read_soft_labels(store.path / store.shards[0].file, words)
    known = store.read()
    np.testing.assert_array_equal(found.hidden, known.hidden.astype(np.float32))
    # What truncated labels leave out is divided in other proportions.
    columns = pq.read_table(store.path / store.shards[0].file)
    kept = np.array(columns["words"].to_pylist()) if top_k else np.tile(np.arange(len(words)), (len(texts), 1))
    of_kept = [
        np.take_along_axis(labels.astype(np.float32), kept, axis=1) for labels in (found.log_probs, known.log_probs)
    ]
    np.testing.assert_allclose(*of_kept, atol=0.03)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(2, 6), st.integers(0, 99))
def test_labels_are_finite_and_sum_to_one(tmp_path_factory, docs, n_words, seed):
    chance = np.random.default_rng(seed)
    probs = chance.dirichlet(np.full(n_words, 0.01), size=docs)
    path = write(tmp_path_factory.mktemp("h"), {"probs": probs.tolist(), "hidden": [[0.0]] * docs})
    found = read_soft_labels(path, [f"word{number}" for number in range(n_words)])
    assert np.isfinite(found.log_probs).all()
    np.testing.assert_allclose(np.exp(found.log_probs), probs, atol=1e-5)


SPARSE = {"words": [["fig"], ["fig"], ["fig"]], "hidden": HIDDEN}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"probs": PROBS}, "needs one column of 'hidden' or 'embedding'; it has: probs"),
        ({"hidden": HIDDEN}, "needs one column of 'log_probs' or 'probs'; it has: hidden"),
        ({"probs": PROBS, "log_probs": PROBS, "hidden": HIDDEN}, "needs one column of 'log_probs' or 'probs'"),
        ({"probs": ["a", "b", "c"], "hidden": HIDDEN}, "column 'probs' is string; expected lists of numbers"),
        ({"probs": [*PROBS[:2], None], "hidden": HIDDEN}, "column 'probs' has missing values"),
        ({"probs": [*PROBS[:2], PROBS[0][:3]], "hidden": HIDDEN}, "row 3: 'probs' has 3 numbers; expected 4, the numb"),
        ({"probs": PROBS, "hidden": [[1.0], [1.0, 2.0], [1.0]]}, "row 2: 'hidden' has 2 numbers; expected 1, a vector"),
        ({"probs": PROBS, "hidden": [[], [], []]}, "column 'hidden' is list"),
        ({"probs": PROBS, "hidden": [[1.0], [float("nan")], [1.0]]}, "row 2: 'hidden' holds nan; expected finite"),
        ({"probs": PROBS, "hidden": [[1.0], [1.0], [float("inf")]]}, "row 3: 'hidden' holds inf; expected finite"),
        ({"probs": [PROBS[0], [0.5, float("nan"), 0.5, 0], PROBS[1]], "hidden": HIDDEN}, "row 2: 'probs' holds nan"),
        ({"probs": [PROBS[0], [1.5, -0.5, 0, 0], PROBS[1]], "hidden": HIDDEN}, "row 2: 'probs' holds 1.5; expected a"),
        ({"probs": [PROBS[0], [0.5, 0, 0, 0], PROBS[1]], "hidden": HIDDEN}, "row 2: the probabilities in 'probs' sum"),
        ({"log_probs": [[3.0, 1, 1, 1]] * 3, "hidden": HIDDEN}, "row 1: 'log_probs' holds 3; expected a log probabili"),
        ({"log_probs": [[-9.0] * 4] * 3, "hidden": HIDDEN}, "row 1: the probabilities in 'log_probs' sum to 0.0004936"),
        ({"probs": PROBS, "hidden": HIDDEN, "id": ["a", "b", "a"]}, "id 'a' stands twice; give every document an id"),
        (SPARSE | {"probs": [[0.5, 0.5], [1.0], [1.0]]}, "row 1: 1 words for 2 probs; give one for each"),
        (SPARSE | {"probs": [[0.5], [1.0], [1.0]], "words": [["fig"], ["kiwi"], ["fig"]]}, "row 2: word 'kiwi' is not"),
        (SPARSE | {"probs": [[0.5], [1.0], [1.0]], "words": [[0], [1], [4]]}, "row 3: word 4 is not in the vocabulary"),
        (SPARSE | {"probs": [[0.5, 0.5], [1.0], [1.0]], "words": [["fig"] * 2, ["fig"], ["fig"]]}, "row 1 lists a wor"),
        (SPARSE | {"probs": [[0.9], [0.8], [0.7]], "rest": [0.1, 2.0, 0.3]}, "row 2: 'rest' is 2.0; expected a probab"),
        (SPARSE | {"probs": [[0.9], [0.8], [0.2]], "rest": [0.1, 0.2, 0.3]}, "row 3: the probabilities in 'probs' sum"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_one_line(tmp_path, columns, said):
    path = write(tmp_path, columns)
    with pytest.raises(InputError) as error:
        read_soft_labels(path, WORDS)
    assert str(error.value).startswith(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="no such file; give a Parquet file of soft labels"):
        read_soft_labels(tmp_path / "none.parquet")
    (tmp_path / "some.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="is not a whole Parquet file"):
        read_soft_labels(tmp_path / "some.parquet")
    with pytest.raises(InputError, match="holds no documents; expected at least one"):
        read_soft_labels(write(tmp_path, {"probs": pa.array([], pa.list_(pa.float32()))}))


def test_words_must_be_known(tmp_path):
    with pytest.raises(InputError, match="does not say which words its labels are of; give --vocabulary"):
        read_soft_labels(write(tmp_path, {"probs": PROBS, "hidden": HIDDEN}))
    with pytest.raises(InputError, match="metadata 'vocabulary' is not a JSON list of words"):
        read_soft_labels(write(tmp_path, {"probs": PROBS, "hidden": HIDDEN}, {"vocabulary": "apple"}))


def test_a_file_that_may_not_be_read_is_not_called_broken(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pq, "read_table", refused)
    with pytest.raises(InputError, match=r"labels\.parquet may not be read; give"):
        read_soft_labels(write(tmp_path, {"probs": PROBS}))


def test_a_model_learns_from_a_file(tmp_path):
    chance = np.random.default_rng(0)
    side = chance.integers(0, 2, size=200)
    probs = np.where(side[:, None] == np.array([0, 0, 1, 1]), 0.45, 0.05)
    hidden = np.stack([side + chance.normal(size=200) * 0.1, 1.0 - side], axis=1)
    columns = {"probs": probs.tolist(), "hidden": hidden.tolist(), "id": [f"d{n}" for n in range(200)]}
    found = read_soft_labels(write(tmp_path, columns), WORDS)
    model = TopicModel(2, vocabulary=found.vocabulary).fit(
        found.corpus, soft_labels=found.log_probs, hidden=found.hidden
    )
    assert model.state_.ids[:2] == ("d0", "d1")
    agreement = (model.topics_ == side).mean()
    assert max(agreement, 1 - agreement) > 0.95
    for topic in (0, 1):
        mine = side[model.topics_ == topic].mean() > 0.5
        assert model.components_[topic, [2, 3] if mine else [0, 1]].sum() > 0.5
