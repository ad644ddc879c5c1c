"""TopicModel ↔ model folder."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from softtopic import __version__
from softtopic.backbones.registry import build_backbone, settings_class
from softtopic.backbones.settings import Sizes
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import ModelFileError
from softtopic.graph.initial_groups import GuideConfig
from softtopic.inputs.lsa import WordSpace
from softtopic.inputs.registry import WEIGHED
from softtopic.lm.devices import pick_device
from softtopic.lm.loading import EMBEDDED
from softtopic.model import TopicModel
from softtopic.persistence.model_folder import ModelFiles, read_model, write_model
from softtopic.recipes import RECIPES, Recipe
from softtopic.teacher.calibration import Calibration
from softtopic.teacher.opening import teacher_from_description
from softtopic.teacher.prompts import Prompt
from softtopic.training.config import TrainingConfig

_WEIGHTS = "backbone."
_SPACE = "words."


def save(model: TopicModel, path: str | Path, *, excerpts: bool) -> None:
    """Write a fitted model."""
    recipe = model.recipe_
    named = next((name for name, known in RECIPES.items() if known == recipe), None)
    config = {
        "softtopic": __version__,
        "n_topics": int(model.n_topics),
        "backbone": {
            "name": recipe.backbone,
            "settings": asdict(model.backbone_.settings),
            "sizes": asdict(model.backbone_.sizes),
        },
        "recipe": {"name": named} | asdict(recipe),
        "teacher": None if model.teacher_ is None else model.teacher_.description,
        "inputs": {"widths": model.widths_, "embedder": model.embedder_},
        "language": model.language,
        "random_state": int(model.random_state),
    }
    tensors = {_WEIGHTS + name: value for name, value in model.backbone_.weights().items()}
    tensors |= {"theta": model.probabilities_, "mean_theta": model.mean_theta_}
    if model.calibration_ is not None:
        tensors["prior"] = model.calibration_.prior
    if model.word_space_ is not None:
        tensors |= {_SPACE + name: value for name, value in asdict(model.word_space_).items()}
    if model.relevance_ is not None:
        tensors["relevance"] = model.relevance_
    topics = [
        {"words": words, "representative_documents": examples if excerpts else []}
        for words, examples in zip(model.topics.top_words(15), model.representative_docs_, strict=True)
    ]
    shown = model.excerpts_ if excerpts else ("",) * len(model.ids_)
    write_model(path, ModelFiles(
        config=config,
        tensors=tensors,
        topics={"vocabulary": list(model.vocabulary_.words), "topics": topics},
        documents={"id": list(model.ids_), "text": list(shown)},
        card=_card(model),
    ))  # fmt: skip


def load(path: str | Path, *, device: str = "auto") -> TopicModel:
    """Read a fitted model; the language model is not loaded until new texts come."""
    files = read_model(path)
    try:
        return _restore(files, device)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise ModelFileError(f"{path} does not fit together ({error}); restore it, or fit the model again") from error


def _restore(files: ModelFiles, device: str) -> TopicModel:
    config, tensors = files.config, files.tensors
    teacher = config["teacher"] and teacher_from_description(config["teacher"], device=device)
    backbone: dict[str, Any] = config["backbone"]
    settings = settings_class(backbone["name"])(**backbone["settings"])
    model = TopicModel(
        config["n_topics"],
        recipe=_recipe(config["recipe"]),
        lm=teacher or EMBEDDED,
        vocabulary=Vocabulary(tuple(files.topics["vocabulary"])),
        language=config["language"],
        random_state=config["random_state"],
    )
    model.recipe_, model.widths_ = model.recipe, config["inputs"]["widths"]  # type: ignore[assignment]
    model.embedder_ = config["inputs"]["embedder"]
    model.teacher_, model.vocabulary_, model.training_ = teacher, model.vocabulary, None  # type: ignore[assignment]
    model.backbone_ = build_backbone(settings, Sizes(**backbone["sizes"]), torch.Generator())
    model.backbone_.load_weights(
        {key.removeprefix(_WEIGHTS): value for key, value in tensors.items() if key.startswith(_WEIGHTS)}
    )
    model.backbone_.to(pick_device(device) if teacher is None else teacher.device).eval()
    with torch.inference_mode():
        model.components_ = model.backbone_.topic_word().cpu().numpy()
    space = {name: tensors[_SPACE + name] for name in ("rarity", "axes")} if WEIGHED & model.widths_.keys() else None
    model.word_space_ = WordSpace(**space) if space else None
    model.relevance_ = tensors.get("relevance")
    known = (model.recipe_.calibration, model.recipe_.strength)
    model.calibration_ = Calibration(tensors["prior"], *known) if "prior" in tensors else None
    model.mean_theta_, model.probabilities_ = tensors["mean_theta"], tensors["theta"]
    model.topics_ = model.probabilities_.argmax(axis=1)
    model.ids_, model.excerpts_ = tuple(files.documents["id"]), tuple(files.documents["text"])
    model.representative_docs_ = [topic["representative_documents"] for topic in files.topics["topics"]]
    return model


def _recipe(stored: dict[str, Any]) -> Recipe:
    fields = {key: value for key, value in stored.items() if key != "name"}
    training = fields["training"] | {"betas": tuple(fields["training"]["betas"])}
    guide = fields["guide"] and GuideConfig(**fields["guide"])
    prompts = tuple(one if isinstance(one, str) else Prompt.from_description(one) for one in fields["prompts"])
    return replace(Recipe(), **fields | {"prompts": prompts, "training": TrainingConfig(**training), "guide": guide})


def _card(model: TopicModel) -> str:
    count = np.bincount(model.topics_, minlength=model.n_topics)
    rows = [
        f"| {topic} | {count[topic]} | {', '.join(words)} |"
        for topic, words in sorted(enumerate(model.topics.top_words(10)), key=lambda row: (-count[row[0]], row[0]))
    ]
    told = "none" if model.teacher_ is None else model.teacher_.description["lm"]
    return "\n".join([
        "# A topic model",
        "",
        f"{model.n_topics} topics of {len(model.ids_)} documents, found by softtopic {__version__} "
        f"(backbone {model.recipe_.backbone}, teacher {told}).",
        "",
        "Load it with `TopicModel.load(folder)` or look at it with `softtopic topics folder`.",
        "",
        "| topic | documents | words |",
        "|---|---|---|",
        *rows,
        "",
    ])  # fmt: skip
