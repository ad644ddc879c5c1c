"""Named bundles of settings: the published ones, ours, and the bag-of-words models of the family."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

from softtopic.backbones.registry import check_backbone
from softtopic.data.corpus import sample_size
from softtopic.errors import InputError
from softtopic.graph.initial_groups import GuideConfig
from softtopic.inputs.registry import WEIGHED, split_inputs, split_target
from softtopic.teacher.calibration import check_calibration
from softtopic.teacher.chunking import windows
from softtopic.teacher.prompts import PROMPTS, Prompt, get_prompt
from softtopic.topics.words import ORDERS
from softtopic.training.config import TrainingConfig

DEMONSTRATIONS = ("none", "auto")

# Dropout of PLSA where the language model reads a part: with more, mixtures of long texts follow their groups less.
_LESS_NOISE = 0.1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything between texts and a trained model that is not a size."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    backbone: str = "prodlda"
    inputs: str = "hidden"  # some of INPUTS, joined by "+"
    target: str = "soft"  # "soft", "bow", or both as "soft+bow"
    bow_share: float = 0.5  # of a document's own words in a target of both
    calibration: str = "none"  # the prior taken off soft labels: of the "corpus", or after "content-free" documents
    strength: float = 1.0  # how much of it
    standardise: bool = False  # bring every input column but counts to mean 0 and deviation 1
    dropout: float | None = None  # where the backbone has any; None: its published share
    prompts: str | Sequence[str | Prompt] = ("published",)  # by name or as they are; a TOML file is read at once
    branches: int = 0  # how the teacher scores words, unless a teacher is given; see Teacher
    pieces: int | None = None  # of documents, read in all by all prompts where they are long; None: heads alone
    demonstrations: str = "none"  # "auto": chosen for the corpus, unless a teacher is given
    guide: GuideConfig | None = None  # how documents are grouped to guide training; None: nothing guides it
    read_at_most: int | None = None  # documents the language model reads, unless a share is asked for; None: all
    learn_at_most: int | None = None  # documents the model learns from; it knows the others as it knows new ones
    order: str = "probability"  # of the words of a topic when shown, or "relevance"

    def __post_init__(self) -> None:
        check_backbone(self.backbone)
        split_inputs(self.inputs)
        split_target(self.target)
        if self.demonstrations not in DEMONSTRATIONS:
            raise InputError(f"demonstrations {self.demonstrations!r} are not known; choose none or auto")
        if self.order not in ORDERS:
            raise InputError(f"order {self.order!r} is not known; choose one of {', '.join(ORDERS)}")
        check_calibration(self.calibration, self.strength)
        for name in ("pieces", "read_at_most", "learn_at_most"):
            if (most := getattr(self, name)) is not None and most < 2:
                raise InputError(f"{name} is {most}; give at least 2, or None")
        given = (self.prompts,) if isinstance(self.prompts, str) else self.prompts
        if not given:
            raise InputError("prompts are none; give at least one")
        # A name stays one, to be read by people; a file may be gone when the recipe is used again.
        object.__setattr__(self, "prompts", tuple(one if one in PROMPTS else _prompt(one) for one in given))
        if not 0 < self.bow_share < 1:
            raise InputError(f"bow_share is {self.bow_share}; give a share between 0 and 1")

    @property
    def asks_lm(self) -> bool:
        """Whether a language model has to read the documents."""
        return "hidden" in split_inputs(self.inputs) or "soft" in split_target(self.target)

    def asks(self, count: int) -> dict[str, Any]:
        """Settings of the teacher of a corpus of so many documents: the fewer there are, the more is read of each.

        0 documents: not known how many; their beginnings are read.
        """
        each = (self.pieces or 0) // (count * len(self.prompts)) if count else 0
        prompts = [_prompt(one) for one in self.prompts]
        return {"prompt": prompts, "branches": self.branches, "cut": windows(each)}

    def learns(self, count: int) -> int:
        """From how many of so many documents the model learns."""
        return min(count, self.learn_at_most or count)

    def reads(self, count: int, share: float | None) -> int:
        """How many of so many documents the language model reads: a share of them, else as many as the recipe says."""
        if share is not None:
            return count if share == 1 else sample_size(count, share)
        spreads = self.guide is not None and "soft" in split_target(self.target)
        return min(count, self.read_at_most or count) if spreads else count

    def check_sample(self, share: float, inputs: str | None) -> None:
        """Raises InputError where such a share of the documents cannot be read for the inputs that were asked for."""
        if not isinstance(share, Real) or not 0 < share <= 1:
            raise InputError(f"sample is {share!r}; give a share above 0 and at most 1")
        if share < 1 and "hidden" in (inputs or ""):
            raise InputError("hidden states are not read of all documents; leave out inputs= or sample=")
        if share < 1:
            self.sampled()

    def sampled(self) -> "Recipe":
        """The recipe where the language model reads some of the documents: words are inputs instead of hidden states.

        Raises InputError where there are no soft labels that spread, or nothing to tell what was not read by.
        """
        target = split_target(self.target)
        if self.guide is None or "soft" not in target:
            raise InputError("sample= needs a recipe whose soft labels spread to neighbours; give recipe 'default'")
        given = split_inputs(self.inputs)
        inputs = [part for part in given if part != "hidden"] or ["embedding"]
        if "hidden" in given and WEIGHED.isdisjoint(given):
            inputs += ["words", "tf-idf"]
        if "embedding" not in inputs and "bow" not in target:
            raise InputError("what is not read is predicted from sentence vectors or words; give inputs='embedding'")
        free = self.dropout is None and self.backbone == "plsa"
        return replace(self, inputs="+".join(inputs), dropout=_LESS_NOISE if free else self.dropout)

    def suited(self, free: dict[str, bool], *, texts: bool, embeddings: bool) -> "Recipe":
        """The recipe for soft labels and hidden states that were brought along.

        What it wants beside them and did not come is left out where that is `free`, i.e. nobody asked for it. Raises
        InputError where words are to be counted and there are no texts.
        """
        inputs, target = split_inputs(self.inputs), split_target(self.target)
        if free["inputs"] and not embeddings and "hidden" in inputs:
            inputs = tuple(part for part in inputs if part != "embedding")
        if free["inputs"] and not texts:
            inputs = tuple(part for part in inputs if part not in WEIGHED) or inputs
        if free["target"] and not texts and "soft" in target:
            target = ("soft",)
        if not texts and any("bow" in part or part in WEIGHED for part in inputs + target):
            raise InputError("words of the documents are counted; give texts beside soft_labels=")
        return replace(self, inputs="+".join(inputs), target="+".join(target))


def _prompt(given: str | Prompt) -> Prompt:
    return given if isinstance(given, Prompt) else get_prompt(given)


_COUNTS = TrainingConfig(temperature=1.0)

_PAPER = Recipe()

RECIPES: dict[str, Recipe] = {
    # Temperature 3, weight 1000, batches of 64, 100 epochs, hidden states as they are (arXiv 2602.17907).
    "paper": _PAPER,
    # Two prompts, two encoders, a graph of neighbours, topics that begin as groups of documents; see docs/recipe.md.
    "default": Recipe(
        training=TrainingConfig(
            epochs=60,
            batch_size=256,
            min_batches_per_epoch=32,
            max_batches=2000,
            temperature=1.0,
            theta_weight=3.0,
        ),
        backbone="plsa",
        inputs="hidden+embedding",
        target="soft+bow",
        calibration="corpus",
        standardise=True,
        prompts=("published", "four-shot"),
        branches=4,
        guide=GuideConfig(),
        pieces=10_000,
        read_at_most=2500,
        learn_at_most=50_000,
        order="relevance",
    ),
    # The language model alone: nothing but its hidden states and its soft labels.
    "light": Recipe(
        training=TrainingConfig(batch_size=512, min_batches_per_epoch=32),
        calibration="corpus",
        standardise=True,
        branches=4,
        pieces=10_000,
    ),
    # ETM's encoder has no BatchNorm: on hidden states as they are it ends with one topic for all documents.
    "paper-etm": replace(_PAPER, backbone="etm", standardise=True),
    "paper-ecrtm": replace(_PAPER, backbone="ecrtm", training=TrainingConfig(epochs=200)),
    "paper-fastopic": replace(
        _PAPER, backbone="fastopic", training=TrainingConfig(epochs=200, batch_size=None, top_k=20)
    ),
    # Bag-of-words models: the target is what the document says, and no language model is asked.
    "prodlda": Recipe(backbone="prodlda", inputs="bow", target="bow", training=_COUNTS),
    "zeroshottm": Recipe(backbone="prodlda", inputs="embedding", target="bow", training=_COUNTS),
    "combinedtm": Recipe(backbone="prodlda", inputs="bow+embedding", target="bow", training=_COUNTS),
    "etm": Recipe(backbone="etm", inputs="normalised-bow", target="bow", training=_COUNTS),
    "ecrtm": Recipe(backbone="ecrtm", inputs="bow", target="bow", training=replace(_COUNTS, epochs=200)),
    "fastopic": Recipe(
        backbone="fastopic", inputs="embedding", target="bow", training=replace(_COUNTS, epochs=200, batch_size=None)
    ),
}


def get_recipe(recipe: str | Recipe, backbone: str | None = None, **settings: Any) -> Recipe:
    """A recipe by name, or the one given, with other settings where they are not None.

    "paper" with backbone "ecrtm" is "paper-ecrtm", and so on. Raises InputError with the names there are.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise InputError(f"recipe {recipe!r} is not known; choose one of {', '.join(RECIPES)}")
        recipe = RECIPES.get(f"{recipe}-{backbone}", RECIPES[recipe])
    named = settings | {"backbone": backbone}
    return replace(recipe, **{name: value for name, value in named.items() if value is not None})
