import logging

import pytest

from softtopic.data import languages
from softtopic.data.corpus import Corpus
from softtopic.data.language_names import LANGUAGES
from softtopic.data.languages import CorpusLanguage, detect_language, resolve_language
from softtopic.errors import InputError

GERMAN = [
    "Der Bundestag hat nach langer Debatte über den Haushalt und die neuen Steuern abgestimmt.",
    "Die Rakete erreichte nach neun Minuten die Umlaufbahn und setzte den Satelliten aus.",
    "Mein Sauerteig riecht nach Aceton, soll ich ihn mit mehr Mehl füttern?",
    "Welches Objektiv macht bei wenig Licht scharfe Bilder von Vögeln im Garten?",
    "Die Regierung verspricht den Wählern niedrigere Steuern und bessere Schulen für alle Kinder.",
]
JAPANESE = ["ロケットは九分後に軌道に乗った。", "政府は増税を約束した。"]


def test_every_language_the_detector_knows_has_a_name():
    labels = set(languages._identifier().labels) - {languages._NOT_A_LANGUAGE}
    assert labels <= set(LANGUAGES) | set(languages._VARIETIES)
    assert set(languages._VARIETIES.values()) <= set(LANGUAGES)


def test_a_corpus_in_one_language(texts):
    german = detect_language(GERMAN)
    assert (german.codes, german.declared, german.n_documents) == (("de",), False, 5)
    assert str(german) == "German (100 % of 5 documents)"
    assert not german.is_english
    assert not german.warning
    assert detect_language(texts).is_english
    assert detect_language(JAPANESE).codes == ("ja",)


def test_neither_order_nor_repetition_matters(texts):
    mixed = [*GERMAN, *texts]
    assert detect_language(mixed) == detect_language([*reversed(mixed), mixed[0], ""])
    assert detect_language(mixed) == detect_language(Corpus.from_texts(mixed))


def test_a_mixed_corpus_has_all_its_languages(texts):
    found = detect_language([*GERMAN, *texts])
    assert found.codes == ("en", "de")
    assert found.is_mixed
    assert sum(found.shares) == pytest.approx(1, abs=0.02)
    assert str(found) == "English (71 %), German (29 %) of 17 documents"
    assert "in several languages: English (71 %), German (29 %)" in found.warning


def test_a_few_foreign_documents_are_beside_the_language(texts):
    sprinkled = detect_language([*(f"{text} {number}" for text in texts for number in range(5)), *GERMAN[:2]])
    assert sprinkled.is_english
    assert str(sprinkled) == "English (97 %) of 62 documents".replace(") of 62", " of 62") + "), beside German (3 %)"
    assert not sprinkled.warning


@pytest.mark.parametrize("texts", [[], [""], ["2024 12 :-)"], ["foo bar baz"] * 3, ["apple pear", "pear fig"]])
def test_too_little_text_is_taken_to_be_english(texts):
    found = detect_language(texts)
    assert found.is_english
    assert not found.is_sure
    assert str(found) == "English, assumed: there is too little text to tell"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("ᎠᎴ ᏂᎦᏓ ᎠᏂᏴᏫ ᎤᎾᏕᏅ ᎤᎾᏓᏤᎵᏓ", "Cherokee"),
        ("އެންމެހައި އިންސާނުންވެސް އުފަންވަނީ މިނިވަންކަމުގައެވެ", "Thaana"),
        ("ⵉⵎⴷⴰⵏⴻⵏ ⴰⴽⴽⴻⵏ ⵎⴰ ⵍⵍⴰⵏ", "Tifinagh"),
        ("ᱡᱚᱛᱚ ᱦᱚᱲ ᱜᱮ ᱯᱷᱩᱨᱜᱟᱹᱞ", "Ol Chiki"),
    ],
)
def test_a_script_of_no_language_of_the_detector(text, script):
    found = detect_language([text, f"{text} {text}"])
    assert (found.codes, found.is_sure, found.script) == (("und",), True, script)
    assert str(found) == f"unknown, in {script} letters (100 % of 2 documents)"
    assert f"is not known: 100 % of 2 are in {script} letters; give its name" in found.warning
    assert resolve_language("de", [text]).names == ("German",)
    # A few of them leave the language of the others as it is.
    mixed = detect_language([text, *GERMAN])
    assert mixed.codes == ("de",)
    assert str(mixed) == "German (83 % of 6 documents), beside unknown language (17 %)"


def test_a_declared_language_is_kept_and_doubted(texts):
    found = resolve_language("english", GERMAN)
    assert (found.codes, found.declared) == (("en",), True)
    assert found.warning == (
        "language is English, but 100 % of 5 documents are in German; give language='auto' or 'de' (--language de)"
    )
    assert resolve_language("fr", [*GERMAN, *texts]).warning == (
        "language is French, but the 17 documents are in several languages: English (71 %), German (29 %); "
        "give language='auto' or 'en,de' (--language en,de)"
    )
    assert not resolve_language(["de", "en"], GERMAN).warning
    assert not resolve_language("german", GERMAN).warning
    assert resolve_language("none", GERMAN) == resolve_language("auto", GERMAN) == detect_language(GERMAN)


def test_a_declared_language_is_not_doubted_where_there_is_too_little_text():
    found = resolve_language("fr", ["foo bar"])
    assert (str(found), found.warning) == ("French", "")


def test_a_detector_that_cannot_be_read_is_a_warning(monkeypatch, caplog):
    def broken():
        raise OSError("no space left on device")

    monkeypatch.setattr(languages, "_identifier", broken)
    caplog.set_level(logging.WARNING, "softtopic")
    assert detect_language(GERMAN) == CorpusLanguage(("en",), (0.0,), declared=False, n_documents=5, is_sure=False)
    assert "the language could not be detected (no space left on device); give language=" in caplog.text


@pytest.mark.parametrize("language", [None, 5, float("nan"), b"de", [None], [5]])
def test_a_language_is_a_string_or_several(language):
    with pytest.raises(InputError, match="give a name or code, several of them"):
        resolve_language(language, ["text"])


def test_auto_is_understood_in_any_spelling():
    assert not resolve_language(" AUTO", ["text"]).declared
