"""The plan of a fit: who reads what, with which settings. Resolved once, and carried out by every command alike."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from softtopic.backbones.registry import name_of
from softtopic.data.guides import Guide, parse_guides, word_shares
from softtopic.data.languages import CorpusLanguage
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_whole
from softtopic.inputs.registry import INPUTS, split_inputs, split_target
from softtopic.inputs.word_vectors import WordVectors
from softtopic.lm.config import AUTO as FOR_LANGUAGE
from softtopic.lm.config import Embedder, as_embedder
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.cost import Cost, expected_cost
from softtopic.pipeline.description import encoding, reader, truncation
from softtopic.pipeline.language import WordPlan, plan_words
from softtopic.pipeline.multilingual import (
    encoder_teacher,
    prompt_language,
    teacher_name,
    with_encoder,
    with_prompts_in,
)
from softtopic.pipeline.sampling import (
    check_sample,
    documents_to_read,
    documents_to_train_on,
    medoids,
    n_affordable,
    n_to_train_on,
)
from softtopic.pipeline.sources import Source
from softtopic.recipes import Recipe, get_recipe
from softtopic.selection import AUTO, MIN_DOCUMENTS, Selection, SelectionConfig, candidate_numbers
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.config import DemonstrationConfig
from softtopic.teacher.encoder import ENCODER_TEACHER, EncoderTeacher
from softtopic.teacher.local import Teacher
from softtopic.teacher.opening import open_teacher, require_local
from softtopic.types import DocHidden, ReadRows, TrainRows
from softtopic.wording import counted

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

DEMONSTRATIONS = ("none", "auto")


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """What the caller asks for: the parameters of `TopicModel` that decide what is computed."""

    n_topics: int | np.integer | str
    recipe: str | Recipe = "default"
    backbone: Any = None
    inputs: str | None = None
    target: str | None = None
    embedder: Any = None
    word_vectors: WordVectors | str | Path | None = None
    lm: str | BaseTeacher = ""
    sample: float | None = None
    demonstrations: str | None = None
    vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer = 2000
    language: str | Sequence[str] = "auto"
    guides: Mapping[str, Sequence[str]] | Sequence[str] | None = None
    features: str | Path | None = "auto"
    random_state: int | np.integer | np.random.RandomState | None = 0

    def resolved_recipe(self) -> Recipe:
        """The recipe with the caller's overrides; raises InputError for impossible options."""
        check_n_topics(self.n_topics)
        if not (self.random_state is None or isinstance(self.random_state, np.random.RandomState)):
            check_whole("random_state", self.random_state, 0, 2**32 - 1)
        check_sample(self.sample)
        recipe = get_recipe(self.recipe, self.backbone, inputs=self.inputs, target=self.target)
        if self.demonstrations is None:
            return recipe
        if self.demonstrations not in DEMONSTRATIONS:
            raise InputError(f"demonstrations {self.demonstrations!r} are not known; choose none or auto")
        chosen = (recipe.read.demonstrations or DemonstrationConfig()) if self.demonstrations == "auto" else None
        return replace(recipe, read=replace(recipe.read, demonstrations=chosen))


def seed_of(random_state: int | np.integer | np.random.RandomState | None) -> int:
    """The seed itself, or one drawn from a generator; from a new one for None."""
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int((random_state or np.random.RandomState()).randint(2**32 - 1, dtype=np.int64))
    return int(random_state)


