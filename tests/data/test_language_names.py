from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softtopic.data import language_names
from softtopic.data.language_names import LANGUAGES, parse_language, parse_languages
from softtopic.errors import InputError


@given(code=st.sampled_from(sorted(LANGUAGES)), data=st.data())
def test_every_name_and_code_is_understood_in_any_spelling(code, data):
    name = data.draw(st.sampled_from((code, *LANGUAGES[code])))
    spelled = data.draw(st.sampled_from((str.upper, str.lower, str.title, " {} ".format)))(name)
    assert parse_language(spelled) == code
    if name.isascii() and " " not in name:
        assert parse_language(f"{name}-{data.draw(st.sampled_from(('AT', 'Latn', '419')))}") == code


@given(st.text())
def test_anything_else_is_an_input_error(name):
    with suppress(InputError):
        assert parse_language(name) in LANGUAGES


def test_no_spelling_is_of_two_languages():
    spellings = [(language_names._spelling(name), code) for code, names in LANGUAGES.items() for name in (code, *names)]
    assert len({name for name, _ in spellings}) == len(set(spellings))


def test_the_closest_language_is_named():
    with pytest.raises(InputError, match=r"'Deutch' is not known; did you mean German \(de\)\?"):
        parse_language("Deutch")
    with pytest.raises(InputError, match="'klingon' is not known; names and codes"):
        parse_language("klingon")


def test_several_languages():
    assert parse_languages("de, French,deutsch") == parse_languages(["German", "fr"]) == ("de", "fr")
    with pytest.raises(InputError, match="names no language"):
        parse_languages([])
    with pytest.raises(InputError, match="language 'auto' stands alone; leave out the others, or it"):
        parse_languages("auto,de")
