import numpy as np
import pytest
import torch

from softtopic import TopicModel
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, StoreMismatchError
from softtopic.features.extraction import extract_into
from softtopic.pipeline.sources import from_arrays, from_store
from softtopic.teacher.local import Teacher

WORDS = Vocabulary(("cat", "dog", "bird"))
RNG = np.random.default_rng(0)


def soft(rows: int) -> np.ndarray:
    return np.log(RNG.dirichlet(np.ones(3), size=rows))


@pytest.fixture
def folder(tiny_lm, texts, tmp_path):
    """A feature folder as a machine with a GPU would have written it."""
    teacher = Teacher(tiny_lm)
    teacher.device, teacher.dtype = torch.device("cpu"), torch.float32
    teacher.__dict__["fingerprint"] = teacher._fingerprint_on("cuda", torch.bfloat16)
    store = extract_into(tmp_path / "features", Corpus.from_texts(texts), WORDS, teacher)
    corpus = Corpus.from_texts(texts)
    store.write_documents(corpus, read=np.arange(len(corpus.distinct.texts)))
    return store.path


def test_what_another_kind_of_machine_read_is_fitted_here(folder, texts):
    assert from_store(folder).corpus.texts == tuple(texts)


def test_what_another_teacher_read_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Teacher, "matches_fingerprint", lambda self, fingerprint: fingerprint == self.fingerprint)
    with pytest.raises(StoreMismatchError, match="made by another language model"):
        from_store(folder)


@pytest.mark.parametrize(
    ("labels", "hidden", "said"),
    [
        (np.exp(soft(4)), np.ones((4, 2)), r"soft_labels row 1 holds .*; expected a log probability, at most 0"),
        (soft(4) - 1, np.ones((4, 2)), r"row 1: the probabilities in 'soft_labels' sum to 0.3679; expected 1"),
        (np.full((4, 3), np.nan), np.ones((4, 2)), "soft_labels row 1 holds nan; expected a log probability"),
        (soft(4)[:, :2], np.ones((4, 2)), "soft_labels have 2 columns for 3 words"),
        (soft(4).astype(np.int64), np.ones((4, 2)), r"soft_labels is int64 of shape \(4, 3\); expected floats"),
        (soft(4), np.array([[1, 2], [3, np.nan], [1, 1], [2, 2]]), "give finite floats"),
        (soft(4), np.ones((4, 2), dtype=np.int64), "give finite floats"),
    ],
)
def test_arrays_that_are_not_what_they_should_be_say_so(labels, hidden, said):
    with pytest.raises(InputError, match=said):
        from_arrays(None, labels, hidden, WORDS)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_word_that_is_ruled_out_has_the_least_probability():
    given = np.log(np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]] * 10))
    found = from_arrays(None, given, np.ones((20, 2)), WORDS).features.log_probs
    np.testing.assert_allclose(np.exp(found), np.exp(given), atol=1e-7)
    assert np.isfinite(found).all()
    hidden = RNG.normal(size=(20, 2))
    theta = TopicModel(2, recipe="light", vocabulary=WORDS).fit(soft_labels=given, hidden=hidden).probabilities_
    assert np.isfinite(theta).all()


def test_labels_that_are_fine_are_taken_as_they_are():
    given = soft(4).astype(np.float16)
    assert from_arrays(None, given, np.ones((4, 2)), WORDS).features.log_probs is given