@dataclass(frozen=True, kw_only=True, eq=False)
class FitPlan:
    """Everything a fit will do, decided before it starts. Returned by `TopicModel.plan`; frozen.

    Attributes
    ----------
    recipe : Recipe
        All settings, with the caller's overrides applied.
    n_topics : int or None
        None until it is chosen, see `choose_n_topics`.
    seed : int
    n_documents, n_distinct : int
        Number of documents, and of distinct documents that are not blank.
    words : WordPlan
        Languages of the documents, and the vocabulary.
    guides : tuple of Guide
        Topics named in advance: the first ones, in this order.
    teacher : BaseTeacher or None
        Language model that reads documents; None if none is needed.
    n_read : int
        Number of distinct documents that the language model reads or has read.
    read : ndarray of int or None
        Their positions among the distinct documents; None until sentence vectors decide which are read.
    encoded : ndarray of int or None
        Positions of the documents that are encoded, those that the topic model is trained on; None: all are encoded.
    embedder : Embedder or None
        Sentence encoder; None if no sentence vectors are needed or the caller gives them.
    choose_demonstrations : bool
        Whether a prompt with demonstrations from the corpus is selected first.
    features_exist : bool
        Whether soft labels exist already, so that nothing is read.
    features : str, Path or None
        Where features are kept; it never changes what is read.
    word_vectors : WordVectors, str, Path or None
        Initial word embeddings of ETM and ECRTM.
    cost : Cost
        Expected time and memory.
    truncation : str
        One line on the documents that are truncated; "" where all are.
    selection : Selection or None
        How the number of topics was chosen; None if it was given, or is not chosen yet.
    """

    recipe: Recipe
    n_topics: int | None
    seed: int
    n_documents: int
    n_distinct: int
    words: WordPlan
    guides: tuple[Guide, ...]
    teacher: BaseTeacher | None
    n_read: int
    read: ReadRows | None
    encoded: TrainRows | None
    embedder: Embedder | None
    choose_demonstrations: bool
    features_exist: bool
    features: str | Path | None
    word_vectors: WordVectors | str | Path | None
    cost: Cost
    truncation: str = ""
    selection: Selection | None = None

    @property
    def language(self) -> CorpusLanguage:
        """Languages of the documents."""
        return self.words.language

    @property
    def vocabulary(self) -> Vocabulary:
        return self.words.vocabulary

    @property
    def device(self) -> "torch.device":
        """Where the topic model is trained."""
        from softtopic.lm.devices import pick_device

        return pick_device() if self.teacher is None else self.teacher.device

    def is_encoded_by(self, teacher: EncoderTeacher) -> bool:
        """Whether sentence vectors are those of this teacher's encoder."""
        return isinstance(self.embedder, SentenceEncoder) and self.embedder.name == teacher.encoder

    @property
    def inputs(self) -> tuple[str, ...]:
        return split_inputs(self.recipe.inputs)

    @property
    def reads_all(self) -> bool:
        return self.n_read == self.n_distinct

    @property
    def n_train(self) -> int:
        """Documents the topic model is trained on."""
        return n_to_train_on(self.n_distinct, self.n_read, self.recipe.max_training_documents)

    @cached_property
    def train(self) -> TrainRows:
        """Places of the documents the topic model is trained on."""
        if self.encoded is not None:
            return self.encoded
        return documents_to_train_on(self.n_distinct, self.read_rows, self.recipe.max_training_documents)

    @property
    def read_rows(self) -> ReadRows:
        """Places of the documents read; raises ValueError before they are chosen."""
        if self.read is None:
            raise ValueError("which documents are read follows from their sentence vectors: see choose_documents")
        return self.read

    def choose_documents(self, vectors: DocHidden | None) -> "FitPlan":
        """The plan with the documents to read, chosen by their sentence vectors where the recipe says so."""
        config = self.recipe.read.medoids
        if self.read is not None or vectors is None or config is None:
            return self
        chosen = medoids(vectors, self.n_read, config)
        return replace(self, read=chosen if self.encoded is None else self.encoded[chosen])

    def choose_n_topics(self, selection: Selection) -> "FitPlan":
        """The plan with the number of topics that was chosen."""
        return replace(self, n_topics=selection.n_topics, selection=selection)

    @property
    def selection_config(self) -> SelectionConfig:
        """Numbers of topics to compare: no fewer than there are guides."""
        return SelectionConfig(min_topics=max(SelectionConfig.min_topics, len(self.guides)))

    @property
    def chosen_n_topics(self) -> int:
        """Number of topics; raises ValueError before it is chosen."""
        if self.n_topics is None:
            raise ValueError("the number of topics is chosen after the documents are read: see choose_n_topics")
        return self.n_topics

    def lines(self) -> list[str]:
        """Describe the plan: a line for each step, and one for the expected cost."""
        return [*self.steps, str(self.cost)]

    @property
    def steps(self) -> list[str]:
        """Lines on what is read, encoded and trained."""
        lines = (
            str(self.words),
            self.reading,
            self._encoding(),
            self.truncation,
            self._selecting(),
            self._training(),
        )
        return [line for line in lines if line]

    @property
    def reading(self) -> str:
        """One line on what the language model reads."""
        if not self.n_read:
            return "language model: none is needed"
        which = f"all {self.n_distinct:,}" if self.reads_all else f"{self.n_read:,} of {self.n_distinct:,}"
        rest = "" if self.reads_all else "; soft labels of the others are predicted"
        if self.features_exist:
            return f"language model: soft labels of {which} distinct documents exist already{rest}"
        more = ", one prompt with examples from the corpus" if self.choose_demonstrations else ""
        return f"{reader(self.teacher)} {which} distinct documents{more}{rest}"

    def _encoding(self) -> str:
        if not self.recipe.needs_embeddings:
            return ""
        count = self.n_train if "embedding" not in self.inputs else self.n_distinct
        return encoding(self.embedder, self.language, count, is_static="static" in self.inputs)

    def _selecting(self) -> str:
        if self.selection is not None:
            return str(self.selection)
        if self.n_topics is not None:
            return ""
        numbers = candidate_numbers(self.n_train, self.selection_config)
        return f"number of topics: chosen among {len(numbers)} from {numbers[0]} to {numbers[-1]}, after reading"

    def _training(self) -> str:
        which = "all documents" if self.n_train == self.n_distinct else f"{self.n_train:,} documents"
        named = f", {len(self.guides)} of them guided," if self.guides else ""
        count = "topics" if self.n_topics is None else counted(self.n_topics, "topic")
        topics = f"{count}{named} over {len(self.vocabulary):,} words"
        return (
            f"topic model: {name_of(self.recipe.backbone)}, {topics}, "
            f"inputs {' + '.join(self.inputs)}, target {self.recipe.target}, trained on {which}"
        )


