"""Recipes: every setting that changes results, as nested values. Named ones are in `RECIPES`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from softtopic.backbones.registry import check_backbone, default_settings, name_of
from softtopic.backbones.settings import (
    BackboneSettings,
    ECRTMSettings,
    ETMSettings,
    FASTopicSettings,
    PLSASettings,
    ProdLDASettings,
)
from softtopic.data.language_names import parse_language
from softtopic.data.vocabulary import VocabularyConfig
from softtopic.errors import InputError, check_number, check_whole
from softtopic.graph.config import AgreementConfig, GraphConfig, GroupsConfig, ImputationConfig
from softtopic.inputs.config import WordInputsConfig
from softtopic.inputs.registry import INPUTS, split_inputs, split_target
from softtopic.lm.config import EncoderConfig, StaticEncoderConfig
from softtopic.teacher.calibration import CONTENT_FREE, check_calibration
from softtopic.teacher.chunking import MAX_WINDOWS, truncation_for
from softtopic.teacher.config import DemonstrationConfig
from softtopic.teacher.prompts import PROMPTS, Prompt, check_prompt_language, get_prompt
from softtopic.training.config import TrainingConfig

ORDERS = ("probability", "relevance")


@dataclass(frozen=True, kw_only=True)
class MedoidsConfig:
    """K-means on sentence vectors that chooses which documents are read: the medoid of each cluster.

    Parameters
    ----------
    max_iter : int, default=20
        Iterations; centres that still move a little have the same medoids.
    max_documents : int, default=20_000
        Documents clustered at most; of more, a random sample is.
    max_clusters : int, default=2500
        More documents are read at random: so many clusters take long, and are no better.
    """

    max_iter: int = 20
    max_documents: int = 20_000
    max_clusters: int = 2500

    def __post_init__(self) -> None:
        for name in ("max_iter", "max_documents", "max_clusters"):
            check_whole(f"medoids {name}", getattr(self, name), 1)


@dataclass(frozen=True, kw_only=True)
class TokenBudget:
    """Limit on the tokens the language model reads, so that reading takes about as long as sentence vectors do.

    It is counted in tokens, never in seconds: what is read does not depend on the machine.

    Parameters
    ----------
    ratio : float, default=0.1
        Tokens read, over all prompts, for each token the sentence encoder reads, which costs about a tenth.
    min_tokens : int, default=45_000
        Tokens read in any case.
    min_documents : int, default=250
        Documents read in any case.
    characters_per_token : float, default=4.2
        By which tokens are estimated.
    tokens_after : float, default=8.0
        Tokens read after each document: the end of the prompt, and first tokens of words.
    """

    ratio: float = 0.1
    min_tokens: int = 45_000
    min_documents: int = 250
    characters_per_token: float = 4.2
    tokens_after: float = 8.0

    def __post_init__(self) -> None:
        for name in ("min_tokens", "min_documents"):
            check_whole(f"budget {name}", getattr(self, name), 1)
        for name in ("ratio", "characters_per_token", "tokens_after"):
            check_number(f"budget {name}", getattr(self, name), 0, closed="neither")


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """What the language model reads, and how its output becomes soft labels.

    Parameters
    ----------
    prompts : str, Prompt or sequence of either, default=("published",)
        Prompts, their names, or TOML files; soft labels of several prompts are averaged.
    prompt_language : str or None, default=None
        Language of the predefined prompts, by name or code. None: that of the documents, where there are prompts in it
        and the language model is not the embedded one, which was trained on English.
    demonstrations : DemonstrationConfig or None, default=None
        Settings for selecting an additional prompt with demonstrations from the corpus; None for no such prompt.
    beam_width : int, default=0
        Number of most probable first tokens after each document that are followed to score whole words; 0 scores words
        by their first tokens, as published.
    max_tokens : int, default=160
        Maximum number of tokens of a document, or of each chunk of it.
    max_chunks : int or None, default=None
        Maximum number of chunks over all documents and prompts: the fewer documents, the more chunks of a long one are
        read. None: only the beginning of each document is read.
    max_chunks_per_document : int, default=8
        Maximum number of chunks of a document.
    max_documents : int or None, default=None
        Maximum number of documents read, unless `sample` of `TopicModel` is given. None: all are read.
    budget : TokenBudget or None, default=None
        Limit on the tokens read in all; None for none.
    medoids : MedoidsConfig or None, default=None
        Where not all documents are read, those nearest to the centres of k-means on their sentence vectors are; None
        for a random sample.
    calibration : {"none", "corpus", "content-free"}, default="none"
        Prior over words that is subtracted from log probabilities: none, the mean over the documents read, or the mean
        over `content_free`.
    calibration_strength : float in [0, 2], default=1.0
        Factor of the prior.
    content_free : sequence of str
        Inputs without content, from which content-free priors are estimated: that of `calibration`, and those that are
        removed before several prompts are averaged.
    """

    prompts: str | Prompt | Sequence[str | Prompt] = ("published",)
    prompt_language: str | None = None
    demonstrations: DemonstrationConfig | None = None
    beam_width: int = 0
    max_tokens: int = 160
    max_chunks: int | None = None
    max_chunks_per_document: int = MAX_WINDOWS
    max_documents: int | None = None
    budget: TokenBudget | None = None
    medoids: MedoidsConfig | None = None
    calibration: str = "none"
    calibration_strength: float = 1.0
    content_free: Sequence[str] = CONTENT_FREE

    def __post_init__(self) -> None:
        check_whole("beam_width", self.beam_width, 0)
        check_whole("max_tokens", self.max_tokens, 1)
        check_whole("max_chunks_per_document", self.max_chunks_per_document, 1)
        check_calibration(self.calibration, self.calibration_strength)
        if self.prompt_language is not None:
            object.__setattr__(self, "prompt_language", parse_language(self.prompt_language))
            check_prompt_language(self.prompt_language)
        for name in ("max_chunks", "max_documents"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 2)
        prompts = (self.prompts,) if isinstance(self.prompts, str | Prompt) else tuple(self.prompts)
        if not prompts:
            raise InputError("prompts are empty; give at least one")
        object.__setattr__(self, "content_free", tuple(self.content_free))
        # Names stay names; a file is read at once, for it may be gone when the recipe is used again.
        object.__setattr__(self, "prompts", tuple(one if one in PROMPTS else _prompt(one) for one in prompts))

    @property
    def n_prompts(self) -> int:
        """Number of prompts, that with examples included."""
        return len(self.prompts) + (self.demonstrations is not None)  # type: ignore[arg-type]

    def teacher_options(self, n_documents: int | None) -> dict[str, Any]:
        """Arguments of a `Teacher` for a corpus with so many documents to read; None: unknown, beginnings are read."""
        prompts = [_prompt(one) for one in self.prompts]  # type: ignore[union-attr]
        chunks = (self.max_chunks or 0) // (n_documents * len(prompts)) if n_documents else 0
        return {
            "prompt": prompts,
            "beam_width": self.beam_width,
            "max_tokens": self.max_tokens,
            "truncation": truncation_for(chunks, self.max_chunks_per_document),
            "max_windows": self.max_chunks_per_document,
            "content_free": self.content_free,
        }


@dataclass(frozen=True, kw_only=True)
class RankingConfig:
    """Order in which the words of a topic are shown.

    Parameters
    ----------
    order : {"probability", "relevance"}, default="probability"
        By probability under the model, or by `relevance`.
    inverse_temperature : float, default=8.0
        Weight of semantic similarity: a word whose cosine to the topic is .1 higher ranks as one that is
        exp(.1 * inverse_temperature) times as probable.
    n_center_words : int, default=10
        Leading words whose mean vector stands for the topic.
    document_power : float, default=2.5
        A document's words count for a topic with its share in the topic to this power.
    merge_forms : bool or None, default=None
        Whether inflected forms of one word, those with the same Snowball stem, are shown once in a topic: the form that
        ranks first. All are counted. None: in languages other than English, where documents are in a single one. It
        needs order "relevance".
    """

    order: str = "probability"
    inverse_temperature: float = 8.0
    n_center_words: int = 10
    document_power: float = 2.5
    merge_forms: bool | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise InputError(f"order {self.order!r} is not known; choose one of {', '.join(ORDERS)}")
        check_number("ranking inverse_temperature", self.inverse_temperature, 0, closed="neither")
        check_number("ranking document_power", self.document_power, 0, closed="neither")
        check_whole("n_center_words", self.n_center_words, 1)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a fit that change its result. The defaults are the published settings.

    Named recipes are in `softtopic.recipes.RECIPES`.

    Parameters
    ----------
    inputs : str, default="hidden"
        Inputs of the topic model: "hidden", "embedding", "static", "words", "tf-idf", "bow", "normalised-bow", or
        several joined by "+".
    target : {"soft", "bow", "soft+bow"}, default="soft"
        Training target: the language model's soft labels, the document's own words, or a mixture.
    bow_weight : float in (0, 1), default=0.5
        Weight of the document's own words in the target "soft+bow".
    standardize : bool, default=False
        Whether dense input columns are standardised.
    max_training_documents : int or None, default=None
        Maximum number of documents the topic model is trained on; mixtures of the others are predicted. None: all. With
        the input "static" no others are encoded by the sentence encoder.
    encoder : EncoderConfig
        Sentence encoder.
    static : StaticEncoderConfig
        Static encoder distilled from it, where "static" is an input.
    read : ReadConfig
        What the language model reads.
    imputation : ImputationConfig
        Prediction of soft labels of documents that were not read.
    words : WordInputsConfig
        Inputs computed from word counts.
    vocabulary : VocabularyConfig
        Selection of the words of topics.
    graph : GraphConfig
        Similarity graph of documents, and label propagation.
    groups : GroupsConfig or None, default=None
        Clustering of documents that initialises the topics; None to start from random weights.
    backbone : BackboneSettings
        Neural topic model.
    training : TrainingConfig
        Optimisation.
    ranking : RankingConfig
        Order in which words of a topic are shown.

    Examples
    --------
    >>> from softtopic.recipes import RECIPES
    >>> recipe = RECIPES["default"].with_options(read__max_documents=1000, training__epochs=30)
    >>> recipe.read.max_documents, recipe.training.epochs
    (1000, 30)
    """

    inputs: str = "hidden"
    target: str = "soft"
    bow_weight: float = 0.5
    standardize: bool = False
    max_training_documents: int | None = None
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    static: StaticEncoderConfig = field(default_factory=StaticEncoderConfig)
    read: ReadConfig = field(default_factory=ReadConfig)
    imputation: ImputationConfig = field(default_factory=ImputationConfig)
    words: WordInputsConfig = field(default_factory=WordInputsConfig)
    vocabulary: VocabularyConfig = field(default_factory=VocabularyConfig)
    graph: GraphConfig = field(default_factory=GraphConfig)
    groups: GroupsConfig | None = None
    backbone: BackboneSettings = field(default_factory=ProdLDASettings)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    ranking: RankingConfig = field(default_factory=RankingConfig)

    def __post_init__(self) -> None:
        split_inputs(self.inputs)
        split_target(self.target)
        name_of(self.backbone)
        check_number("bow_weight", self.bow_weight, 0, 1, closed="neither")
        if self.max_training_documents is not None:
            check_whole("max_training_documents", self.max_training_documents, 2)

    @property
    def needs_lm(self) -> bool:
        """Whether a language model has to read documents."""
        return "hidden" in split_inputs(self.inputs) or "soft" in split_target(self.target)

    @property
    def needs_embeddings(self) -> bool:
        """Whether sentence vectors are needed: as an input, or as what a static encoder is distilled from."""
        return any(INPUTS[name].needs_embeddings for name in split_inputs(self.inputs))

    @property
    def reads_words(self) -> bool:
        """Whether an input or the target is made of the documents' own words."""
        return "bow" in split_target(self.target) or any(INPUTS[name].reads_words for name in split_inputs(self.inputs))

    def with_options(self, **options: Any) -> "Recipe":
        """Return a copy with other settings, None included; ``read__beam_width=4`` sets a nested one."""
        return _replace(self, options)


