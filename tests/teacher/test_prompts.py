import json

import pytest

from softtopic.errors import InputError
from softtopic.persistence.values import from_plain
from softtopic.teacher.prompt_texts import PROMPT_LANGUAGES, TEXTS
from softtopic.teacher.prompts import PROMPTS, Prompt, get_prompt, in_language, predefined_prompts


def test_the_published_prompt_word_for_word():
    expected = "Generate a label that capture the overall theme of the document below.\n\nDocument: A text.\n\nTopic:"
    assert Prompt().render("A text.") == expected


def test_demonstrations_stand_between_instruction_and_document():
    prompt = Prompt("Name it.", [("A cat sat.", "animals"), ("Two and two.", "numbers")])
    assert prompt.render("X") == (
        "Name it.\n\nDocument: A cat sat.\n\nTopic: animals\n\nDocument: Two and two.\n\nTopic: numbers"
        "\n\nDocument: X\n\nTopic:"
    )
    assert prompt.render("X") == f"{prompt.prefix} X{prompt.suffix}"


def test_a_rationale_stands_between_document_and_topic():
    prompt = Prompt("Name it.", [("A cat sat.", "cat, sitting", "animals")], rationale="Keywords:")
    assert prompt.render("X", "a, b") == (
        "Name it.\n\nDocument: A cat sat.\n\nKeywords: cat, sitting\n\nTopic: animals"
        "\n\nDocument: X\n\nKeywords: a, b\n\nTopic:"
    )
    with pytest.raises(InputError, match="rationale"):
        Prompt("Name it.", [("A cat sat.", "animals")], rationale="Keywords:")
    with pytest.raises(InputError, match="rationale_tokens"):
        Prompt(rationale="Keywords:", rationale_tokens=0)


def test_the_document_first():
    prompt = Prompt("Name it.", [("A cat sat.", "animals")], document_first=True)
    assert (
        prompt.render("X") == "Document: A cat sat.\n\nName it.\n\nTopic: animals\n\nDocument: X\n\nName it.\n\nTopic:"
    )
    noted = Prompt("Name it.", document_first=True, rationale="Keywords:")
    assert noted.render("X", "a") == "Document: X\n\nName it.\n\nKeywords: a\n\nTopic:"
    assert noted.prefix == Prompt("Say it.", document_first=True).prefix


@pytest.mark.parametrize("prompt", [*PROMPTS.values(), Prompt("N", [("a", "b", "c")], "Why:", 3, document_first=True),
                                    Prompt("N", [("a", "b")], from_corpus=True)])  # fmt: skip
def test_a_prompt_is_its_description(prompt):
    again = Prompt.from_description(json.loads(json.dumps(prompt.description)))
    assert again == prompt
    assert again.from_corpus == prompt.from_corpus


def test_the_source_of_demonstrations_does_not_tell_prompts_apart():
    own, shown = Prompt("N", [("a", "b")]), Prompt("N", [("a", "b")], from_corpus=True)
    assert own == shown
    assert hash(own) == hash(shown)
    assert own.fingerprint == shown.fingerprint


@pytest.mark.parametrize(
    ("prompt", "from_corpus"),
    [(PROMPTS["four-shot"], False), (PROMPTS["tag"], False), (Prompt("N", [("a", "b")], document_first=True), True)],
)
def test_descriptions_of_earlier_versions(prompt, from_corpus):
    """They had other names for the rationale, and did not say where demonstrations come from."""
    earlier = prompt.description
    del earlier["from_corpus"]
    for name in ("rationale", "rationale_tokens"):
        earlier[name.replace("rationale", "reasoning")] = earlier.pop(name)
    found = Prompt.from_description(earlier)
    assert found == prompt
    assert found.from_corpus == from_corpus


def test_fingerprints_tell_prompts_apart():
    assert len({prompt.fingerprint for prompt in PROMPTS.values()}) == len(PROMPTS)
    assert Prompt().fingerprint == get_prompt("published").fingerprint


@pytest.mark.parametrize("pair", [("text", ""), ("", "word"), ("text", " ")])
def test_half_a_demonstration_is_refused(pair):
    with pytest.raises(InputError, match=r"is not .text, topic word"):
        Prompt("Name it.", [pair])


def test_unknown_prompt_lists_the_known():
    with pytest.raises(InputError, match="four-shot"):
        get_prompt("five-shot")


def test_a_prompt_from_a_file(tmp_path):
    path = tmp_path / "prompt.toml"
    path.write_text("""
instruction = "Name it."
[[demonstrations]]
text = "My sourdough starter smells of acetone."
topic = "baking"
""")
    assert get_prompt(str(path)) == Prompt("Name it.", [("My sourdough starter smells of acetone.", "baking")])
    path.write_text("""
instruction = "Name it."
rationale = "Keywords:"
rationale_tokens = 5
document_first = true
demonstrations = [{text = "a", rationale = "b", topic = "c"}]
""")
    assert get_prompt(str(path)) == Prompt("Name it.", [("a", "b", "c")], "Keywords:", 5, document_first=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("instruction = ", "is not TOML"), ("", "holds nothing"), ("instruction = 3", "holds instruction"),
        ('instruction = "a"\nshots = 1', "shots"),
        ('instruction = "a"\ndemonstrations = [{text = "a"}]', "without text"),
        ('instruction = "a"\ndemonstrations = [{text = "a", topic = 3}]', "without text"),
        ('instruction = "a"\ndemonstrations = [{text = "a", topic = ""}]', "is not .text"),
        ('instruction = "a"\ndemonstrations = "b"', "holds demonstrations"), (None, "cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_prompt_file_is_one_line(tmp_path, content, said):
    path = tmp_path / "prompt.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        get_prompt(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("language", PROMPT_LANGUAGES)
def test_predefined_prompts_in_every_language(language):
    prompts = predefined_prompts(language)
    assert list(prompts) == list(PROMPTS)
    assert len({prompt.fingerprint for prompt in prompts.values()}) == len(PROMPTS)
    texts = TEXTS[language]
    assert len(texts.texts) == len(texts.words) == len(texts.names) == 4
    for name, prompt in prompts.items():
        assert prompt.language == language == Prompt.from_description(prompt.description).language
        assert in_language(PROMPTS[name], language) == prompt
        assert in_language(prompt, "en") == PROMPTS[name]
        shown = prompt.render("X").splitlines()
        assert shown[-3:] == [f"{texts.document} X", "", texts.topic]
        assert all(label.endswith(":") for label in (texts.document, texts.topic))


def test_a_prompt_of_the_callers_own_keeps_its_language():
    own = Prompt("Name it.", [("A cat sat.", "animals")])
    assert in_language(own, "de") is own
    assert Prompt("Nenne es.", language="de").render("X").endswith("Dokument: X\n\nThema:")
    with pytest.raises(InputError, match="there are no prompts in 'xx'; choose one of en, ar, de"):
        Prompt("Name it.", language="xx")


def test_the_language_of_a_file(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('instruction = "Nenne es."\nlanguage = "de"\n')
    assert get_prompt(str(path)) == Prompt("Nenne es.", language="de")


def test_a_prompt_saved_before_it_had_a_language_is_english():
    own = Prompt("Name it.", [("A cat sat.", "animals")])
    plain = {name: value for name, value in own.description.items() if name != "language"}
    assert Prompt.from_description(plain) == from_plain(Prompt, plain, "prompt") == own
