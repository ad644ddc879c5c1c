"""Methods that can be compared, by name."""

from dataclasses import dataclass
from itertools import starmap

from softtopic.bench.environments import ENVIRONMENTS, Environment
from softtopic.errors import InputError
from softtopic.recipes import RECIPES, Recipe


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of a table.

    Parameters
    ----------
    name : str
        Name on the command line.
    title : str
        Name in tables and figures.
    about : str
        What it is, and what its theta is.
    recipe : Recipe or None, default=None
        Of a model of softtopic; None for other methods.
    environment : Environment or None, default=None
        Where it runs; None: in this one.
    script : str, default=""
        Its script in the folder `packages`, where it has an environment of its own.
    vectors : tuple of str, default=()
        What it needs sentence vectors of: "texts", "words".
    trained : bool, default=True
        False where results depend on neither the number of topics nor the seed.
    """

    name: str
    title: str
    about: str
    recipe: Recipe | None = None
    environment: Environment | None = None
    script: str = ""
    vectors: tuple[str, ...] = ()
    trained: bool = True

    @property
    def needs_lm(self) -> bool:
        """Whether a language model reads the documents."""
        return self.recipe is not None and self.recipe.needs_lm


def get_method(name: str) -> Method:
    """A method by name; raises InputError with the known names unless it is one of them."""
    if name not in METHODS:
        raise InputError(f"model {name!r} is not known; choose from {', '.join(METHODS)}")
    return METHODS[name]


def _softtopic(recipe_name: str, recipe: Recipe) -> Method:
    """The method of a recipe; the published one is called DSL."""
    name = recipe_name.replace("paper", "dsl")
    return Method(
        name=name,
        title=_TITLES.get(name, name),
        about=f"the recipe {recipe_name} of softtopic; theta as `transform` gives it",
        recipe=recipe,
        vectors=("texts",) if "embedding" in recipe.inputs else (),
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

_OTHER_METHODS = (
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
        "between the vectors of a document and a topic",
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
        about="KeyNMF of Turftopic, 25 keywords a document; theta is its weights, L1-normalised",
        environment=ENVIRONMENTS["neural"],
        script="run_turftopic.py",
        vectors=("texts", "words"),
    ),
    Method(
        name="kmeans",
        title="KMeans",
        about="KMeans on the sentence vectors; theta is the posterior of a mixture of Gaussians of equal width around "
        "the centres, words are those of the highest class tf-idf",
        vectors=("texts",),
    ),
    Method(
        name="soft-labels",
        title="soft labels",
        about="no topic model: theta is the calibrated soft label itself, over the whole vocabulary",
        recipe=RECIPES["light"].with_options(training__temperature=1.0),
        trained=False,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in starmap(_softtopic, RECIPES.items())} | {
    method.name: method for method in _OTHER_METHODS
}