def check_n_topics(n_topics: object) -> None:
    """Raise InputError unless this is a number of topics, or "auto"."""
    if isinstance(n_topics, str) and n_topics != AUTO:
        raise InputError(f"n_topics is {n_topics!r}; give a whole number of at least 2, or 'auto'")
    if n_topics != AUTO:
        check_whole("n_topics", n_topics, 2)


def resolve_plan(source: Source, options: FitOptions, language: CorpusLanguage | None = None) -> FitPlan:
    """Decide what a fit will do; nothing is read, encoded or trained.

    Parameters
    ----------
    source : Source
        Documents and what is known of them.
    options : FitOptions
        What the caller asks for.
    language : CorpusLanguage or None, default=None
        Languages of the documents, where they are known already.

    Raises
    ------
    InputError
        If the options do not go with each other or with the documents.
    AssetError, LanguageModelError
        If a model that will be needed is not on this machine.
    """
    recipe = options.resolved_recipe()
    least = _least_documents(source, options)
    recipe = replace(recipe, **_available(recipe, source, options))
    words = plan_words(source, options.vocabulary, options.language, recipe.vocabulary, language)
    recipe = with_encoder(recipe, words.language, needed=options.embedder is None and source.embeddings is None)
    guides = _guides(recipe, source, options, words.vocabulary)
    teacher, choose = _teacher(recipe, source, options, words.language)
    n_read, read = _documents_read(recipe, source, options, teacher)
    if n_to_train_on(source.count, n_read, recipe.max_training_documents) < least:
        raise InputError(
            f"max_training_documents is {recipe.max_training_documents} for {options.n_topics} topics; "
            "give at least as many documents as topics"
        )
    embedder = pick_embedder(recipe, source, options, device="auto" if teacher is None else str(teacher.device))
    return FitPlan(
        recipe=recipe,
        n_topics=None if options.n_topics == AUTO else int(options.n_topics),
        seed=seed_of(options.random_state),
        n_documents=len(source.corpus),
        n_distinct=source.count,
        words=words,
        guides=guides,
        teacher=teacher,
        n_read=n_read,
        read=read,
        encoded=_documents_encoded(recipe, source, n_read, read),
        embedder=embedder,
        choose_demonstrations=choose,
        features_exist=source.features is not None,
        features=options.features,
        word_vectors=options.word_vectors,
        truncation=truncation(source, teacher if n_read and source.features is None else None, embedder),
        cost=expected_cost(source, recipe, teacher if source.features is None else None, n_read, embedder),
    )


