"""At home in scikit-learn and BERTopic: checks, parameters, arguments by position, encoders and columns of others."""

import pickle
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from softtopic import Corpus, SentenceEncoder, TopicModel
from softtopic.errors import InputError
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.recipes import RECIPES, Recipe

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
QUICK = RECIPES["prodlda"].with_options(training__epochs=1, backbone__n_hidden=4)
# Sentence vectors and words, without a language model.
VECTORS = RECIPES["default"].with_options(target="bow", training__epochs=2, inputs="embedding")

# Checks of scikit-learn that do not apply, each with its reason.
EXPECTED = {
    "check_fit2d_1sample": "one document is too few for two topics; the message counts documents, not samples",
    "check_do_not_raise_errors_in_init_or_set_params": "the tests alone check the types of arguments, and refuse",
}


class Rows(TopicModel):
    """The estimator on rows of numbers, which become texts: most checks of scikit-learn know no texts."""

    def fit(self, X=None, y=None):
        return super().fit(self._texts(validate_data(self, X)))

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)

    def transform(self, X=None):
        check_is_fitted(self)
        return super().transform(self._texts(validate_data(self, X, reset=False)))

    def score(self, X, y=None):
        return super().score(self._texts(validate_data(self, X, reset=False)))

    @staticmethod
    def _texts(X):
        words = lambda j, v: f"c{j}_{np.round(v)} c{j}_{'up' if v > 0 else 'down'} v{v!r}"  # noqa: E731
        return [" ".join(words(j, v) for j, v in enumerate(row.tolist())) for row in X]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array, tags.no_validation = False, True, False
        return tags


def encode(texts):
    return np.array([[1.0, *(text.lower().count(word) for word in WORDS)] for text in texts], dtype=np.float32)


def quick(n_topics=2, **options):
    return TopicModel(n_topics, **({"recipe": QUICK, "vocabulary": WORDS, "features": None} | options))


@pytest.fixture(scope="module")
def by_vectors(texts):
    return quick(recipe=VECTORS).fit(texts, embeddings=encode(texts))


@pytest.mark.filterwarnings("ignore")
def test_the_checks_of_scikit_learn():
    check_estimator(quick())
    words = CountVectorizer(token_pattern=r"\S+", max_features=30)
    results = check_estimator(
        Rows(2, recipe=QUICK, features=None, vocabulary=words), expected_failed_checks=EXPECTED, on_skip=None
    )
    assert {one["check_name"] for one in results if one["status"] == "xfail"} == EXPECTED.keys()
    assert len(results) > 40


def test_tags_say_text():
    tags = get_tags(quick())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert not tags.target_tags.required


def test_settings_of_the_recipe_are_parameters(texts):
    model = quick()
    assert model.get_params()["recipe__training__epochs"] == 1
    assert model.get_params()["recipe__backbone__n_hidden"] == 4
    assert "recipe__training__epochs" not in model.get_params(deep=False)
    model.set_params(recipe__training__epochs=2, recipe__backbone__n_hidden=3, n_topics=3)
    assert (model.recipe.training.epochs, model.recipe.backbone.n_hidden, model.n_topics) == (2, 3, 3)
    named = TopicModel(2, recipe="prodlda").set_params(recipe__training__epochs=2)
    assert isinstance(named.recipe, Recipe)
    assert clone(named).recipe == named.recipe
    with pytest.raises(InputError, match="has no setting 'nothing'"):
        model.set_params(recipe__nothing=1)
    with pytest.raises(ValueError, match="Invalid parameter 'nothing'"):
        model.set_params(nothing=1)
    search = GridSearchCV(quick(), {"recipe__training__epochs": [1, 2]}, cv=2).fit(texts)
    assert search.best_params_["recipe__training__epochs"] in (1, 2)


def test_vectors_are_the_second_argument(by_vectors, texts):
    vectors = encode(texts)
    model = quick(recipe=VECTORS)
    np.testing.assert_array_equal(model.fit_transform(texts, vectors), by_vectors.probabilities_)
    assert model.state_.encoder is None
    np.testing.assert_array_equal(model.transform(texts, vectors), by_vectors.probabilities_)
    with pytest.raises(InputError, match="embeddings are given twice"):
        model.fit(texts, vectors, embeddings=vectors)
    # Labels are ignored, as in scikit-learn.
    np.testing.assert_array_equal(quick().fit(texts, [0, 1] * 6).probabilities_, quick().fit(texts).probabilities_)


def test_encoders_of_other_packages(by_vectors, texts, tmp_path):
    for one in (
        SimpleNamespace(encode=encode),
        SimpleNamespace(embed=lambda texts: iter(encode(texts))),  # as in fastembed
        encode,
    ):
        model = quick(recipe=VECTORS, embedder=one)
        np.testing.assert_array_equal(model.fit_transform(texts), by_vectors.probabilities_)
        np.testing.assert_array_equal(model.transform(texts), by_vectors.probabilities_)
    model.set_params(embedder=SimpleNamespace(encode=encode)).save(tmp_path / "m")
    assert "SimpleNamespace" in TopicModel.load(tmp_path / "m").embedder.description


