import logging

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.persistence.state import files_of

GERMAN = [
    "Der Bundestag hat nach langer Debatte über den Haushalt und die neuen Steuern abgestimmt.",
    "Die Rakete erreichte nach neun Minuten die Umlaufbahn und setzte den Satelliten aus.",
    "Mein Sauerteig riecht nach Aceton, soll ich ihn mit mehr Mehl füttern?",
    "Welches Objektiv macht bei wenig Licht scharfe Bilder von Vögeln im Garten?",
    "Die Regierung verspricht den Wählern niedrigere Steuern und bessere Schulen für alle Kinder.",
    "Das Teleskop in der Umlaufbahn fotografierte eine ferne Galaxie und zwei Monde.",
]


def model(**options):
    return TopicModel(2, **{"recipe": "prodlda", "features": None} | options)


def test_an_english_corpus_gives_what_it_gave_when_english_was_declared(texts):
    """Also with a foreign document among many."""
    corpus = [*(f"{text} {number}" for text in texts for number in range(4)), GERMAN[0]]
    detected, declared = model().fit(corpus), model(language="english").fit(corpus)
    assert detected.plan_.language.is_english
    assert np.array_equal(detected.state_.theta, declared.state_.theta)
    assert np.array_equal(detected.state_.topic_word, declared.state_.topic_word)
    assert detected.vocabulary_ == declared.vocabulary_
    parts = [files_of(one.state_, one.get_params(deep=False), (), excerpts=True) for one in (detected, declared)]
    assert parts[0].topics == parts[1].topics
    for name, tensor in parts[0].tensors.items():
        assert np.array_equal(tensor, parts[1].tensors[name])


def test_the_language_is_known_to_the_saved_model(tmp_path):
    fitted = model(language="auto").fit(GERMAN)
    assert fitted.state_.languages == ("de",)
    assert not {"der", "die", "und"} & set(fitted.vocabulary_.words)
    assert fitted.plan_.lines()[0].startswith("language: German (100 % of 6 documents); stop words: ")
    fitted.save(tmp_path / "m")
    loaded = TopicModel.load(tmp_path / "m")
    assert loaded.state_.languages == ("de",)
    assert np.array_equal(loaded.transform(GERMAN), fitted.transform(GERMAN))
    # New words are chosen as those of the fit were.
    loaded.update_topics(GERMAN, 20)
    assert not {"der", "die", "und"} & {word for words in loaded.topics.top_words(10) for word in words}


def test_several_languages_are_declared_and_saved(tmp_path):
    fitted = model(language=["de", "fr"]).fit(GERMAN)
    assert fitted.state_.languages == ("de", "fr")
    fitted.save(tmp_path / "m")
    assert TopicModel.load(tmp_path / "m").language == ["de", "fr"]


@pytest.mark.parametrize(
    ("language", "message"),
    [("english", "language is English, but 100 % of 6 documents are in German"), ("auto", ""), ("de", "")],
)
def test_a_language_that_contradicts_the_documents_is_a_warning(language, message, caplog):
    caplog.set_level(logging.WARNING, "softtopic.pipeline.plan")
    model(language=language).plan(GERMAN)
    assert message in caplog.text
    assert bool(message) == ("language" in caplog.text)


def test_a_mixed_corpus_is_a_warning_and_leaves_out_stop_words_of_all(texts, caplog):
    caplog.set_level(logging.WARNING, "softtopic")
    plan = model().plan([*texts, *GERMAN])
    assert plan.language.codes == plan.words.stop_words == ("en", "de")
    assert "the documents are in several languages: English (67 %), German (33 %)" in caplog.text
    assert not {"the", "and", "und", "der"} & set(plan.vocabulary.words)


def test_no_stop_words_are_left_out_for_none_and_of_words_of_the_callers():
    kept = model(language="none").plan(GERMAN)
    assert kept.language.codes == ("de",)
    assert kept.words.stop_words == ()
    assert "und" in kept.vocabulary.words
    assert model(vocabulary=["rakete", "steuern"]).plan(GERMAN).lines()[0] == "language: German (100 % of 6 documents)"


def test_documents_without_texts_have_no_language(texts):
    words = ["rocket", "orbit", "flour"]
    plan = TopicModel(2, vocabulary=words, features=None).plan(
        soft_labels=np.log(np.full((6, 3), 1 / 3)), hidden=np.eye(6, 4, dtype=np.float32)
    )
    assert plan.language.is_english
    assert not plan.lines()[0].startswith("language:")
