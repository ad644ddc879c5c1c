import multiprocessing
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer

from softtopic import Corpus, FeatureStore, Prompt, Teacher, TopicModel
from softtopic.errors import InputError, StoreMismatchError
from softtopic.pipeline import fit as fit_module
from softtopic.pipeline import read as read_module
from softtopic.recipes import RECIPES
from softtopic.teacher.config import DemonstrationConfig
from softtopic.topics.words import Topics

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
QUICK = RECIPES["default"].with_options(
    training__epochs=5, training__batch_size=4, inputs="hidden", read__prompts="published", read__beam_width=0
)


def quick(lm, **options) -> TopicModel:
    return TopicModel(**({"n_topics": 3, "recipe": QUICK, "lm": lm, "vocabulary": WORDS} | options))


@pytest.fixture(scope="module")
def fitted(tiny_lm, texts) -> TopicModel:
    return quick(tiny_lm, features=None).fit(texts)


def test_what_fit_leaves_behind(fitted, texts):
    assert fitted.probabilities_.shape == (12, 3)
    np.testing.assert_allclose(fitted.probabilities_.sum(axis=1), 1, atol=1e-5)
    assert fitted.components_.shape == (3, len(WORDS))
    np.testing.assert_allclose(fitted.components_.sum(axis=1), 1, atol=1e-5)
    assert (fitted.topics_ == fitted.probabilities_.argmax(axis=1)).all()
    assert set(fitted.get_topics()) == {0, 1, 2}
    word, weight = fitted.get_topic(0)[0]
    assert word in WORDS
    assert weight == max(score for _, score in fitted.get_topic(0, len(WORDS)))
    assert sum(score for _, score in fitted.get_topic(0, len(WORDS))) == pytest.approx(1, abs=1e-5)
    info = fitted.get_topic_info()
    assert list(info.columns) == ["Topic", "Count", "Name", "Representation", "Representative_Docs"]
    assert info["Count"].sum() == 12
    assert info["Count"].is_monotonic_decreasing
    assert set(fitted.get_representative_docs(1)) <= set(texts)
    assert fitted.get_topics(3)[1] == fitted.get_topic(1, 3)
    assert list(fitted.get_document_info()["Topic"]) == list(fitted.topics_)
    assert list(fitted.get_feature_names_out()) == sorted(info["Name"], key=lambda name: int(name.split("_")[0]))


def test_the_same_mixtures_by_every_way(tiny_lm, texts, tmp_path):
    model = quick(Teacher(tiny_lm, dtype="float32"), features=None)
    theta = model.fit_transform(texts)
    np.testing.assert_allclose(model.transform(texts), theta, atol=1e-4)
    np.testing.assert_allclose(model.transform(texts[::-1])[::-1], theta, atol=1e-4)
    np.testing.assert_allclose(np.vstack([model.transform([text]) for text in texts]), theta, atol=1e-4)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.transform(texts), theta, atol=1e-4)
    assert np.array_equal(loaded.probabilities_, theta)
    assert loaded.get_params() == model.get_params()
    for again in (clone(model), clone(loaded)):
        assert np.array_equal(again.fit(texts).probabilities_, theta)


def test_the_same_features_give_the_same_mixtures(fitted):
    hidden = np.random.default_rng(0).normal(size=(40, 32)).astype(np.float32)
    together = fitted.transform(hidden=hidden)
    np.testing.assert_allclose(np.vstack([fitted.transform(hidden=row[None]) for row in hidden]), together, atol=1e-5)


@pytest.mark.parametrize("kind", [list, tuple, pd.Series, iter, Corpus.from_texts])
def test_texts_come_in_many_kinds(tiny_lm, texts, fitted, kind):
    model = quick(tiny_lm, features=None)
    assert np.array_equal(model.fit_transform(kind(texts)), fitted.probabilities_)


def test_duplicates_are_read_once_and_empty_documents_get_the_mean_mixture(tiny_lm, texts):
    many = [texts[0], "", *texts, "  \n", texts[0]]
    with pytest.warns(UserWarning, match="2 of 16 documents are empty"):
        model = quick(tiny_lm, features=None).fit(many)
    theta = model.probabilities_
    assert np.array_equal(theta[0], theta[2])
    assert np.array_equal(theta[0], theta[15])
    filled = [place for place, text in enumerate(many) if text.strip()]
    np.testing.assert_allclose(theta[1], theta[filled].mean(axis=0), atol=1e-6)
    assert np.array_equal(theta[1], theta[14])
    with pytest.warns(UserWarning, match="1 of 1"):
        np.testing.assert_array_equal(model.transform([" "])[0], theta[1])