def _least_documents(source: Source, options: FitOptions) -> int:
    """Number of distinct documents that the topics need; raises InputError where there are fewer."""
    least = MIN_DOCUMENTS if options.n_topics == AUTO else int(options.n_topics)
    if options.n_topics == AUTO and source.count < least:
        raise InputError(f"n_topics='auto' needs {least} distinct documents, there are {source.count}; give a number")
    if source.count < least:
        documents = counted(source.count, "distinct document")
        step = "give more documents" if source.count < 2 else "give more documents or fewer topics"
        raise InputError(f"{documents} for {options.n_topics} topics; {step}")
    return least


def _guides(recipe: Recipe, source: Source, options: FitOptions, vocabulary: Vocabulary) -> tuple[Guide, ...]:
    guides = parse_guides(options.guides)
    if guides and recipe.groups is None:
        raise InputError("guides= need initial groups, which this recipe has none of; use recipe='default'")
    if options.n_topics == AUTO and len(guides) > source.count // 4:
        raise InputError(f"{len(guides)} guides for {source.count} distinct documents; give n_topics a number")
    if options.n_topics != AUTO and len(guides) > int(options.n_topics):
        raise InputError(f"{len(guides)} guides for {options.n_topics} topics; give at least as many topics as guides")
    if guides and not source.has_texts:
        raise InputError("guides= are found by texts; give texts beside soft_labels=")
    word_shares(guides, source.corpus.distinct.texts, vocabulary)  # one unknown ends the fit here
    return guides


def _available(recipe: Recipe, source: Source, options: FitOptions) -> dict[str, str]:
    """Inputs and target of the recipe; with arrays of the caller's those of them that can be had.

    What the caller asks for by name is never left out: it is an error where it cannot be had.
    """
    inputs, target = split_inputs(recipe.inputs), split_target(recipe.target)
    arrays = source.features is not None and source.teacher is None
    if arrays and options.inputs is None:
        kept = [part for part in inputs if _can_be_had(part, source)]
        # The vectors brought along stand in for those that would have to be made.
        missing = not {"hidden", "embedding"} & set(kept) and {"hidden", "embedding"} & set(inputs)
        inputs = ("hidden", *kept) if missing or not kept else tuple(kept)
    if arrays and options.target is None and not source.has_texts and "soft" in target:
        target = ("soft",)
    settings = {"inputs": "+".join(inputs), "target": "+".join(target)}
    if not source.has_texts and recipe.with_options(**settings).reads_words:
        raise InputError("words of the documents are counted; give texts beside soft_labels=")
    if arrays and (inputs, target) != (split_inputs(recipe.inputs), split_target(recipe.target)):
        log.info("inputs %s, target %s: what the recipe adds to them was not given", "+".join(inputs), "+".join(target))
    return settings


def _can_be_had(part: str, source: Source) -> bool:
    if INPUTS[part].needs_embeddings and source.embeddings is None:
        return False
    if part == "embedding":
        return True
    return source.has_texts if INPUTS[part].reads_words else True


