"""Names of a fitted model and of lists of words: what is read, and that names are distinct."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.pipeline import naming
from softtopic.pipeline.naming import find_names, texts_of_lists, texts_of_topics, without_guided
from softtopic.teacher.config import NamingConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.naming import Phrase, naming_prompt
from softtopic.topics.edits import Renumber, apply
from softtopic.topics.naming import name_key, words_of

CONFIG = NamingConfig(phrase_tokens=2, beam_width=2, n_documents=3)


def encode(texts):
    """Counts of hashed words: a deterministic encoder."""
    rows = np.zeros((len(texts), 16), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in words_of(text):
            rows[row, sum(map(ord, word)) % 16] += 1
    return rows + 1e-3


@pytest.fixture(scope="module")
def teacher(tiny_lm):
    return Teacher(tiny_lm, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def model(texts):
    rng = np.random.default_rng(0)
    model = TopicModel(3, vocabulary=["sql", "space", "bread", "taxes", "lens"], features=None, embedder=encode)
    labels = np.log(rng.dirichlet(np.ones(5), len(texts))).astype(np.float32)
    return model.fit(texts, soft_labels=labels, hidden=encode(texts), embeddings=encode(texts))


def test_every_topic_has_a_name_in_words_of_its_documents(model, teacher, texts):
    names = model.name_topics(lm=teacher, config=CONFIG)
    assert sorted(names) == [0, 1, 2]
    assert len({name_key(name) for name in names.values()}) == 3
    known = {word for text in (*texts, *model.vocabulary_.words) for word in words_of(text)}
    assert all(set(words_of(name)) <= known for name in names.values())
    assert model.name_topics(lm=teacher, config=CONFIG) == names
    assert model.name_topics(texts, lm=teacher, config=CONFIG) == names


def test_a_model_without_texts_needs_them(model, teacher, texts, tmp_path):
    model.save(tmp_path / "m", excerpts=False)
    loaded = TopicModel.load(tmp_path / "m").set_params(embedder=encode)
    with pytest.raises(InputError, match="holds no text of its documents; give the training documents"):
        loaded.name_topics(lm=teacher)
    assert loaded.name_topics(texts, lm=teacher, config=CONFIG) == model.name_topics(lm=teacher, config=CONFIG)


def test_names_in_another_language_have_no_english_stop_words(model):
    english, french = (texts_of_topics(model.state_, None, language, CONFIG) for language in ("english", "french"))
    assert {"and", "the", "table"} <= set(english.known_words)
    assert "table" in french.known_words
    assert not {"and", "the"} & set(french.known_words)


def test_texts_are_those_of_the_fit(model, teacher, texts):
    with pytest.raises(InputError, match="3 texts for a model of 12 documents"):
        model.name_topics(texts[:3], lm=teacher)


def test_lists_of_words_need_no_documents(teacher):
    names = find_names(texts_of_lists([["orbit", "moon"], ["bread"], ["bread"]]), teacher, encode, CONFIG)
    assert len({name_key(name) for name in names}) == 3


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="list 1 is empty"):
        texts_of_lists([["orbit"], []])


GERMAN = [
    "Die Rakete erreichte die Umlaufbahn und setzte den Satelliten aus.",
    "Der Satellit in der Umlaufbahn fotografierte ferne Galaxien.",
    "Die Rakete startet morgen zum Mond, sagt die Raumfahrtbehörde.",
    "Mein Sauerteig riecht nach Aceton, das Brot wird zu sauer.",
    "Wie lange muss das Brot mit Sauerteig in den Ofen?",
    "Mehl, Wasser und Salz: mehr braucht ein Brot nicht.",
]


@pytest.fixture(scope="module")
def mixed(texts):
    """A model of twelve English documents and six German ones."""
    documents, words = [*texts, *GERMAN], ["sql", "space", "bread", "lens", "rakete", "brot", "umlaufbahn", "sauerteig"]
    model = TopicModel(2, vocabulary=words, language=["en", "de"], features=None, embedder=encode)
    labels = np.log(np.random.default_rng(0).dirichlet(np.ones(8), len(documents))).astype(np.float32)
    return model.fit(documents, soft_labels=labels, hidden=encode(documents), embeddings=encode(documents))


def named(model, teacher, caplog, language):
    """Names of the topics, which have none before, and the warnings."""
    caplog.clear()
    caplog.set_level(logging.WARNING, "softtopic")
    names = model.reset().name_topics(lm=teacher, language=language, config=CONFIG)
    return list(names.values()), [record.message for record in caplog.records]


def test_names_in_one_of_the_languages_of_the_documents(mixed, teacher, monkeypatch, caplog):
    monkeypatch.setattr(naming, "can_write", lambda teacher, language: language == "en")
    names, [line] = named(mixed, teacher, caplog, "German")
    assert "cannot write German: names are phrases of the documents; give a language model that can (--lm)" in line
    german = {word for text in GERMAN for word in words_of(text)}
    assert all(set(words_of(name)) <= german for name in names)
    names, lines = named(mixed, teacher, caplog, "en")
    assert lines == []
    assert not any(set(words_of(name)) & {"rakete", "brot", "umlaufbahn", "sauerteig"} for name in names)


def test_names_in_a_language_by_the_documents_of_a_model_without_texts(mixed, texts, teacher, monkeypatch, tmp_path):
    monkeypatch.setattr(naming, "can_write", lambda teacher, language: language == "en")
    names = mixed.reset().name_topics(lm=teacher, language="de", config=CONFIG)
    mixed.reset().save(tmp_path / "m", excerpts=False)
    loaded = TopicModel.load(tmp_path / "m").set_params(embedder=encode)
    assert loaded.name_topics([*texts, *GERMAN], lm=teacher, language="de", config=CONFIG) == names


def test_words_are_shown_where_the_language_of_choice_cannot_be_written(model, teacher, monkeypatch, caplog):
    monkeypatch.setattr(naming, "can_write", lambda teacher, language: False)
    names, [line] = named(model, teacher, caplog, "de")
    assert "cannot write German: names are the first words of each topic; give a language model that can" in line
    assert names == [" ".join(words[:3]) for words in model.topics.top_words(3)]
    monkeypatch.setattr(naming, "can_write", lambda teacher, language: True)
    names, [line] = named(model, teacher, caplog, "Polish")
    assert "there is no prompt for names in Polish: names are the first words of each topic; ask a server" in line
    assert names == [" ".join(words[:3]) for words in model.topics.top_words(3)]


def test_names_are_kept_where_the_language_of_choice_cannot_be_written(model, teacher, monkeypatch, caplog):
    monkeypatch.setattr(naming, "can_write", lambda teacher, language: False)
    caplog.set_level(logging.WARNING, "softtopic")
    _, second, _ = (" ".join(words[:3]) for words in model.topics.top_words(3))
    # The name that is kept is not given to another topic.
    model.reset().rename({0: second})
    named = model.name_topics(lm=teacher, language="de", config=CONFIG)
    assert "cannot write German: 1 of 3 topics keep their names, the others are named by their" in caplog.messages[-1]
    assert list(named) == [1, 2]
    assert model.topic_names_[0] == second
    names = model.topic_names_
    assert model.name_topics(lm=teacher, language="de", config=CONFIG) == {}
    assert "cannot write German: all topics keep their names; give a language model" in caplog.messages[-1]
    assert model.topic_names_ == names


def test_names_in_another_language_are_decoded_after_a_prompt_in_it(model, teacher, monkeypatch, caplog):
    prompts = []

    def decode(teacher, documents, config, prompt):
        prompts.append(prompt)
        return [[Phrase(f"{word} und", 0.0), Phrase(word, -1.0)] for word in ("Weltraum", "Brot", "Datenbanken")]

    monkeypatch.setattr(naming, "can_write", lambda teacher, language: True)
    monkeypatch.setattr(naming, "decode_phrases", decode)
    names, lines = named(model, teacher, caplog, "de")
    assert names == ["Weltraum", "Brot", "Datenbanken"]  # none ends with a stop word of German
    assert lines == []
    assert prompts == [naming_prompt("en", "de")]
    assert prompts[0].render("X").endswith("Thema: Passwörter in MySQL\n\nDokument: X\n\nThema:")


def test_names_are_in_one_known_language(model, teacher):
    with pytest.raises(InputError, match="names are in one language, and language is 'de,fr'"):
        model.name_topics(lm=teacher, language="de,fr")
    with pytest.raises(InputError, match="language 'germn' is not known; did you mean German"):
        model.name_topics(lm=teacher, language="germn")


def test_lists_of_words_in_another_language(teacher, monkeypatch, caplog):
    lists = [words_of(" ".join(GERMAN[:3])), words_of(" ".join(GERMAN[3:]))]
    own, other = texts_of_lists(lists, "de"), texts_of_lists(lists, "en")
    assert (own.languages, own.is_translated) == (("de",), False)
    assert (other.languages, other.is_translated) == (("de",), True)
    assert texts_of_lists(lists).languages == ("de",)
    # Too few words to tell: they are in the language that is given.
    assert texts_of_lists([["brot"]], "de").languages == ("de",)


def test_guided_topics_keep_the_names_of_their_guides(model):
    fitted = replace(model.state_, names=("baking", "", ""))
    view = apply(fitted, (Renumber(),)).state
    names = without_guided({0: "bread", 1: "space", 2: "baking"}, view, fitted)
    assert names == {1: "space"}