def test_features_are_kept_and_the_language_model_is_not_asked_twice(tiny_lm, texts, monkeypatch):
    first = quick(tiny_lm).fit(texts)
    monkeypatch.setattr(Teacher, "read", lambda *_: pytest.fail("the language model was asked again"))
    assert np.array_equal(quick(tiny_lm).fit(texts).probabilities_, first.probabilities_)
    other = quick(tiny_lm, n_topics=4, random_state=3).fit(texts)
    assert other.probabilities_.shape == (12, 4)


@pytest.mark.parametrize("sample", [None, 0.5])
def test_a_feature_folder_gives_the_same_model_as_the_texts(tiny_lm, texts, tmp_path, sample):
    recipe = QUICK.with_options(inputs="embedding+words+tf-idf")
    options = {"recipe": recipe, "embedder": lengths}
    corpus = Corpus.from_texts(texts, labels=list("abcdefghijkl"))
    written = quick(tiny_lm, sample=sample, features=tmp_path / "features", **options).fit(corpus)
    store = FeatureStore.open(tmp_path / "features")
    store.write_documents(corpus, read=written.plan_.read)
    model = quick(tiny_lm, features=tmp_path / "features", **options).fit()
    direct = quick(tiny_lm, sample=sample, features=None, **options).fit(texts)
    for name in ("probabilities_", "components_", "relevance_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(direct, name))
    assert model.get_representative_docs(0)[0] in texts
    assert store.missing() == []


def test_features_of_something_else_are_refused(tiny_lm, texts, tmp_path):
    quick(tiny_lm, features=tmp_path / "features").fit(texts)
    with pytest.raises(StoreMismatchError, match="other documents"):
        quick(tiny_lm, features=tmp_path / "features").fit(texts[:-1])
    with pytest.raises(StoreMismatchError, match="another vocabulary"):
        quick(tiny_lm, features=tmp_path / "features", vocabulary=WORDS[1:]).fit(texts)
    with pytest.raises(StoreMismatchError, match="another language model"):
        quick(Teacher(tiny_lm, max_tokens=7), features=tmp_path / "features").fit(texts)


def test_features_of_any_teacher_are_accepted():
    rng = np.random.default_rng(0)
    scores = np.log(rng.dirichlet(np.ones(5), size=30)).astype(np.float32)
    hidden = rng.normal(size=(30, 6)).astype(np.float32)
    model = TopicModel(2, recipe=QUICK, vocabulary=list("abcde")).fit(soft_labels=scores, hidden=hidden)
    assert np.allclose(model.transform(hidden=hidden), model.probabilities_, atol=1e-6)
    with pytest.raises(InputError, match="go together"):
        TopicModel(2, vocabulary=list("abcde")).fit(hidden=hidden)
    with pytest.raises(InputError, match="5 columns for 4 words"):
        TopicModel(2, vocabulary=list("abcd")).fit(soft_labels=scores, hidden=hidden)
    with pytest.raises(InputError, match="list of words"):
        TopicModel(2).fit(soft_labels=scores, hidden=hidden)
    with pytest.raises(InputError, match=r"expected \[documents, 6\]"):
        model.transform(hidden=hidden[:, :5])


def test_vocabularies_of_many_kinds(tiny_lm, texts):
    by_size = quick(tiny_lm, vocabulary=6, features=None).fit(texts)
    assert len(by_size.vocabulary_) == 6
    own = CountVectorizer(token_pattern=r"[a-z]{5,}", min_df=2)
    by_vectorizer = quick(tiny_lm, vocabulary=own, features=None).fit(texts)
    assert all(len(word) >= 5 for word in by_vectorizer.vocabulary_.words)
    assert not hasattr(own, "vocabulary_")


def test_search_finds_by_topic(fitted, texts):
    hits = fitted.search(texts[3], k=5)
    assert list(hits.columns) == ["Document", "Id", "Divergence", "Topic", "Text"]
    assert hits["Divergence"].is_monotonic_increasing
    assert hits["Document"][0] == 3
    assert hits["Divergence"][0] == pytest.approx(0, abs=1e-3)
    topics, shares = fitted.find_topics(texts[3], top_n=2)
    assert topics[0] == fitted.topics_[3]
    assert shares == sorted(shares, reverse=True)
    with pytest.raises(InputError, match="empty"):
        fitted.search("  ")


def test_saved_without_excerpts_no_text_remains(fitted, texts, tmp_path):
    fitted.save(tmp_path / "model", excerpts=False)
    for file in (tmp_path / "model").iterdir():
        assert texts[0][:20].encode() not in file.read_bytes()
    assert TopicModel.load(tmp_path / "model").get_representative_docs(0) == []


def test_a_loaded_model_is_whole(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.get_topic_info(), fitted.get_topic_info())
    pd.testing.assert_frame_equal(loaded.get_document_info(), fitted.get_document_info())
    assert loaded.recipe == QUICK
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (
        tmp_path / "model" / "model.safetensors"
    ).read_bytes()


def test_equal_inputs_give_equal_files(tiny_lm, texts, tmp_path):
    for name in ("one", "two"):
        quick(tiny_lm, features=None).fit(texts).save(tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_topics": 0}, "at least 2"), ({"n_topics": -3}, "at least 2"), ({"n_topics": 1}, "at least 2"),
        ({"random_state": -1}, "random_state is -1; give a whole number from 0 to 4294967295"),
        ({"n_topics": 13}, "12 distinct documents for 13 topics"), ({"backbone": "lda"}, "prodlda"),
        ({"recipe": "secret"}, "default"), ({"vocabulary": []}, "empty"), ({"vocabulary": "word"}, "one string"),
        ({"vocabulary": ["a", "a"]}, "twice"), ({"vocabulary": 1}, "too small"), ({"language": "klingon"}, "klingon"),
    ],
)  # fmt: skip
def test_wrong_arguments_say_what_is_expected(tiny_lm, texts, given, said):
    options = {"vocabulary": 6} | given
    with pytest.raises(InputError, match=said) as caught:
        quick(tiny_lm, features=None, **options).fit(texts)
    assert "\n" not in str(caught.value)


