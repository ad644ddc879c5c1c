"""Fitted states without a fit: random weights of small backbones, and everything that belongs to them."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import normalize
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from softtopic import persistence
from softtopic.backbones.registry import build_backbone
from softtopic.backbones.settings import BackboneSettings, ETMSettings, PLSASettings, ProdLDASettings, Sizes
from softtopic.data.vocabulary import Vocabulary
from softtopic.inputs.lsa import LSA
from softtopic.inputs.registry import Inputs
from softtopic.lm.static_encoder import StaticEncoder
from softtopic.persistence import SavedModel
from softtopic.pipeline.predict import infer
from softtopic.recipes import RECIPES, Recipe
from softtopic.state import DocumentVectors, FittedState
from softtopic.topics import edits
from softtopic.topics.documents import excerpt, representative_rows
from softtopic.topics.edits import Edit, apply

WORDS = ("sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light")

TEACHER: dict[str, Any] = {
    "lm": "tiny-lm",
    "prompts": [
        {
            "instruction": "Name the topic.",
            "demonstrations": [["My bread does not rise.", "bread"]],
            "rationale": "",
            "rationale_tokens": 12,
            "document_first": False,
            "from_corpus": False,
        }
    ],
    "max_tokens": 160,
    "truncation": "head",
    "max_windows": 8,
    "beam_width": 4,
    "content_free": ["N/A"],
    "dtype": "float32",
}

PARAMETERS: dict[str, Any] = {
    "n_topics": 3,
    "recipe": "default",
    "backbone": None,
    "inputs": None,
    "target": None,
    "embedder": None,
    "word_vectors": None,
    "lm": "tiny-lm",
    "sample": None,
    "demonstrations": None,
    "guides": None,
    "vocabulary": list(WORDS),
    "language": "english",
    "features": None,
    "random_state": 5,
    "progress": False,
}


def _state(recipe: Recipe, widths: dict[str, int], texts: list[str], **changes: Any) -> FittedState:
    rng = np.random.default_rng(0)
    word_width = changes.get("word_width")
    sizes = Sizes(n_inputs=sum(widths.values()), n_topics=3, n_words=len(WORDS), word_width=word_width)
    settings: BackboneSettings = recipe.backbone.resolved(recipe.training.temperature)
    backbone = build_backbone(settings, sizes, torch.Generator().manual_seed(0)).eval()
    inputs = Inputs({"hidden": rng.normal(size=(len(texts), sizes.n_inputs)).astype(np.float32)})
    theta = infer(backbone.weights(), settings, inputs)
    with torch.inference_mode():
        topic_word = backbone.topic_word().numpy()
    return replace(
        FittedState(
            recipe=recipe,
            seed=5,
            vocabulary=Vocabulary(WORDS),
            widths=widths,
            encoder=None,
            teacher=None,
            weights=backbone.weights(),
            word_width=None,
            static=None,
            lsa=None,
            prior=None,
            topic_word=topic_word,
            relevance=None,
            theta=theta,
            mean_theta=theta.mean(axis=0),
            ids=tuple(f"document {row}" for row in range(len(texts))),
            excerpts=tuple(map(excerpt, texts)),
            representatives=tuple(representative_rows(theta, texts)),
            plan=("language model: none is needed",),
        ),
        **changes,
    )


def default_state(texts: list[str]) -> FittedState:
    """All inputs that a language model does not make, all optional arrays, an encoder and a teacher."""
    rng = np.random.default_rng(1)
    recipe = replace(RECIPES["default"], backbone=PLSASettings(n_hidden=4))
    return _state(
        recipe,
        {"embedding": 3, "words": 2, "tf-idf": len(WORDS)},
        texts,
        encoder="all-minilm-l6-v2",
        teacher=TEACHER,
        lsa=LSA(
            idf=rng.random(len(WORDS)).astype(np.float32) + 1,
            components=rng.normal(size=(2, len(WORDS))).astype(np.float32),
        ),
        prior=rng.normal(size=len(WORDS)).astype(np.float32),
        relevance=rng.random((3, len(WORDS))).astype(np.float32),
        vectors=DocumentVectors(
            components=rng.normal(size=(4, 5)).astype(np.float32),
            documents=normalize(rng.normal(size=(len(texts), 4))).astype(np.float16),
            words=rng.normal(size=(len(WORDS), 4)).astype(np.float32),
            norms=rng.random(len(texts)).astype(np.float16),
        ),
        times=tuple(f"2020-01-{day + 1:02d}" for day in range(len(texts))),
    )


def bow_state(texts: list[str]) -> FittedState:
    """No language model, no optional array."""
    return _state(replace(RECIPES["prodlda"], backbone=ProdLDASettings(n_hidden=4)), {"bow": len(WORDS)}, texts)


def etm_state(texts: list[str]) -> FittedState:
    """Word embeddings of a width that is not in the recipe."""
    recipe = replace(RECIPES["etm"], backbone=ETMSettings(n_hidden=4))
    return _state(recipe, {"normalised-bow": len(WORDS)}, texts, word_width=6)


def fast_state(texts: list[str]) -> FittedState:
    """A static encoder with its tokenizer."""
    rng = np.random.default_rng(2)
    state = default_state(texts)
    tokenizer = Tokenizer(WordLevel(dict(zip(("[UNK]", *WORDS), range(12), strict=True)), unk_token="[UNK]"))
    static = StaticEncoder(
        tokenizer=tokenizer.to_str(),
        tokens=np.array([1, 2, 4, 7], dtype=np.int32),
        vectors=rng.normal(size=(4, 3)).astype(np.float16),
    )
    recipe = replace(RECIPES["fast"], backbone=state.recipe.backbone)
    parts = {"teacher": state.teacher, "lsa": state.lsa, "prior": state.prior, "relevance": state.relevance}
    return _state(recipe, {"static": 3, "words": 2, "tf-idf": len(WORDS)}, texts, static=static, **parts)


# Of every kind of model one.
STATES: dict[str, Callable[[list[str]], FittedState]] = {
    "default": default_state,
    "fast": fast_state,
    "bow": bow_state,
    "etm": etm_state,
}


def edits_of_all_kinds(state: FittedState) -> tuple[Edit, ...]:
    """Of every kind of edit one, of a state of three topics with vectors."""
    largest = state.topic_ids[int(state.counts.argmax())]
    done = (edits.split(state, largest, 3),)
    ids = apply(state, done).state.topic_ids
    return (
        *done,
        edits.merge([ids[:2]]),
        edits.rename({ids[2]: "formula 1", ids[3]: "Küche"}),
        edits.drop([ids[4]]),
        edits.exclude(["sql", "bread"]),
        edits.Renumber(),
    )


def save_again(saved: SavedModel, path: Path) -> None:
    persistence.save(saved.state, saved.parameters, path, edits=saved.edits)


def assert_equal(found: FittedState, expected: FittedState) -> None:
    """Equal in everything but the training report."""
    for name in FittedState.__dataclass_fields__:
        one, other = getattr(found, name), getattr(expected, name)
        if name == "weights":
            assert one.keys() == other.keys()
            for weight, value in other.items():
                assert_same_array(one[weight], value)
        elif name == "representatives":
            assert [rows.tolist() for rows in one] == [rows.tolist() for rows in other]
        elif isinstance(other, LSA | DocumentVectors):
            for field in fields(other):
                assert_same_array(getattr(one, field.name), getattr(other, field.name))
        elif isinstance(other, StaticEncoder):
            assert one.tokenizer == other.tokenizer
            assert_same_array(one.tokens, other.tokens)
            assert_same_array(one.vectors, other.vectors)
        elif isinstance(other, np.ndarray):
            assert_same_array(one, other)
        elif name != "training":
            assert one == other, name


def assert_same_array(found: np.ndarray | None, expected: np.ndarray | None) -> None:
    if found is None or expected is None:
        assert found is expected
        return
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
