"""Model folders of earlier versions, brought to the current version in memory: one function for each step."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from softtopic.backbones.inference import check_weights, weight_shapes
from softtopic.backbones.registry import build_backbone, name_of
from softtopic.backbones.settings import BackboneSettings, Sizes
from softtopic.persistence import version_1 as v1
from softtopic.persistence.folder import VERSION, ModelFiles
from softtopic.persistence.state import WEIGHTS, plain_topics
from softtopic.persistence.values import from_plain, to_plain
from softtopic.teacher.endpoint import is_url
from softtopic.teacher.local import EARLIER_NAMES
from softtopic.teacher.prompts import PROMPTS, Prompt
from softtopic.topics.documents import excerpt, representative_rows
from softtopic.topics.words import Topics
from softtopic.types import DocTopic, TopicVocab


def migrate(files: ModelFiles) -> ModelFiles:
    """The same model in the current version of the format."""
    while files.version < VERSION:
        files = _STEPS[files.version](files)
    return files


def from_version_1(files: ModelFiles) -> ModelFiles:
    """Version 1 had a flat recipe, no parameters, no word distributions and no edits, and showed whole documents."""
    old, words = files.config, files.topics["vocabulary"]
    v1.check(old, files.topics)
    recipe = _recipe(old)
    widths = [old["inputs"]["widths"][name] for name in recipe["inputs"].split("+")]
    tensors = _renamed({name: value for name, value in files.tensors.items() if v1.is_used(name)}, v1.TENSORS)
    sizes = Sizes(n_inputs=sum(widths), n_topics=old["n_topics"], n_words=len(words))
    tensors["topic_word"] = _topic_word(recipe, tensors, sizes)
    # An encoder was named even where sentence vectors were no input.
    encoder = old["inputs"]["embedder"] if "embedding" in recipe["inputs"] else None
    vocabulary = {"words": words} | {name: v1.VOCABULARY[name] for name in ("token_pattern", "keep_markup")}
    teacher = old["teacher"] and _teacher(old)
    config = {
        "softtopic": old["softtopic"],
        "sizes": {"documents": len(tensors["theta"]), "topics": old["n_topics"], "words": len(words)},
        "seed": old["random_state"],
        "recipe": recipe,
        "widths": widths,
        "encoder": encoder,
        "teacher": teacher,
        "word_width": None,
        "plan": [],
        "parameters": _parameters(old, recipe, encoder, vocabulary, teacher),
    }
    stored = [topic["representative_documents"] for topic in files.topics["topics"]]
    representatives = _representatives(stored, files.documents["text"], tensors["theta"])
    topics = plain_topics(Topics(tensors["topic_word"], words, tensors.get("relevance")), representatives)
    return replace(
        files,
        version=2,
        config=config,
        tensors=tensors,
        topics={"vocabulary": vocabulary, "topics": topics},
        edits={"edits": []},
    )


_STEPS: dict[int, Callable[[ModelFiles], ModelFiles]] = {1: from_version_1}


def _parameters(
    old: Mapping[str, Any], recipe: dict[str, Any], encoder: str | None, vocabulary: dict[str, Any], teacher: Any
) -> dict[str, Any]:
    parameters = v1.PARAMETERS | {
        "n_topics": old["n_topics"],
        "recipe": {"type": "recipe", "value": recipe},
        "embedder": None if encoder == v1.ENCODER["name"] else encoder,
        "vocabulary": {"type": "vocabulary", "value": vocabulary},
        "language": old["language"],
        "random_state": old["random_state"],
    }
    return parameters | {"lm": {"type": "teacher", "value": teacher}} if teacher else parameters


def _recipe(old: Mapping[str, Any]) -> dict[str, Any]:
    flat, training = old["recipe"], old["recipe"]["training"]
    guide = _renamed(flat["guide"] or {}, v1.GUIDE)
    return {
        "inputs": flat["inputs"],
        "target": flat["target"],
        "bow_weight": flat["bow_share"],
        "standardize": flat["standardise"],
        "max_training_documents": flat["learn_at_most"],
        "encoder": v1.ENCODER,
        "static": v1.STATIC,
        "read": v1.READ
        | {
            "prompts": [one if isinstance(one, str) else _prompt(one) for one in flat["prompts"]],
            "demonstrations": v1.DEMONSTRATIONS if flat["demonstrations"] == "auto" else None,
            "beam_width": flat["branches"],
            "max_chunks": flat["pieces"],
            "max_documents": flat["read_at_most"],
            "calibration": flat["calibration"],
            "calibration_strength": flat["strength"],
        },
        "imputation": v1.IMPUTATION,
        "words": v1.WORDS,
        "vocabulary": v1.VOCABULARY,
        "graph": v1.GRAPH | guide,
        "groups": None if flat["guide"] is None else v1.GROUPS,
        "backbone": _backbone(old["backbone"]),
        "training": _renamed(training, v1.TRAINING),
        "ranking": v1.RANKING | {"order": flat["order"]},
    }


def _backbone(old: Mapping[str, Any]) -> dict[str, Any]:
    sizes = ("n_inputs", "n_topics", "n_words")
    settings = _renamed({name: value for name, value in old.items() if name not in sizes}, v1.BACKBONE)
    # ProdLDA's was always that of the soft labels, which None says.
    if "temperature" in settings:
        settings["temperature"] = None
    return settings | v1.BACKBONE_CONSTANTS[old["name"]]


def _teacher(old: Mapping[str, Any]) -> dict[str, Any]:
    teacher = _renamed(old["teacher"], EARLIER_NAMES)
    if is_url(teacher["lm"]):
        return teacher | {"prompt": _prompt(teacher["prompt"])}
    own = old["recipe"]["prompts"]
    chosen = old["recipe"]["demonstrations"] == "auto"
    prompts = [_prompt(one, from_corpus=chosen and one not in own) for one in teacher["prompts"]]
    return v1.TEACHER_CONSTANTS | teacher | {"prompts": prompts}


def _prompt(old: Mapping[str, Any], *, from_corpus: bool = False) -> dict[str, Any]:
    """Demonstrations that are not predefined were documents where they were chosen for the corpus."""
    v1.check_prompt(old)
    prompt = Prompt.from_description({**old, "from_corpus": False})
    return to_plain(replace(prompt, from_corpus=from_corpus and prompt not in PROMPTS.values()))


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in values.items()}


def _topic_word(recipe: Mapping[str, Any], tensors: Mapping[str, np.ndarray], sizes: Sizes) -> TopicVocab:
    settings = from_plain(BackboneSettings, recipe["backbone"], "backbone")
    weights = {name.removeprefix(WEIGHTS): value for name, value in tensors.items() if name.startswith(WEIGHTS)}
    check_weights(weights, weight_shapes(settings, sizes), name_of(settings))
    # Torch is needed where a model of version 1 is loaded, and nowhere else to load one.
    import torch

    with torch.inference_mode():
        backbone = build_backbone(settings.resolved(recipe["training"]["temperature"]), sizes, torch.Generator())
        backbone.load_weights(weights)
        return backbone.eval().topic_word().numpy()


def _representatives(stored: list[list[str]], excerpts: list[str], theta: DocTopic) -> list[np.ndarray]:
    """Rows of the whole documents that were stored; without any, those with the largest share of each topic."""
    if not any(stored):
        return representative_rows(theta, [str(row) for row in range(len(theta))])
    first: dict[str, int] = {}
    for row, text in enumerate(excerpts):
        first.setdefault(text, row)
    # Equal beginnings of different texts stand for one document.
    return [np.array(list(dict.fromkeys(first[excerpt(text)] for text in texts)), dtype=np.int64) for texts in stored]