def test_texts_that_are_none_say_so(tiny_lm, texts):
    for wrong, said in (("one string", "list of strings"), ([], "none with text"), ([""] * 5, "none with text"),
                        # Beartype looks at one item of a list, by chance, and at none of an iterator.
                        (iter([*texts, 7]), "is int, not a string"), (["the of and"] * 3 + ["a an", "it is", "we"], "filtered out")):  # fmt: skip  # noqa: E501
        with pytest.raises(InputError, match=said):
            quick(tiny_lm, vocabulary=10, features=None).fit(wrong)


def test_no_warning_without_a_reason(tiny_lm, texts):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quick(tiny_lm, vocabulary=6, features=None).fit(texts)
    assert [str(warning.message) for warning in caught] == []


def test_the_embedded_model_finds_topics(embedded_lm, texts):
    model = TopicModel(5, lm=embedded_lm, vocabulary=WORDS, features=None).fit(texts)
    # Databases, space, bread, taxes and cameras, one after the other; two more of the first two.
    for topic in range(5):
        assert (model.topics_ == model.topics_[topic]).nonzero()[0].tolist() == list(range(topic, 12, 5))
    assert np.abs(model.transform(texts[:3]) - model.probabilities_[:3]).max() < 1e-5


def test_whole_words_are_scored_for_training_and_not_for_new_documents(tiny_lm, texts, monkeypatch):
    import softtopic.teacher.session as sessions

    model = quick(Teacher(tiny_lm, beam_width=2, dtype="float32"), features=None).fit(texts)
    monkeypatch.setattr(sessions, "WholeWordScorer", None)  # would fail if it were needed
    np.testing.assert_allclose(model.transform(texts), model.probabilities_, atol=1e-6)


def test_the_recipe_says_how_documents_are_read(tiny_lm, texts, tmp_path):
    for name, asked in (("light", (4, "windows")), ("paper", (0, "head"))):
        recipe = replace(RECIPES[name], training=QUICK.training)
        model = quick(tiny_lm, recipe=recipe, features=None).fit(texts)
        assert (model.teacher_.config.beam_width, model.teacher_.config.truncation) == asked
        model.save(tmp_path / name)
        assert TopicModel.load(tmp_path / name).teacher_.fingerprint == model.teacher_.fingerprint


