"""Expected time and memory of a fit, from sizes and a short measurement of this machine's matrix products.

The figures are for people; nothing that is computed depends on them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from softtopic.inputs.registry import split_inputs
from softtopic.lm.config import MULTILINGUAL_ENCODER, SENTENCE_ENCODER, Embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.sources import Source
from softtopic.recipes import Recipe, TokenBudget
from softtopic.storage.progress import Step, duration
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.local import Teacher

# Parameters of the embedded models, those of the embedding tables left out.
_LM_PARAMETERS = 107e6
_ENCODER_PARAMETERS = {SENTENCE_ENCODER: 11e6, MULTILINGUAL_ENCODER: 21e6}
# Share of the peak of float32 products that is reached, measured end to end: attention, norms, batches that are small.
_LM_EFFICIENCY = {"float32": 0.55, "bfloat16": 1.5, "int8": 1.2}
_ENCODER_EFFICIENCY = 0.35
_TRAINING_EFFICIENCY = 0.2
_GRAPH_EFFICIENCY = 0.15
# Rows of a product below which its time no longer falls.
_MIN_BATCH_ROWS = 32
# English text has about four characters to a token.
_CHARACTERS = TokenBudget.characters_per_token
# Tokens read after a document: the end of the prompt, and first tokens that are followed.
_TOKENS_AFTER = 5
# Imports and the plan itself; and what steps take however few documents there are, with opening the models.
_SETUP_SECONDS = 2.0
_FIXED_SECONDS = {Step.ENCODE: 3.0, Step.OPEN_TEACHER: 4.0, Step.GROUP: 0.5, Step.DESCRIBE: 1.0}
_BASE_BYTES = 0.9e9


@dataclass(frozen=True, slots=True)
class Cost:
    """Expected cost.

    Attributes
    ----------
    steps : mapping of str to float
        Seconds of each `Step`, in order.
    bytes : int
        Memory at its highest.
    """

    steps: Mapping[str, float]
    bytes: int

    @property
    def seconds(self) -> float:
        """Time of the whole fit, with imports."""
        return _SETUP_SECONDS + sum(self.steps.values())

    def __str__(self) -> str:
        memory = f"{self.bytes / 1e9:.1f} GB of memory on this machine"
        return f"expected: about {duration(self.seconds)} and {memory}"


def expected_cost(
    source: Source,
    recipe: Recipe,
    teacher: BaseTeacher | None,
    n_read: int,
    embedder: Embedder | None,
) -> Cost:
    """What a fit will take, within a factor of about two.

    Parameters
    ----------
    source : Source
    recipe : Recipe
    teacher : BaseTeacher or None
        Language model that has to read; None where features exist already, or none are needed.
    n_read : int
        Documents the language model reads.
    embedder : Embedder or None
    """
    lengths = [len(text) / _CHARACTERS for text in source.corpus.distinct.texts]
    n_train = min(len(lengths), recipe.max_training_documents or len(lengths))
    operations = {
        Step.ENCODE: _encoding(lengths, embedder, recipe),
        Step.OPEN_TEACHER: 0.0,
        Step.READ: _reading(lengths, teacher, n_read),
        Step.GROUP: _graph(recipe, n_train),
        Step.TRAIN: _training(recipe, n_train),
        Step.DESCRIBE: 0.0,
    }
    left_out = {
        Step.ENCODE: embedder is None,
        Step.OPEN_TEACHER: not isinstance(teacher, Teacher),
        Step.GROUP: recipe.groups is None,
    }
    steps: dict[str, float] = {
        step: count / _float32_speed() + (0.0 if left_out.get(step) else _FIXED_SECONDS.get(step, 0.0))
        for step, count in operations.items()
    }
    # Propagated labels of both kinds in float32, soft labels and inputs in float16.
    per_document = 2000 * 4 * (2 if recipe.groups else 0) + 2000 * 2 * 8
    return Cost(steps, round(_BASE_BYTES + per_document * n_train))


def _reading(lengths: list[float], teacher: BaseTeacher | None, n_read: int) -> float:
    if not isinstance(teacher, Teacher):
        return 0.0
    about: dict[str, Any] = teacher.description
    windows = about["truncation"].partition("-")[2]
    chunks = {"windows": 8}.get(about["truncation"], int(windows) if windows.isdigit() else 1)
    longest = about["max_tokens"] * chunks
    mean = sum(min(length, longest) for length in lengths) / len(lengths)
    tokens = n_read * (mean + _TOKENS_AFTER + about["beam_width"])
    efficiency = _LM_EFFICIENCY.get(about["dtype"], 1.0)
    return 2 * _LM_PARAMETERS * tokens * len(about["prompts"]) / efficiency


def _encoding(lengths: list[float], embedder: Embedder | None, recipe: Recipe) -> float:
    if not isinstance(embedder, SentenceEncoder):
        return 0.0
    tokens = sum(min(length + 2, recipe.encoder.max_tokens) for length in lengths)
    if "embedding" not in split_inputs(recipe.inputs):
        tokens *= min(1, (recipe.max_training_documents or len(lengths)) / len(lengths))
    parameters = _ENCODER_PARAMETERS.get(embedder.name, _ENCODER_PARAMETERS[SENTENCE_ENCODER])
    return 2 * parameters * tokens / _ENCODER_EFFICIENCY


def _training(recipe: Recipe, count: int) -> float:
    training = recipe.training
    n_epochs = training.n_epochs(count)
    # Three products of a step, of about 2,700 inputs, 256 hidden units and 2,000 words; of few rows each costs as much
    # as one of many.
    rows = max(count, _MIN_BATCH_ROWS * training.n_batches(count))
    return 3 * 2 * n_epochs * rows * (2700 + 2000) * 256 / _TRAINING_EFFICIENCY


def _graph(recipe: Recipe, count: int) -> float:
    return 0.0 if recipe.groups is None else 2 * count**2 * 1000 / _GRAPH_EFFICIENCY


@cache
def _float32_speed() -> float:
    """Multiply-adds times two a second of a float32 product on this machine, the best of a few."""
    import torch

    rows, weight = torch.ones(512, 512), torch.ones(1024, 512)
    best = float("inf")
    # On a busy machine most tries are slowed down by others.
    for _ in range(30):
        start = time.perf_counter()
        torch.nn.functional.linear(rows, weight)
        best = min(best, time.perf_counter() - start)
    return 2 * 512 * 512 * 1024 / best
