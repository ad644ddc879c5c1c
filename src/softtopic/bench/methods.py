"""The methods that are compared, by name."""

from dataclasses import dataclass

from softtopic.bench.environments import ENVIRONMENTS, Environment
from softtopic.errors import InputError
from softtopic.recipes import RECIPES, Recipe

# What --sweep can change: of every method, of those with soft labels, of those whose soft labels can be predicted for
# documents that were not read, and of all that are trained here.
ANY = ("vocabulary_size",)
TAUGHT = ("tau", "top_k", "calibration", "prompt", "lm")
SAMPLED = ("sample",)
TRAINED = ("loss_weight", "target", "inputs")


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of a table.

    Args:
        name: how it is asked for.
        title: how tables call it.
        about: what it is and what its theta is, a sentence each.
        recipe: of a model of ours; None: it is none.
        environment: where it runs; None: here.
        script: of a method that runs elsewhere.
        vectors: what sentence vectors it reads: of "texts", of "words".
        settings: what --sweep may change of it.
        trained: False where neither the number of topics nor the seed changes anything.

    """

    name: str
    title: str
    about: str
    recipe: Recipe | None = None
    environment: Environment | None = None
    script: str = ""
    vectors: tuple[str, ...] = ()
    settings: tuple[str, ...] = ANY
    trained: bool = True

    @property
    def needs_lm(self) -> bool:
        """Whether a language model reads the documents before."""
        return self.recipe is not None and self.recipe.needs_lm


def get_method(name: str) -> Method:
    """A method by name; raises InputError with the names there are."""
    if name not in METHODS:
        raise InputError(f"model {name!r} is not known; choose of {', '.join(METHODS)}")
    return METHODS[name]


def _ours(name: str, recipe_name: str, recipe: Recipe) -> Method:
    taught = "soft" in recipe.target or recipe.needs_lm
    sampled = recipe.needs_lm and "hidden" not in recipe.inputs
    return Method(
        name=name,
        title=_TITLES.get(name, name),
        about=f"the recipe {recipe_name} of softtopic; theta as `transform` gives it",
        recipe=recipe,
        vectors=("texts",) if "embedding" in recipe.inputs else (),
        settings=(*ANY, *TRAINED, *(TAUGHT if taught else ()), *(SAMPLED if sampled else ())),
    )


_TITLES = {
    "default": "softtopic (default)",
    "light": "softtopic (light)",
    "dsl": "ProdLDA + DSL",
    "dsl-etm": "ETM + DSL",
    "dsl-ecrtm": "ECRTM + DSL",
    "dsl-fastopic": "FASTopic + DSL",
    "prodlda": "ProdLDA",
    "zeroshottm": "ZeroShotTM",
    "combinedtm": "CombinedTM",
    "etm": "ETM",
    "ecrtm": "ECRTM",
    "fastopic": "FASTopic (ours)",
}

_OTHERS = (
    Method(
        name="lda",
        title="LDA",
        about="tomotopy, collapsed Gibbs sampling, 1,000 iterations, its own priors; theta is its topic distribution",
        environment=ENVIRONMENTS["lda"],
        script="run_lda.py",
    ),
    Method(
        name="bertopic-kmeans",
        title="BERTopic (KMeans)",
        about="UMAP with BERTopic's settings, KMeans; clusters are its topics, theta is the softmax of 10 x the cosine "
        "of a document's vector and each topic's",
        environment=ENVIRONMENTS["bertopic"],
        script="run_bertopic.py",
        vectors=("texts",),
    ),
    Method(
        name="bertopic-hdbscan",
        title="BERTopic (HDBSCAN)",
        about="UMAP and HDBSCAN with BERTopic's settings, reduced to K topics and the outliers; theta is its "
        "calculated probabilities, so that outliers belong to their likeliest topic",
        environment=ENVIRONMENTS["bertopic"],
        script="run_bertopic.py",
        vectors=("texts",),
    ),
    Method(
        name="fastopic-package",
        title="FASTopic (package)",
        about="FASTopic's own package, 200 epochs; theta as it gives it",
        environment=ENVIRONMENTS["neural"],
        script="run_fastopic.py",
        vectors=("texts",),
    ),
    Method(
        name="turftopic",
        title="KeyNMF (Turftopic)",
        about="KeyNMF of Turftopic, 25 keywords a document; theta is its weights as shares",
        environment=ENVIRONMENTS["neural"],
        script="run_turftopic.py",
        vectors=("texts", "words"),
    ),
    Method(
        name="kmeans",
        title="KMeans",
        about="KMeans on the sentence vectors; theta is that of Gaussians of equal width round the centres, words are "
        "those of the greatest class tf-idf",
        vectors=("texts",),
    ),
    Method(
        name="soft-labels",
        title="soft labels",
        about="no topic model: theta is the calibrated soft label itself, over the whole vocabulary",
        recipe=RECIPES["light"].with_options(training__temperature=1.0),
        settings=(*ANY, *TAUGHT),
        trained=False,
    ),
)

METHODS: dict[str, Method] = {
    name: _ours(name, known, recipe)
    for name, known, recipe in ((known.replace("paper", "dsl"), known, recipe) for known, recipe in RECIPES.items())
} | {method.name: method for method in _OTHERS}