def test_new_documents_get_soft_labels_calibrated_by_the_old(tiny_lm, texts, tmp_path):
    recipe = QUICK.with_options(training__temperature=2.0)
    model = quick(Teacher(tiny_lm, dtype="float32"), recipe=recipe, features=None).fit(texts)
    labels = model.soft_labels([*texts[:2], " "])
    assert labels.shape == (3, len(WORDS))
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(labels[2], 1 / len(WORDS), rtol=1e-5)
    read = model.teacher_.read(texts[:2], model.vocabulary_).log_probs.astype(float)
    wanted = np.exp((read - model.state_.prior) / 2)
    np.testing.assert_allclose(labels[:2], wanted / wanted.sum(axis=1, keepdims=True), atol=1e-4)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.soft_labels(texts[:2]), labels[:2], atol=1e-4)


def test_a_content_free_prior_is_read_and_kept(tiny_lm, texts, tmp_path):
    recipe = QUICK.with_options(read__calibration="content-free", read__calibration_strength=0.5)
    model = quick(tiny_lm, recipe=recipe, features=None).fit(texts)
    assert np.ptp(model.state_.prior - quick(tiny_lm, features=None).fit(texts).state_.prior) > 0.01
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.state_.prior, model.state_.prior)
    np.testing.assert_allclose(loaded.soft_labels(texts[:2]), model.soft_labels(texts[:2]), atol=1e-4)
    read = model.teacher_.read(texts, model.vocabulary_)
    with pytest.raises(InputError, match="content-free"):
        quick(tiny_lm, recipe=recipe).fit(soft_labels=read.log_probs, hidden=read.hidden)


def test_demonstrations_are_chosen_where_the_recipe_or_the_caller_says(tiny_lm, texts, tmp_path, monkeypatch):
    prompt = Prompt("Name it.", [("A cat sat.", "animals")])
    asked = []

    def chosen(teacher, corpus, vocabulary, config, *, progress):
        asked.append((len(corpus), vocabulary.words))
        return teacher.with_prompts(prompt)

    monkeypatch.setattr(read_module, "with_demonstrations", chosen)
    model = quick(tiny_lm, demonstrations="auto", features=None).fit(texts)
    assert asked == [(len(texts), tuple(WORDS))]
    assert model.teacher_.prompts == (prompt,)
    model.save(tmp_path / "model")
    assert TopicModel.load(tmp_path / "model").teacher_.prompts == (prompt,)
    # A teacher of the caller's keeps its prompts, unless examples are asked for by name.
    recipe = replace(QUICK, read=replace(QUICK.read, demonstrations=DemonstrationConfig()))
    quick(Teacher(tiny_lm), recipe=recipe, features=None).fit(texts)
    quick(tiny_lm, recipe=recipe, demonstrations="none", features=None).fit(texts)
    assert len(asked) == 1
    quick(Teacher(tiny_lm), demonstrations="auto", features=None).fit(texts)
    assert len(asked) == 2


def test_topics_start_from_the_initial_groups(tiny_lm, texts, monkeypatch):
    made, real = [], fit_module.initial_groups
    monkeypatch.setattr(fit_module, "initial_groups", lambda *given: made.append(real(*given)) or made[-1])
    recipe = QUICK.with_options(training__epochs=1, training__learning_rate=1e-9)
    model = quick(tiny_lm, recipe=recipe, features=None).fit(texts)
    np.testing.assert_allclose(model.components_, made[0].topic_word, atol=1e-4)
    assert model.topics.relevance is model.relevance_
    light = replace(RECIPES["light"], training=recipe.training).with_options(read__beam_width=0)
    quick(tiny_lm, recipe=light, features=None).fit(texts)
    assert len(made) == 1


