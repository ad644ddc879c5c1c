"""What follows from the languages of the documents: encoder, teacher, and vectors without language."""

import logging

import numpy as np
import pytest

from softtopic import EncoderTeacher, ServerTeacher, Teacher, TopicModel
from softtopic.data.languages import document_languages
from softtopic.errors import InputError
from softtopic.lm.config import MULTILINGUAL_ENCODER, SENTENCE_ENCODER
from softtopic.pipeline import multilingual
from softtopic.recipes import RECIPES
from softtopic.teacher.prompts import PROMPTS, Prompt, predefined_prompts

GERMAN = [
    "Der Bundestag hat nach langer Debatte über den Haushalt und die neuen Steuern abgestimmt.",
    "Die Rakete erreichte nach neun Minuten die Umlaufbahn und setzte den Satelliten aus.",
    "Mein Sauerteig riecht nach Aceton, soll ich ihn mit mehr Mehl füttern?",
    "Welches Objektiv macht bei wenig Licht scharfe Bilder von Vögeln im Garten?",
    "Die Regierung verspricht den Wählern niedrigere Steuern und bessere Schulen für alle Kinder.",
    "Das Teleskop in der Umlaufbahn fotografierte eine ferne Galaxie und zwei Monde.",
]


@pytest.fixture
def fetched(monkeypatch):
    monkeypatch.setattr(multilingual, "has_asset", lambda name: True)


@pytest.fixture
def absent(monkeypatch):
    monkeypatch.setattr(multilingual, "has_asset", lambda name: False)


def test_english_keeps_its_encoder_and_its_language_model(texts, fetched):
    plan = TopicModel(2).plan(texts)
    assert plan.recipe.encoder.name == plan.embedder.name == SENTENCE_ENCODER
    assert isinstance(plan.teacher, Teacher)
    assert any(line == f"sentence encoder: {SENTENCE_ENCODER}, {len(texts)} documents" for line in plan.lines())


def test_other_languages_get_the_multilingual_encoder(fetched):
    plan = TopicModel(2).plan(GERMAN)
    assert plan.recipe.encoder.name == plan.embedder.name == MULTILINGUAL_ENCODER
    assert f"sentence encoder: {MULTILINGUAL_ENCODER} for German, 6 documents" in plan.lines()
    mixed = TopicModel(2, language=["de", "fr"]).plan(GERMAN)
    assert f"sentence encoder: {MULTILINGUAL_ENCODER} for 2 languages, 6 documents" in mixed.lines()


def test_an_encoder_teaches_languages_that_the_language_model_does_not(fetched, monkeypatch):
    plan = TopicModel(2).plan(GERMAN)
    assert plan.teacher == EncoderTeacher(MULTILINGUAL_ENCODER)
    assert (plan.n_read, plan.reads_all) == (6, True)
    monkeypatch.setattr(multilingual, "LM_LANGUAGES", ("en", "de"))
    assert isinstance(TopicModel(2).plan(GERMAN).teacher, Teacher)


def test_what_is_asked_for_by_name_is_used(texts, fetched):
    assert isinstance(TopicModel(2, lm="smollm2-135m").plan(GERMAN).teacher, Teacher)
    assert TopicModel(2, lm="encoder").plan(texts).teacher == EncoderTeacher(SENTENCE_ENCODER)
    assert TopicModel(2, embedder="multilingual").plan(texts).embedder.name == MULTILINGUAL_ENCODER
    assert isinstance(TopicModel(2, recipe="light").plan(GERMAN).teacher, Teacher)  # it reads hidden states


def test_without_the_multilingual_encoder_one_line_says_how_to_fetch_it(absent, caplog):
    caplog.set_level(logging.WARNING, "softtopic")
    plan = TopicModel(2).plan(GERMAN)
    assert plan.embedder.name == SENTENCE_ENCODER
    assert isinstance(plan.teacher, Teacher)
    [line] = [record.message for record in caplog.records if "multilingual" in record.message]
    assert "the documents are in German" in line
    assert "run `softtopic fetch multilingual` (72 MB)" in line
    assert "\n" not in line
    caplog.clear()
    TopicModel(2, recipe="prodlda").plan(GERMAN)  # no sentence vectors
    TopicModel(2, embedder=lambda texts: np.ones((len(texts), 3))).plan(GERMAN)
    assert "multilingual" not in caplog.text