def test_the_encoder_has_its_usual_names():
    for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2", SENTENCE_ENCODER):
        assert SentenceEncoder(name).name == SENTENCE_ENCODER


def test_random_states_of_scikit_learn(texts, tmp_path):
    first, again = (quick(random_state=np.random.RandomState(3)).fit(texts) for _ in range(2))
    assert first.state_.seed == again.state_.seed != 3
    np.testing.assert_array_equal(first.probabilities_, again.probabilities_)
    first.save(tmp_path / "m")
    assert TopicModel.load(tmp_path / "m").random_state == first.state_.seed
    free = quick(random_state=None).fit(texts)
    assert free.state_.seed != quick(random_state=None).fit(texts).state_.seed
    free.save(tmp_path / "n")
    loaded = TopicModel.load(tmp_path / "n")
    assert (loaded.random_state, loaded.state_.seed) == (None, free.state_.seed)
    with pytest.raises(InputError, match="random_state is -1"):
        quick(random_state=-1).fit(texts)


def test_columns_of_arrow_and_polars(texts):
    class Series:
        """A column of polars, whose items are Python's by `to_list` alone."""

        def __init__(self, values):
            self.values = values

        def __iter__(self):
            raise AssertionError("items are not those of `to_list`")

        def to_list(self):
            return list(self.values)

    ids = list(range(7, 19))
    expected = Corpus.from_texts(texts, ids=ids, labels=["a"] * 12, times=[str(2000 + row) for row in ids])
    for column in (pa.array, lambda values: pa.chunked_array([values]), Series):
        found = Corpus.from_texts(
            column(texts), ids=column(ids), labels=column(["a"] * 12), times=column([str(2000 + row) for row in ids])
        )
        assert found == expected
    with pytest.warns(UserWarning, match="1 of 2 texts are missing"):
        assert Corpus.from_texts(pa.array(["a", None])).texts == ("a", "")
    with pytest.raises(InputError, match="texts is Table"):
        Corpus.from_texts(pa.table({"text": texts}))


def test_columns_of_polars_itself(texts):
    polars = pytest.importorskip("polars")
    assert Corpus.from_texts(polars.Series(texts)).texts == tuple(texts)
    with pytest.raises(InputError, match="texts is DataFrame"):
        Corpus.from_texts(polars.DataFrame({"text": texts}))


def test_words_are_in_the_order_of_their_numbers(by_vectors):
    for words in by_vectors.get_topics(len(WORDS)).values():
        scores = [score for _, score in words]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert [word for word, _ in by_vectors.get_topic(0, 3)] == by_vectors.topics.top_words(3)[0]


def test_labels_become_names(by_vectors):
    model = pickle.loads(pickle.dumps(by_vectors))
    labels = model.generate_topic_labels(2, prefix=False, word_length=4, separator=" ")
    assert labels == [" ".join(word[:4] for word in words) for words in model.topics.top_words(2)]
    assert model.generate_topic_labels()[1].startswith("1_")
    assert model.set_topic_names(labels).topic_names_ == labels
    with pytest.raises(InputError, match=r"1 names for 2 topics; give one for each, or \{3: 'space'\}"):
        model.set_topic_names(["space"])


def test_topics_along_documents(texts):
    model = quick(recipe=VECTORS, embedder=encode).fit(texts)
    docs = ["sql table query orbit telescope", "bread", ""]
    with pytest.warns(UserWarning, match="1 of 4 documents are empty"):
        mixtures, tokens = model.approximate_distribution(docs, window=4, stride=2, tokens=True)
    assert mixtures.shape == (3, 2)
    np.testing.assert_allclose(mixtures.sum(axis=1), 1, atol=1e-6)
    assert [part.shape for part in tokens] == [(5, 2), (1, 2), (0, 2)]
    parts = model.transform(["sql table query orbit", "table query orbit telescope"])
    np.testing.assert_allclose(mixtures[0], parts.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(tokens[0], [parts[0], *[parts.mean(axis=0)] * 3, parts[1]], atol=1e-6)
    assert model.approximate_distribution(docs[:2])[1] is None
    with pytest.raises(InputError, match="stride is 3 for a window of 2"):
        model.approximate_distribution(docs, window=2, stride=3)


def test_the_score_is_of_the_edited_topics(by_vectors, texts):
    model = quick(3).fit(texts)
    before = model.score(texts)
    assert model.merge_topics([0, 2]).score(texts) != before
    assert model.undo().score(texts) == before


def test_topics_have_other_words(by_vectors, texts, tmp_path):
    model = pickle.loads(pickle.dumps(by_vectors))
    phrases = CountVectorizer(ngram_range=(2, 2), stop_words="english")
    model.update_topics(texts, phrases)
    assert all(" " in word for words in model.topics.top_words(3) for word in words)
    np.testing.assert_array_equal(model.transform(texts, encode(texts)), by_vectors.probabilities_)
    model.save(tmp_path / "m")
    loaded = TopicModel.load(tmp_path / "m")
    assert loaded.get_topics() == model.get_topics()
    assert loaded.undo().get_topics() == by_vectors.get_topics()