def _documents_read(
    recipe: Recipe, source: Source, options: FitOptions, teacher: BaseTeacher | None
) -> tuple[int, ReadRows | None]:
    """How many distinct documents the language model reads, or has read, and their places where they are known."""
    if not recipe.needs_lm:
        return 0, np.empty(0, dtype=np.int64)
    partial = options.sample is not None and options.sample < 1
    if source.features is not None:
        if partial:
            raise InputError("sample= is of texts that a language model reads; give texts, or leave it out")
        read = np.arange(source.count) if source.read is None else source.read
        if "hidden" in recipe.inputs and len(read) < source.count:
            raise InputError("hidden states are an input and were not read of all documents; leave out inputs=")
        return len(read), read
    if "hidden" in recipe.inputs:
        if partial:
            raise InputError("hidden states are an input and not read of all documents; leave out inputs= or sample=")
        return source.count, np.arange(source.count)
    predictable = recipe.needs_embeddings or source.embeddings is not None or "bow" in recipe.target
    if not predictable and partial:
        raise InputError("what is not read is predicted from sentence vectors or words; give inputs='embedding'")
    if isinstance(teacher, EncoderTeacher):
        # What it says of a document follows from the sentence vector: all that are trained on are read.
        read = documents_to_read(source.count, options.sample, recipe.max_training_documents)
        return len(read), read
    limit = n_affordable(source.corpus.distinct.texts, recipe) if predictable else None
    read = documents_to_read(source.count, options.sample, limit)
    config, has_vectors = recipe.read.medoids, recipe.needs_embeddings or source.embeddings is not None
    by_vectors = config is not None and has_vectors and len(read) <= config.max_clusters
    return len(read), None if by_vectors and len(read) < source.count else read


def _documents_encoded(
    recipe: Recipe, source: Source, n_read: int, read: ReadRows | None
) -> TrainRows | None:  # fmt: skip
    """Places of the documents that sentence vectors are made of; None: of all, or of none."""
    if not recipe.needs_embeddings or "embedding" in split_inputs(recipe.inputs):
        return None
    size = n_to_train_on(source.count, n_read, recipe.max_training_documents)
    return documents_to_train_on(source.count, np.empty(0, dtype=np.int64) if read is None else read, size)


def _teacher(
    recipe: Recipe, source: Source, options: FitOptions, language: CorpusLanguage
) -> tuple[BaseTeacher | None, bool]:
    """The language model, and whether a prompt with examples from the corpus is chosen for it."""
    if not recipe.needs_lm or source.features is not None:
        return source.teacher, False
    lm = teacher_name(recipe, language) if options.lm == FOR_LANGUAGE else options.lm
    if lm == ENCODER_TEACHER:
        return encoder_teacher(recipe, options.embedder), False
    teacher = open_teacher(lm, **recipe.read.teacher_options(source.count))
    teacher = with_prompts_in(teacher, prompt_language(teacher, language, recipe.read.prompt_language))
    _ = teacher.fingerprint  # a language model that is not on this machine is named before anything is read
    # A teacher of the caller's, or on a server, keeps its prompts unless examples are asked for by name.
    free = isinstance(options.lm, str) and isinstance(teacher, Teacher)
    choose = recipe.read.demonstrations is not None and (free or options.demonstrations == "auto")
    return (require_local(teacher, "demonstrations='auto'") if choose else teacher), choose


def pick_embedder(
    recipe: Recipe, source: Source, options: FitOptions, *, device: str = "auto"
) -> Embedder | None:  # fmt: skip
    """What makes sentence vectors; None where none are needed, or the caller brings them and names no encoder."""
    if not recipe.needs_embeddings:
        return None
    if options.embedder is None and source.embeddings is not None:
        return None
    embedder = as_embedder(options.embedder)
    if callable(embedder):
        return embedder
    name = recipe.encoder.name if embedder in (None, FOR_LANGUAGE) else embedder
    return SentenceEncoder(name, max_tokens=recipe.encoder.max_tokens, device=device)
