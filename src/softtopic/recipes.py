"""Named bundles of settings: the published ones, and ours."""

from dataclasses import dataclass, field

from softtopic.errors import InputError
from softtopic.training.trainer import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything between the teacher's features and a trained model that is not a size."""

    training: TrainingConfig = field(default_factory=TrainingConfig)
    calibration: str = "none"  # the prior taken off soft labels: of the "corpus", or after "content-free" documents
    strength: float = 1.0  # how much of it
    standardise: bool = False  # bring every input column to mean 0 and deviation 1
    dropout: float = 0.2
    branches: int = 0  # how the teacher scores words, unless a teacher is given; see Teacher


RECIPES: dict[str, Recipe] = {
    # Temperature 3, weight 1000, batches of 64, 100 epochs, hidden states as they are (arXiv 2602.17907).
    "paper": Recipe(),
    "default": Recipe(
        training=TrainingConfig(batch_size=512, least_batches=32), calibration="corpus", standardise=True, branches=4
    ),
}


def get_recipe(recipe: str | Recipe) -> Recipe:
    """A recipe by name, or the one given; raises InputError with the names there are."""
    if isinstance(recipe, Recipe):
        return recipe
    if recipe not in RECIPES:
        raise InputError(f"recipe {recipe!r} is not known; choose one of {', '.join(RECIPES)}")
    return RECIPES[recipe]