def test_each_document_has_a_language(texts):
    found = document_languages([*GERMAN, *texts], ["en", "de"])
    assert found == ["de"] * len(GERMAN) + ["en"] * len(texts)
    assert document_languages(GERMAN, ["zz"]) == ["zz"] * 6


def offset_vectors(texts):
    """Two kinds of content, and an offset for German that is far larger."""
    space = np.array([any(word in text for word in ("orbit", "Umlaufbahn")) for text in texts], dtype=float)
    german = np.array([any(word in text.split() for word in ("Der", "Die", "Das")) for text in texts], dtype=float)
    rng = np.random.default_rng(len(texts))
    return np.stack([10 * german, space, 1 - space, *rng.normal(size=(3, len(texts))) / 20], axis=1)


@pytest.fixture(scope="module")
def mixed():
    """A model of 48 German and 48 English documents on two subjects, in the same order, and their texts."""
    german = [f"Der Bundestag beschließt die neuen Steuern im Haushalt {n}" for n in range(24)]
    german += [f"Die Rakete erreichte nach neun Minuten die Umlaufbahn {n}" for n in range(24)]
    english = [f"The parliament votes on the new taxes of the budget {n}" for n in range(24)]
    english += [f"The rocket reached its orbit after nine minutes {n}" for n in range(24)]
    texts = german + english
    options = {"inputs": "embedding", "target": "bow", "features": None}
    return TopicModel(2, language=["de", "en"], embedder=offset_vectors, **options).fit(texts), texts


def test_documents_of_several_languages_share_topics_and_so_do_new_ones(mixed, tmp_path):
    model, texts = mixed
    topics = model.topics_
    assert model.state_.language_axes.shape == (1, 6)
    assert (topics[:48] == topics[48:]).mean() > 0.9
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.state_.language_axes, model.state_.language_axes)
    vectors = offset_vectors(texts).astype(np.float32)
    np.testing.assert_allclose(loaded.transform(embeddings=vectors), model.probabilities_, atol=1e-3)


def test_a_topic_has_words_in_each_language(mixed):
    model, texts = mixed
    space = int(model.topics_[texts.index("The rocket reached its orbit after nine minutes 0")])
    german, english = ([word for word, _ in model.get_topic(space, 4, language=code)] for code in ("German", "en"))
    assert {"rakete", "umlaufbahn"} <= set(german)
    assert {"rocket", "orbit"} <= set(english)
    assert not set(german) & set(english)
    assert [word for word, _ in model.get_topics(4, language="de")[space]] == german
    with pytest.raises(InputError, match=r"no document is in French \(fr\); choose from German \(de\), English \(en\)"):
        model.get_topic(space, language="fr")


def test_languages_are_classes(mixed):
    model, texts = mixed
    frame = model.topics_per_class("language")
    assert sorted(set(frame["Class"])) == ["de", "en"]
    np.testing.assert_allclose(frame["Share"], 0.5, atol=0.1)
    # Words are those of the topic in the language.
    for row in frame.itertuples():
        assert row.Words == [word for word, _ in model.get_topic(row.Topic, 5, language=row.Class)]
    blank = [*texts[:-1], " "]
    with pytest.warns(UserWarning, match="1 of 96 documents have no class"):
        assert model.topics_per_class("language", docs=blank, theta=model.probabilities_)["Count"].sum() == 95
    theta = model.transform(embeddings=offset_vectors(texts[:48]).astype(np.float32))
    for docs, said in ((texts[:48], r"in German \(de\)"), ([" "] * 48, "blank")):
        with pytest.raises(InputError, match=f"the documents are all {said}; give the classes to compare"):
            model.topics_per_class("language", docs=docs, theta=theta)
    with pytest.raises(InputError, match="give docs= with theta="):
        model.topics_per_class("language", theta=theta)


CHINESE = ["火箭进入轨道，卫星开始工作。", "研究机器学习的人越来越多，大学也开课。", "议会就新的税收和预算进行表决。"]