def _replace(config: Any, options: dict[str, Any]) -> Any:
    """`dataclasses.replace` with nested names joined by two underscores, as in scikit-learn."""
    known = {one.name for one in fields(config)}
    direct: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        head, _, rest = name.partition("__")
        if head not in known or (rest and not is_dataclass(getattr(config, head))):
            raise InputError(f"{type(config).__name__} has no setting {name!r}; choose from {', '.join(sorted(known))}")
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            direct[head] = value
    return replace(config, **direct | {head: _replace(getattr(config, head), rest) for head, rest in nested.items()})


def nested_settings(recipe: Any, name: str) -> dict[str, Any]:
    """All settings of a recipe by nested names, such as "recipe__training__epochs"; none for anything else."""
    config = RECIPES.get(recipe) if isinstance(recipe, str) else recipe
    return dict(_flat(config, name)) if isinstance(config, Recipe) else {}


def _flat(config: Any, name: str) -> Iterator[tuple[str, Any]]:
    for one in fields(config):
        value = getattr(config, one.name)
        yield f"{name}__{one.name}", value
        if is_dataclass(value):
            yield from _flat(value, f"{name}__{one.name}")


def _prompt(prompt: str | Prompt) -> Prompt:
    return prompt if isinstance(prompt, Prompt) else get_prompt(prompt)


