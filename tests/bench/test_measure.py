import numpy as np
import pytest

from softtopic.bench.baselines import kmeans_topics
from softtopic.bench.measure import Outcome, measure_outcome
from softtopic.bench.packages.exchange import Stages, Task, l1_normalize
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.metrics.reference import Reference

TOPICS = [["red", "apple", "pie"], ["blue", "car", "road"]]
REFERENCE = Reference.from_texts(["a red apple pie", "a blue car on the road", "red and blue"])


@pytest.fixture
def corpus():
    return Corpus.from_texts([f"text {n}" for n in range(6)], labels=["a", "a", "a", "b", "b", ""])


def theta(rows):
    return np.array([[0.9, 0.1]] * rows + [[0.2, 0.8]] * (6 - rows), dtype=np.float32)


def test_everything_is_measure_outcome(corpus):
    found = measure_outcome(Outcome(theta(3), TOPICS), corpus, REFERENCE)
    assert found["purity"] == found["precision_at_1"] == found["topic_diversity"] == found["dominant_share"] == 1
    assert {"nmi", "ari", "homogeneity", "completeness", "precision_at_10", "inverted_rbo", "c_v", "npmi"} <= set(found)


def test_clusters_of_a_method_take_precedence_over_the_largest_share(corpus):
    clusters = np.array([0, 1, 0, 1, 0, 1])
    found = measure_outcome(Outcome(theta(3), TOPICS, clusters), corpus, None)
    assert found["purity"] == 0.6
    assert found["precision_at_1"] == 1
    assert "npmi" not in found


def test_without_labels_only_what_needs_none():
    found = measure_outcome(Outcome(theta(3), TOPICS), Corpus.from_texts(list("abcdef")), REFERENCE)
    assert set(found) == {
        "topic_diversity", "inverted_rbo", "n_topics", "n_topics_without_words", "c_v", "npmi", "dominant_share",
    }  # fmt: skip


def test_soft_labels_have_no_clusters(corpus):
    found = measure_outcome(Outcome(theta(3), clustered=False), corpus, REFERENCE)
    assert set(found) == {"precision_at_1", "precision_at_5", "precision_at_10"}


def test_topics_without_words_are_counted_and_left_out(corpus):
    found = measure_outcome(Outcome(theta(3), [*TOPICS, [], ["one"]]), corpus, REFERENCE)
    assert (found["n_topics"], found["n_topics_without_words"]) == (4, 2)
    assert found["inverted_rbo"] == 1


def test_weights_are_l1_normalised():
    weights = np.array([[1.0, 3.0], [0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0]])
    assert l1_normalize(weights).tolist() == [[0.25, 0.75], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]


def test_stages_hold_time_and_memory():
    stages = Stages()
    with stages.stage("fit"):
        big = np.ones((1 << 22,))
    del big
    (record,) = stages.records
    assert record["stage"] == "fit"
    assert record["seconds"] > 0
    assert record["peak_mib"] > 32


def test_a_task_is_read_and_finished(tmp_path):
    (tmp_path / "settings.json").write_text(
        '{"method": "lda", "n_topics": 2, "seed": 0, "word_pattern": "[a-z]+", "words": ["red", "sea"]}'
    )
    (tmp_path / "texts.jsonl").write_text('"Red sea,\\u2028red"\n"none"\n')
    task = Task(tmp_path)
    assert task.texts == ["Red sea,\u2028red", "none"]
    assert task.tokens(task.texts[0]) == ["red", "sea", "red"]
    assert task.vectorizer().transform(task.texts).toarray().tolist() == [[2, 1], [0, 0]]
    task.finish(np.array([[1, 1], [0, 2]]), [["red", ""], ["sea"]], ["numpy"], clusters=np.array([1, 0]))
    assert np.load(tmp_path / "theta.npy").tolist() == [[0.5, 0.5], [0, 1]]
    assert np.load(tmp_path / "clusters.npy").tolist() == [1, 0]
    assert '"topics": [["red"], ["sea"]]' in (tmp_path / "result.json").read_text()


def test_kmeans_finds_groups_and_their_words():
    texts = ["red apple", "red pie", "blue car", "blue road"]
    vectors = np.array([[1, 0], [0.99, 0.1], [0, 1], [0.1, 0.99]], dtype=np.float32)
    found, topics = kmeans_topics(vectors, texts, Vocabulary(("red", "blue", "apple", "pie", "car", "road")), 2, 0)
    clusters = found.argmax(axis=1)
    assert clusters[0] == clusters[1] != clusters[2] == clusters[3]
    assert topics[clusters[0]][0] == "red"
    assert "car" not in topics[clusters[0]]
    assert found.sum(axis=1) == pytest.approx(1)