def test_documents_in_other_languages_than_those_of_the_model_are_reported(mixed):
    model, texts = mixed
    docs = [*texts[:44], *CHINESE, *texts[-49:]]
    with pytest.warns(
        UserWarning, match=r"about 3 of 96 documents are in languages that the model does not have: "
    ) as w:
        model.topics_per_class("language", docs=docs, theta=model.probabilities_)
    assert len(w) == 1
    assert "Chinese (3 %); its languages are German (de), English (en); each is counted" in str(w[0].message)
    with pytest.raises(InputError, match=r"about 48 of 48 .*Chinese \(100 %\).*give the classes to compare"):
        model.topics_per_class("language", docs=CHINESE * 16, theta=model.probabilities_[:48])


def test_representative_documents_are_in_the_language_of_the_words(mixed):
    model, texts = mixed
    english = model.get_representative_docs(language="en")
    assert set(english) == set(model.get_representative_docs())
    assert all(len(own) == 3 and set(own) <= set(texts[48:]) for own in english.values())
    space = int(model.topics_[texts.index("The rocket reached its orbit after nine minutes 0")])
    german = model.get_representative_docs(space, language="de")
    assert all("Rakete" in text for text in german)
    both = [word for word, _ in model.get_topic(space, 8, language="de,en")]
    assert {"rakete", "rocket"} <= set(both)
    assert model.get_topic(space, 8, language=["German", "English"]) == model.get_topic(space, 8, language="de,en")


def test_words_of_a_language_need_the_texts_of_the_model(mixed, tmp_path):
    model, texts = mixed
    model.save(tmp_path / "model", excerpts=False)
    loaded = TopicModel.load(tmp_path / "model")
    for call in (
        lambda: loaded.get_topics(language="de"),
        lambda: loaded.get_representative_docs(language="de"),
        lambda: loaded.topics_per_class("language", docs=texts, theta=loaded.probabilities_),
    ):
        with pytest.raises(InputError, match=r"saved without texts.*fit without --no-excerpts \(excerpts=True\)"):
            call()


def test_another_language_model_is_asked_in_the_language_of_the_documents(texts, tiny_lm, fetched):
    plan = TopicModel(2, lm=tiny_lm).plan(GERMAN)
    assert [prompt.language for prompt in plan.teacher.prompts] == ["de", "de"]
    assert "2 prompts in German" in plan.reading
    english = TopicModel(2, lm=tiny_lm).plan(texts)
    assert plan.teacher.fingerprint != english.teacher.fingerprint
    assert "2 prompts," in english.reading
    assert english.teacher.prompts == tuple(PROMPTS[name] for name in ("published", "four-shot"))
    # Of several languages, and by the embedded language model, English is asked.
    assert TopicModel(2, lm=tiny_lm, language=["de", "fr"]).plan(GERMAN).teacher.prompts == english.teacher.prompts
    assert TopicModel(2, lm="smollm2-135m").plan(GERMAN).teacher.prompts == english.teacher.prompts


def test_the_language_of_prompts_may_be_chosen(tiny_lm, fetched):
    recipe = RECIPES["default"].with_options(read__prompt_language="English")
    assert TopicModel(2, lm=tiny_lm, recipe=recipe).plan(GERMAN).teacher.prompts[0] == PROMPTS["published"]
    with pytest.raises(InputError, match="there are no prompts in 'pl'"):
        RECIPES["default"].with_options(read__prompt_language="pl")
    own = Teacher(tiny_lm, prompt=Prompt("Was ist das Thema?"))
    assert TopicModel(2, lm=own).plan(GERMAN).teacher is own


def test_a_server_is_asked_in_the_language_of_the_documents(fetched):
    server = ServerTeacher("http://localhost:1/v1")
    plan = TopicModel(2, lm=server).plan(GERMAN)
    assert plan.teacher.prompt == predefined_prompts("de")["published"]
    assert plan.teacher != server
    assert server.prompt == Prompt()
    assert "1 prompt in German" in plan.reading


def test_a_saved_model_knows_the_language_of_its_prompts(tiny_lm, fetched, tmp_path):
    teacher = Teacher(tiny_lm, dtype="float32", device="cpu", max_tokens=8)
    model = TopicModel(2, lm=teacher, features=None, embedder=lambda texts: np.eye(6, dtype=np.float32)[: len(texts)])
    model.fit(GERMAN).save(tmp_path / "m")
    loaded = TopicModel.load(tmp_path / "m")
    assert [prompt["language"] for prompt in loaded.state_.teacher["prompts"]] == ["de"]