_PAPER = Recipe()

_COUNTS = TrainingConfig(temperature=1.0)

_DEFAULT = Recipe(
    inputs="embedding+words+tf-idf",
    target="soft+bow",
    standardize=True,
    max_training_documents=50_000,
    read=ReadConfig(
        prompts=("published", "four-shot"),
        beam_width=4,
        max_tokens=80,
        max_documents=800,
        budget=TokenBudget(),
        medoids=MedoidsConfig(),
        calibration="corpus",
    ),
    graph=GraphConfig(agreement=AgreementConfig()),
    groups=GroupsConfig(),
    backbone=PLSASettings(dropout=0.1),
    training=TrainingConfig(
        epochs=30,
        batch_size=256,
        min_batches_per_epoch=16,
        max_batches=500,
        learning_rate=0.004,
        temperature=1.0,
        theta_weight=3.0,
    ),
    ranking=RankingConfig(order="relevance"),
)

_FAST = replace(
    _DEFAULT,
    inputs="static+words+tf-idf",
    max_training_documents=7000,
    encoder=EncoderConfig(max_tokens=64),
    read=replace(_DEFAULT.read, prompts=("four-shot",), beam_width=0, max_tokens=48, max_documents=250, budget=None),
    training=replace(_DEFAULT.training, max_batches=350),
)

