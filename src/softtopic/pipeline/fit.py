"""A fit, step by step.

encode → choose documents → read → represent → targets → number of topics → graph → propagate labels → initial groups →
train → describe
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from softtopic.backbones.base import Backbone
from softtopic.backbones.registry import build_backbone
from softtopic.backbones.settings import Sizes
from softtopic.data.corpus import Corpus, equidistant
from softtopic.data.fillers import are_fillers
from softtopic.errors import InputError
from softtopic.graph.agreement import weigh_by_agreement
from softtopic.graph.anchors import mean_points
from softtopic.graph.config import GroupsConfig
from softtopic.graph.initial_groups import (
    InitialGroups,
    Labels,
    Points,
    document_graph,
    document_weights,
    initial_groups,
    label_points,
    normalize_views,
)
from softtopic.graph.neighbours import View
from softtopic.inputs.language_axes import Axes, without_language
from softtopic.inputs.projection import fit_components, project
from softtopic.inputs.word_vectors import word_matrix
from softtopic.lm.encoder import SentenceEncoder
from softtopic.lm.vectors import embed
from softtopic.pipeline.guidance import anchors_of
from softtopic.pipeline.multilingual import axes_of
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.predict import infer, mixtures_of_all
from softtopic.pipeline.read import read_documents
from softtopic.pipeline.represent import Representation, represent, sentence_vectors
from softtopic.pipeline.sources import Source
from softtopic.pipeline.targets import Targets, calibrate, make_targets
from softtopic.selection import Selection, candidate_numbers, select_n_topics
from softtopic.state import DocumentVectors, FittedState
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import Progress, RunClock, Step, clock_of
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.calibration import Calibration
from softtopic.topics.documents import excerpt, representative_rows, without_content
from softtopic.topics.inflection import merge_forms
from softtopic.topics.ranking import mean_document_vectors, relevance
from softtopic.training.dataset import TrainingData, l1_normalized
from softtopic.training.report import TrainingReport
from softtopic.training.trainer import train
from softtopic.types import DocInt, DocTopic, TopicVocab, TrainRows
from softtopic.wording import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class EarlierTopics:
    """Topics of an earlier model that a fit continues.

    Attributes
    ----------
    theta : ndarray of shape (n_distinct, n_earlier_topics)
        Mixtures of the distinct documents under the earlier model; rows sum to 1.
    weights : ndarray of shape (n_distinct,)
        Their weight in the target mixture of each document, in [0, 1].
    margin : float
        Share of them that is given to the largest topic first, in [0, 1].
    """

    theta: DocTopic
    weights: np.ndarray
    margin: float

    def largest(self, rows: TrainRows, n_topics: int) -> DocTopic:
        """Mixtures of some documents over at most n topics, those with most documents; none is without any."""
        theta = self.theta[rows]
        sizes = np.bincount(theta.argmax(axis=1), minlength=theta.shape[1])
        kept = np.sort(np.argsort(-sizes, kind="stable")[: min(n_topics, int((sizes > 0).sum()))])
        total = theta[:, kept].sum(axis=1, keepdims=True)
        return np.where(total > 0, theta[:, kept] / np.where(total > 0, total, 1), 1 / len(kept)).astype(np.float32)


def fit(
    plan: FitPlan, source: Source, *, progress: bool | RunClock = False, earlier: EarlierTopics | None = None
) -> tuple[FitPlan, FittedState, BaseTeacher | None]:  # fmt: skip
    """Carry out a plan.

    Parameters
    ----------
    plan : FitPlan
    source : Source
        The documents the plan was resolved for.
    progress : bool or RunClock, default=False
        Show progress bars on standard error, with the time left of the whole fit, or of the run that it is a part of.
    earlier : EarlierTopics or None, default=None
        Topics of an earlier model, which the first topics continue.

    Returns
    -------
    plan : FitPlan
        With the documents that were read.
    state : FittedState
    teacher : BaseTeacher or None
        The language model that read the documents, closed: training needs its memory more than new documents need it.
    """
    for line in plan.lines():
        log.info("%s", line)
    show = clock_of(progress, plan.cost.steps)
    vectors = sentence_vectors(plan, source, progress=show)
    axes = axes_of(plan, source, vectors)
    vectors = None if vectors is None else without_language(vectors, axes)
    plan = plan.choose_documents(vectors)
    if plan.teacher is not None and isinstance(plan.embedder, SentenceEncoder):
        # Opening a language model needs the most memory of a fit.
        plan.embedder.close()
        release_memory()
    teacher, features = read_documents(plan, source, vectors=vectors, axes=axes, progress=show)
    representation = represent(plan, source, vectors, features, axes)
    calibration = calibrate(plan, features, teacher)
    if teacher is not None:
        teacher.close()
    targets = make_targets(plan, source, representation, calibration)
    if plan.n_topics is None:
        plan = plan.choose_n_topics(select_topics(plan, targets))
        log.info("%s", plan.selection)
    groups = group_documents(plan, source, representation, targets, earlier=earlier, progress=show)
    backbone, report = train_backbone(plan, source, representation, targets, groups, progress=show)
    with Progress(Step.DESCRIBE, plan.chosen_n_topics, "topic", show=show) as bar:
        state = describe(plan, source, representation, targets, (backbone, report), (teacher, calibration))
        log.info("mixtures of %s", counted(len(state.theta), "document"))
        bar.advance(plan.chosen_n_topics)
    return plan, state, teacher


def select_topics(plan: FitPlan, targets: Targets) -> Selection:
    """Choose the number of topics on a sample of the documents, without labels and without reading anything again."""
    vectors = next((one for one in (targets.hidden, targets.embedding, targets.words) if one is not None), None)
    if vectors is None or not targets.labels:
        raise InputError(
            "n_topics='auto' compares vectors or words of documents, which this recipe lacks; give a number"
        )
    config = plan.selection_config
    rows = equidistant(len(vectors), config.max_documents)
    numbers = candidate_numbers(len(rows), config)
    labels = [part[rows] for part in targets.labels]
    views = [View(view.vectors[rows], view.weight) for view in targets.views(plan)]
    with Progress("number of topics", 4, "stages", show=False) as bar:
        points = document_points(plan, labels, views, numbers[len(numbers) // 2], bar)
    return select_n_topics(points, vectors[rows], plan.seed, config)


def document_points(plan: FitPlan, labels: Labels, views: Sequence[View], n_groups: int, bar: Progress) -> Points:
    """Build the neighbour graph and propagate labels over it, in four stages: points that k-means divides."""
    recipe, seed = plan.recipe, plan.seed
    groups = recipe.groups or GroupsConfig()
    views = weigh_by_agreement(views, n_groups, recipe.graph.agreement, seed)
    log.info("weights of the views: %s", ", ".join(f"{view.weight:.2f}" for view in views))
    bar.advance(1)
    views = normalize_views(labels, views, recipe.graph, groups, seed)
    bar.advance(1)
    graph = document_graph(views, n_groups, recipe.graph)
    log.info("neighbour graph of %s, %s", counted(graph.shape[0], "document"), counted(graph.nnz, "edge"))  # type: ignore[index]
    bar.advance(1)
    points = label_points(labels, graph, n_groups, recipe.graph, groups, seed)
    log.info(
        "labels propagated in %s, in %s", counted(recipe.graph.n_steps, "step"), counted(points.shape[1], "dimension")
    )
    bar.advance(1)
    return points


def group_documents(
    plan: FitPlan,
    source: Source,
    representation: Representation,
    targets: Targets,
    *,
    earlier: EarlierTopics | None = None,
    progress: bool | RunClock = False,
) -> InitialGroups | None:
    """Cluster documents by their propagated labels; None where the recipe has no groups.

    Topics of an earlier model are where the first groups lie, and have a weight in the target mixtures of documents,
    as in learning without forgetting (Li & Hoiem, 2016).
    """
    if plan.recipe.groups is None:
        return None
    n_topics, labels = plan.chosen_n_topics, targets.labels
    mixtures = None if earlier is None else earlier.largest(plan.train, n_topics)
    with Progress(Step.GROUP, 5, "stages", show=progress) as bar:
        points = document_points(plan, labels, targets.views(plan), n_topics, bar)
        if mixtures is None:
            anchors = anchors_of(plan, source, representation, targets, points)
        else:
            anchors = mean_points(points, mixtures)
        groups = initial_groups(points, labels, n_topics, plan.recipe.groups, plan.seed, anchors)
        if earlier is not None and mixtures is not None:
            groups = groups.mixed_with(mixtures, earlier.weights[plan.train], earlier.margin)
        log.info("%d initial groups, mean largest share %.2f", n_topics, groups.mixtures.max(axis=1).mean())
        bar.advance(1)
    return groups


def train_backbone(
    plan: FitPlan,
    source: Source,
    representation: Representation,
    targets: Targets,
    groups: InitialGroups | None,
    *,
    progress: bool | RunClock = False,
) -> tuple[Backbone, TrainingReport]:
    """Train the topic model to reproduce the targets."""
    recipe, device = plan.recipe, plan.device
    rng = torch.Generator(device).manual_seed(plan.seed)
    inputs = representation.inputs.at(plan.train)
    repeats = training_counts(source.corpus)[plan.train]
    documents = torch.from_numpy(np.repeat(np.arange(len(plan.train)), repeats)).to(device)
    vectors = word_matrix(plan.word_vectors, plan.vocabulary)
    sizes = Sizes(
        n_inputs=sum(inputs.widths.values()),
        n_topics=plan.chosen_n_topics,
        n_words=len(plan.vocabulary),
        word_width=None if vectors is None else vectors.shape[1],
    )
    backbone = build_backbone(recipe.backbone.resolved(recipe.training.temperature), sizes, rng).to(device)
    if vectors is not None:
        backbone.init_word_embeddings(torch.from_numpy(vectors).to(device))
    dense, sparse = inputs.trailing_sparse() if backbone.takes_sparse else (inputs, None)
    data = training_data(plan, targets, groups, torch.from_numpy(dense.dense()).to(device), documents)
    if sparse is not None:
        data = replace(data, sparse_inputs=sparse)
    if groups is not None:
        backbone.init_topic_word(torch.from_numpy(groups.topic_word).to(device))
    if recipe.standardize:
        backbone.standardize(data.inputs, torch.from_numpy(dense.are_continuous).to(device))
    report = train(backbone, data, recipe.training, rng, progress=progress)
    log.info("trained %s, loss %.3f nats", counted(len(report.losses), "epoch"), report.losses[-1])
    return backbone, report


def training_counts(corpus: Corpus) -> DocInt:
    """How often each distinct text counts: a text that stands twice counts twice, but fillers count once."""
    distinct, fillers = corpus.distinct, are_fillers(corpus.texts)
    counts = distinct.counts
    if fillers.any():
        example = corpus.texts[int(fillers.argmax())]
        texts = counted(int(fillers.sum()), "short text")
        log.info("%s repeated often, e.g. %r: each distinct one counts once", texts, example)
        counts[np.unique(distinct.rows[fillers])] = 1
    return counts


def training_data(
    plan: FitPlan,
    targets: Targets,
    groups: InitialGroups | None,
    inputs: torch.Tensor,
    documents: torch.Tensor,
) -> TrainingData:
    """Inputs and targets on the device. With target mixtures or mixed targets all documents weigh the same."""
    device = inputs.device
    mixtures = None if groups is None else torch.from_numpy(groups.mixtures).to(device)
    if targets.soft is not None:
        labels = torch.from_numpy(targets.soft).to(device)
        data = TrainingData(inputs=inputs, labels=labels, documents=documents, target_mixtures=mixtures)
        return data if targets.tf_idf is None else data.with_bow_targets(targets.tf_idf, plan.recipe.bow_weight)
    if targets.counts is None or targets.tf_idf is None:
        raise ValueError("targets hold neither soft labels nor words")
    if groups is None:
        return TrainingData.from_counts(inputs, targets.counts, documents)
    labels = l1_normalized(targets.tf_idf, device)
    return TrainingData(inputs=inputs, labels=labels, documents=documents, target_mixtures=mixtures)


def describe(
    plan: FitPlan,
    source: Source,
    representation: Representation,
    targets: Targets,
    trained: tuple[Backbone, TrainingReport],
    reading: tuple[BaseTeacher | None, Calibration | None],
) -> FittedState:
    """Topic mixtures of all documents, ranked words of all topics, and everything else a fitted model knows."""
    corpus, (backbone, report), (teacher, calibration) = source.corpus, trained, reading
    weights, topic_word = backbone.weights(), _topic_word(backbone)
    theta = infer(weights, plan.recipe.backbone, representation.inputs)
    mean_theta = np.average(theta, axis=0, weights=corpus.distinct.counts).astype(theta.dtype)
    all_theta = mixtures_of_all(corpus, theta, mean_theta)
    return FittedState(
        recipe=plan.recipe,
        seed=plan.seed,
        vocabulary=plan.vocabulary,
        widths=representation.inputs.widths,
        encoder=_encoder_of_inputs(plan),
        teacher=None if teacher is None else teacher.description,
        weights=weights,
        word_width=backbone.sizes.word_width,
        static=representation.static,
        lsa=representation.lsa,
        prior=None if calibration is None else calibration.prior,
        topic_word=topic_word,
        relevance=rank_words(plan, targets, topic_word, theta[plan.train], representation.axes),
        theta=all_theta,
        mean_theta=mean_theta,
        **_kept_of(corpus),
        representatives=tuple(representative_rows(all_theta, corpus.texts)),
        blank=without_content(corpus, plan.vocabulary),
        plan=tuple(plan.steps),
        training=report,
        selection=plan.selection,
        languages=plan.language.codes,
        language_axes=representation.axes,
        names=(*(guide.name for guide in plan.guides), *("",) * (len(topic_word) - len(plan.guides))),
        vectors=document_vectors(plan, source, representation, targets),
    )


def _kept_of(corpus: Corpus) -> dict[str, Any]:
    """What is kept of the documents themselves."""
    return {"ids": corpus.ids, "times": corpus.times, "excerpts": tuple(map(excerpt, corpus.texts))}


@torch.inference_mode()
def _topic_word(backbone: Backbone) -> TopicVocab:
    return backbone.topic_word().cpu().numpy()


def _encoder_of_inputs(plan: FitPlan) -> str | None:
    """Sentence encoder that new documents need."""
    return plan.embedder.name if "embedding" in plan.inputs and isinstance(plan.embedder, SentenceEncoder) else None


def document_vectors(
    plan: FitPlan, source: Source, representation: Representation, targets: Targets
) -> DocumentVectors | None:  # fmt: skip
    """Vectors of all documents and of the words, by which topics can be split; None where words are not counted."""
    labels = targets.soft if targets.tf_idf is None else targets.tf_idf
    if labels is None:
        return None
    components = fit_components(representation.inputs, seed=plan.seed)
    vectors, norms = project(representation.inputs, components)
    rows = source.corpus.distinct.rows
    return DocumentVectors(
        components=components,
        # Row -1, for blank documents, is the last one.
        documents=np.vstack([vectors, np.zeros_like(vectors[:1])])[rows],
        norms=np.append(norms, np.zeros_like(norms[:1]))[rows],
        words=mean_document_vectors(labels, vectors[plan.train].astype(np.float32)),
    )


def rank_words(
    plan: FitPlan, targets: Targets, topic_word: TopicVocab, theta: DocTopic, axes: Axes | None = None
) -> TopicVocab | None:
    """Relevance of words to topics; None where the recipe shows words by probability."""
    recipe = plan.recipe
    if recipe.ranking.order == "probability":
        return None
    views = []
    if isinstance(plan.embedder, SentenceEncoder):
        keep = plan.features is not None
        spelled = embed(plan.vocabulary.words, plan.embedder, keep=keep, device=str(plan.device))
        views.append(without_language(spelled, axes))
    # Hidden states where there are any: a sentence encoder has vectors for the words themselves.
    vectors = targets.embedding if targets.hidden is None else targets.hidden
    about = targets.soft if targets.soft is not None else targets.tf_idf
    if vectors is not None and about is not None:
        views.append(mean_document_vectors(about, vectors))
    words = None
    if targets.counts is not None:
        words = np.asarray((targets.counts.T @ document_weights(theta, recipe.ranking.document_power)).T)
    ranked = relevance(topic_word, words, views, recipe.ranking)
    return merge_forms(ranked, plan.vocabulary.words, plan.language.codes, recipe.ranking)