def lengths(texts: Sequence[str]) -> np.ndarray:
    """Sentence vectors that anybody can make."""
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The texts that a language model reads."""
    texts, real = [], Teacher.read
    monkeypatch.setattr(Teacher, "read", lambda self, given, *rest: texts.extend(given) or real(self, given, *rest))
    return texts


PART = QUICK.with_options(inputs="embedding+words+tf-idf")


def test_labels_of_documents_that_are_not_read_are_predicted(tiny_lm, texts, tmp_path, asked):
    model = quick(tiny_lm, recipe=PART, sample=0.5, embedder=lengths, features=None).fit(texts)
    assert len(asked) == 6
    assert model.probabilities_.shape == (12, 3)
    asked.clear()
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.transform(texts, embeddings=lengths(texts)), model.probabilities_, atol=1e-6)
    with pytest.raises(InputError, match=r"the model reads words and tf-idf; give texts$"):
        loaded.transform(embeddings=lengths(texts))
    assert not asked, "new documents are not read by the language model"


def test_a_sample_kept_in_a_folder_is_not_read_again(tiny_lm, texts, tmp_path, monkeypatch):
    options = {"recipe": PART, "sample": 0.5, "embedder": lengths, "features": tmp_path / "kept"}
    model = quick(tiny_lm, **options).fit(texts)
    monkeypatch.setattr(Teacher, "read", None)
    np.testing.assert_array_equal(quick(tiny_lm, **options).fit(texts[::-1]).probabilities_[::-1], model.probabilities_)


@pytest.mark.parametrize("max_documents", [None, 5])
def test_a_part_is_trained_on_and_all_documents_have_mixtures(tiny_lm, texts, max_documents, monkeypatch):
    sizes: list[int] = []
    real = fit_module.train
    monkeypatch.setattr(fit_module, "train", lambda *a, **k: sizes.append(len(a[1].inputs)) or real(*a, **k))
    recipe = replace(PART, max_training_documents=8, read=replace(PART.read, max_documents=max_documents))
    corpus = Corpus.from_texts([*texts, "", texts[3]])
    with pytest.warns(UserWarning, match="1 of 14 documents are empty"):
        model = quick(tiny_lm, recipe=recipe, embedder=lengths, features=None).fit(corpus)
    assert model.probabilities_.shape == (14, 3)
    np.testing.assert_array_equal(model.probabilities_[13], model.probabilities_[3])
    assert sizes == [8]
    np.testing.assert_allclose(model.probabilities_[:12], model.transform(texts), atol=1e-6)


def test_a_sample_is_of_texts(tiny_lm):
    with pytest.raises(InputError, match="sample= is of texts"):
        quick(tiny_lm, sample=0.5).fit(
            soft_labels=np.full((4, len(WORDS)), -np.log(len(WORDS))), hidden=np.zeros((4, 2))
        )


def test_an_unfitted_model_says_so(texts):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        TopicModel(3).transform(texts)


def test_the_words_of_many_topics_are_listed_quickly():
    rng = np.random.default_rng(0)
    topics = Topics(rng.dirichlet(np.ones(5000), size=300).astype(np.float32), [f"w{i}" for i in range(5000)])
    start = time.perf_counter()
    words = topics.top_words(10)
    assert time.perf_counter() - start < 1
    assert words[7][0] == f"w{topics.topic_word[7].argmax()}"


def test_threads_get_what_one_gets(tiny_lm, texts, tmp_path):
    model = quick(Teacher(tiny_lm, dtype="float32"), features=None).fit(texts)
    model.save(tmp_path / "model")
    dtype = torch.get_default_dtype()
    expected = model.transform(texts)
    for fresh in (TopicModel.load(tmp_path / "model"), model):
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(fresh.transform, texts) for _ in range(4)]
            hits = [pool.submit(fresh.search, texts[3], 3) for _ in range(4)]
            for job in jobs:
                np.testing.assert_allclose(job.result(), expected, atol=1e-5)
            assert {tuple(job.result()["Document"]) for job in hits} == {tuple(hits[0].result()["Document"])}
    assert torch.get_default_dtype() == dtype


def _transform(model: TopicModel, texts: list[str]) -> np.ndarray:
    return model.transform(texts)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_fitted_model_works_in_other_processes(texts, method):
    model = TopicModel(3, recipe="prodlda", vocabulary=WORDS, features=None).fit(texts)
    model.transform(texts)
    with multiprocessing.get_context(method).Pool(2) as pool:
        for theta in pool.starmap(_transform, [(model, texts)] * 2):
            np.testing.assert_allclose(theta, model.probabilities_, atol=1e-5)