RECIPES: dict[str, Recipe] = {
    # Temperature 3, weight 1000, batches of 64, 100 epochs, hidden states as they are (arXiv 2602.17907).
    "paper": _PAPER,
    # A few documents are read, chosen by their sentence vectors; topics start as groups of documents: docs/recipe.md.
    "default": _DEFAULT,
    # A sample is encoded and grouped; a static encoder predicts the mixtures of the others: docs/recipe.md.
    "fast": _FAST,
    # The language model alone: its hidden states and its soft labels.
    "light": Recipe(
        standardize=True,
        read=ReadConfig(beam_width=4, max_chunks=10_000, calibration="corpus"),
        training=TrainingConfig(batch_size=512, min_batches_per_epoch=32),
    ),
    # ETM's encoder has no BatchNorm: on hidden states as they are it ends with one topic for all documents.
    "paper-etm": replace(_PAPER, backbone=ETMSettings(), standardize=True),
    "paper-ecrtm": replace(_PAPER, backbone=ECRTMSettings(), training=TrainingConfig(epochs=200)),
    "paper-fastopic": replace(
        _PAPER, backbone=FASTopicSettings(), training=TrainingConfig(epochs=200, batch_size=None, top_k=20)
    ),
    # Bag-of-words models: the target is the document's own words, and no language model is needed.
    "prodlda": Recipe(inputs="bow", target="bow", training=_COUNTS),
    "zeroshottm": Recipe(inputs="embedding", target="bow", training=_COUNTS),
    "combinedtm": Recipe(inputs="bow+embedding", target="bow", training=_COUNTS),
    "etm": Recipe(inputs="normalised-bow", target="bow", backbone=ETMSettings(), training=_COUNTS),
    "ecrtm": Recipe(inputs="bow", target="bow", backbone=ECRTMSettings(), training=replace(_COUNTS, epochs=200)),
    "fastopic": Recipe(
        inputs="embedding",
        target="bow",
        backbone=FASTopicSettings(),
        training=replace(_COUNTS, epochs=200, batch_size=None),
    ),
}


def get_recipe(recipe: str | Recipe, backbone: str | BackboneSettings | None = None, **options: Any) -> Recipe:
    """A recipe by name, or the one given, with other settings where they are not None.

    Parameters
    ----------
    recipe : str or Recipe
    backbone : str, BackboneSettings or None
        Topic model in place of the recipe's. "paper" with "ecrtm" is "paper-ecrtm", and so on.
    **options
        See `Recipe.with_options`; None leaves a setting as it is.

    Raises
    ------
    InputError
        For an unknown name; the message lists the known ones.
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise InputError(f"recipe {recipe!r} is not known; choose one of {', '.join(RECIPES)}")
        recipe = RECIPES.get(f"{recipe}-{backbone}", RECIPES[recipe])
    if not isinstance(recipe, Recipe):
        raise InputError(f"recipe is {type(recipe).__name__}; give a name or a Recipe")
    if isinstance(backbone, str):
        # The recipe's own settings stay where it has this backbone already.
        check_backbone(backbone)
        backbone = None if name_of(recipe.backbone) == backbone else default_settings(backbone)
    given = {"backbone": backbone} | options
    return recipe.with_options(**{name: value for name, value in given.items() if value is not None})
