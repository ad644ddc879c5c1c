"""With excerpts=False no text of a document is in a model folder; otherwise at most 300 characters of each."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file
from states import PARAMETERS, TEACHER, default_state

from softtopic import persistence
from softtopic.persistence.privacy import withhold_demonstrations
from softtopic.recipes import ReadConfig
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import Prompt

LENGTH = 20

# Longer than an excerpt, no 20 characters of one in another or twice.
LONG = [
    " ".join(f"{word}{number}{place}" for number in range(60)) for place, word in enumerate(["alpha", "bravo", "carol"])
]


def content(folder: Path) -> str:
    """Everything in a folder, compressed or not, as text."""
    parts = [path.read_bytes().decode("latin-1") for path in folder.iterdir()]
    parts += [path.read_bytes().decode("utf-8", errors="replace") for path in folder.iterdir()]
    parts += [str(json.loads((folder / name).read_text())) for name in ("config.json", "topics.json")]
    parts += [value for column in pq.read_table(folder / "documents.parquet").to_pydict().values() for value in column]
    parts += [array.tobytes().decode("latin-1") for array in load_file(folder / "model.safetensors").values()]
    return "\n".join(parts)


def pieces(text: str) -> list[str]:
    return [text[start : start + LENGTH] for start in range(max(1, len(text) - LENGTH + 1))]


def prompt_of(texts: list[str], words: int = 30) -> Prompt:
    shown = [(" ".join(text.split()[:words]), "word") for text in texts[:2]]
    return Prompt("Name it.", shown, from_corpus=True)


@pytest.fixture(params=[True, False])
def corpus(request, texts) -> list[str]:
    return [*texts, *LONG] if request.param else texts


def saved(corpus: list[str], folder: Path, *, excerpts: bool, prompt: Prompt) -> Path:
    """A model whose teacher, recipe and parameters hold a prompt with documents."""
    state = default_state(corpus)
    recipe = replace(state.recipe, read=replace(state.recipe.read, prompts=("published", prompt)))
    teacher = TEACHER | {"prompts": [*TEACHER["prompts"], prompt.description]}
    lm = Teacher("tiny-lm", prompt=[prompt], dtype="float32")
    parameters = PARAMETERS | {"lm": lm, "recipe": recipe}
    persistence.save(replace(state, recipe=recipe, teacher=teacher), parameters, folder, excerpts=excerpts)
    return folder


def test_without_excerpts_no_text_is_in_any_file(corpus, tmp_path):
    whole = content(saved(corpus, tmp_path / "model", excerpts=False, prompt=prompt_of(corpus)))
    assert [piece for text in corpus for piece in pieces(text) if piece in whole] == []
    assert "My bread does not rise." in whole  # a demonstration that is nobody's document


def test_with_excerpts_nothing_beyond_them_is_in_any_file(corpus, tmp_path):
    shown = prompt_of(corpus[::-1])  # the long documents, where there are some
    whole = content(saved(corpus, tmp_path / "model", excerpts=True, prompt=shown))
    for text in corpus:
        assert text[:299] in whole
        assert [piece for piece in pieces(text[299:]) if len(piece) == LENGTH and piece in whole] == []


def test_demonstrations_longer_than_an_excerpt_are_not_stored(texts, tmp_path):
    whole = content(saved([*texts, *LONG], tmp_path / "model", excerpts=True, prompt=prompt_of(LONG, words=60)))
    assert [piece for text in LONG for piece in pieces(text[299:]) if piece in whole] == []


def test_short_demonstrations_are_stored_with_excerpts(texts, tmp_path):
    prompt = prompt_of(texts)
    saved_model = persistence.load(saved(texts, tmp_path / "model", excerpts=True, prompt=prompt))
    state, parameters = saved_model.state, saved_model.parameters
    assert parameters["lm"].prompts == (prompt,)
    assert parameters["lm"].prompts[0].from_corpus
    assert Prompt.from_description(state.teacher["prompts"][1]) == prompt
    assert state.recipe.read.prompts == ("published", prompt)


def test_prompts_without_their_demonstrations_are_marked(texts, tmp_path):
    saved_model = persistence.load(saved(texts, tmp_path / "model", excerpts=False, prompt=prompt_of(texts)))
    state, parameters = saved_model.state, saved_model.parameters
    for prompt in (parameters["lm"].prompts[0], state.recipe.read.prompts[1], parameters["recipe"].read.prompts[1]):
        assert (prompt.demonstrations, prompt.from_corpus) == ((), True)


def test_other_values_are_left_as_they_are():
    plain = {"a": [1, None, {"demonstrations": [["x", "y"]], "from_corpus": False}], "b": "from_corpus"}
    assert withhold_demonstrations(plain, excerpts=False) == plain
    assert ReadConfig(prompts=prompt_of(["a b"])).prompts[0].from_corpus
