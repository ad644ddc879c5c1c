"""TopicModel: the estimator."""

import logging
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.special import softmax
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from softtopic.backbones.registry import BACKBONES, build_backbone
from softtopic.corpus import Corpus
from softtopic.errors import InputError, StoreMismatchError
from softtopic.extract.plan import extract, is_kept
from softtopic.index import RetrievalIndex
from softtopic.objective import soft_labels
from softtopic.recipes import Recipe, get_recipe
from softtopic.store import Features, FeatureStore
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.calibrate import CONTENT_FREE, Calibration, check_calibration
from softtopic.teacher.loading import EMBEDDED, pick_device
from softtopic.teacher.opening import described_teacher, open_teacher
from softtopic.topics import Topics, representative_documents
from softtopic.training.trainer import TrainingData, TrainingReport, train
from softtopic.types import DocHidden, DocInt, DocTopic, DocVocab, TopicVocab
from softtopic.vocabulary import Vocabulary

log = logging.getLogger(__name__)

# Fewer new documents than this are read in memory: keeping them would cost more than reading them again.
_KEEP_FROM = 256


# scikit-learn would wrap `transform` and ask for X even where hidden= is given.
class TopicModel(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Topics of a text collection, distilled from a language model.

    Args:
        n_topics: number of topics, at least 2 and at most the number of distinct documents.
        recipe: "default", "paper" (the published settings) or a Recipe.
        backbone: the topic model trained: "prodlda".
        lm: the teacher: "smollm2-135m" (embedded), a local folder, a GGUF file, a Hugging Face id, the address of a
            server (see ServerTeacher), or a Teacher.
        vocabulary: a number of words to find in the texts, a list of words, a Vocabulary or a CountVectorizer.
        language: whose stop words are left out; "none" keeps all.
        features: where the teacher's work is kept: "auto" (the cache folder), a feature folder, or None (nowhere).
        random_state: seed of everything random.
        progress: show progress bars on standard error.

    After `fit`:
        topics_: topic with the largest share, one for each document, int64 [documents].
        probabilities_: theta, [documents, topics], rows sum to 1.
        components_: topic-word distributions, [topics, vocab], rows sum to 1.
        vocabulary_, teacher_, training_: what was used and how training went.

    A blank document is not read: its theta is the mean of all others.

    """

    def __init__(
        self,
        n_topics: int = 50,
        *,
        recipe: str | Recipe = "default",
        backbone: str = "prodlda",
        lm: str | BaseTeacher = EMBEDDED,
        vocabulary: int | Sequence[str] | np.ndarray | Vocabulary | CountVectorizer = 2000,
        language: str = "english",
        features: str | Path | None = "auto",
        random_state: int = 0,
        progress: bool = False,
    ) -> None:
        self.n_topics = n_topics
        self.recipe = recipe
        self.backbone = backbone
        self.lm = lm
        self.vocabulary = vocabulary
        self.language = language
        self.features = features
        self.random_state = random_state
        self.progress = progress

    def fit(
        self,
        X: Iterable[str] | Corpus | None = None,
        y: object = None,
        *,
        soft_labels: DocVocab | None = None,
        hidden: DocHidden | None = None,
    ) -> "TopicModel":
        """Find topics in texts. Returns self.

        Without texts the documents kept in the feature folder are taken. With `hidden` (any vectors, [documents,
        width]) and `soft_labels` (log probabilities of the words of `vocabulary`, [documents, vocab]) no language
        model is asked. `y` is ignored: labels are never learnt from.
        """
        self._check()
        corpus, features = self._features(X, soft_labels, hidden)
        rows = corpus.distinct.rows
        if len(features) < self.n_topics:
            raise InputError(
                f"{len(features)} distinct documents for {self.n_topics} topics; give more documents or fewer topics"
            )
        self.calibration_ = self._calibrate(features, asked=hidden is None)
        # Training needs its memory more than new documents need it loaded already.
        self.teacher_.close()
        self._train(features, rows[rows >= 0])
        self._keep(corpus, self._infer(features.hidden))
        return self

    def fit_transform(self, X: Iterable[str] | Corpus | None = None, y: object = None, **given: Any) -> DocTopic:
        """`fit`, then theta of the same documents: equal to `fit(X).transform(X)`."""
        return self.fit(X, y, **given).probabilities_

    def transform(self, X: Iterable[str] | Corpus | None = None, *, hidden: DocHidden | None = None) -> DocTopic:
        """Theta of documents, old or new: [documents, topics], rows sum to 1.

        Deterministic and independent of the other documents given. With `hidden` no language model is asked.
        """
        check_is_fitted(self, "backbone_")
        if hidden is not None:
            return self._infer(self._checked_hidden(hidden))
        if X is None:
            raise InputError("nothing to transform; give texts, or hidden= vectors")
        corpus = X if isinstance(X, Corpus) else Corpus.from_texts(X)
        distinct = corpus.distinct.texts
        if not distinct:
            return self._spread(corpus, np.empty((0, self.n_topics), dtype=np.float32))
        keep = self.features if self.features is None or len(distinct) >= _KEEP_FROM else None
        known = keep and is_kept(corpus, self.vocabulary_, self.teacher_)
        teacher = self.teacher_ if known else self.teacher_.states_only
        features = extract(corpus, self.vocabulary_, teacher, features="auto" if keep else None, progress=self.progress)
        return self._spread(corpus, self._infer(self._checked_hidden(features.hidden)))

    def soft_labels(self, X: Iterable[str] | Corpus) -> DocVocab:
        """What the teacher expects of documents, old or new, as the model was taught: [documents, vocab], float32.

        Calibrated by the training corpus and tempered; rows sum to 1, those of blank documents are uniform.
        """
        check_is_fitted(self, "backbone_")
        corpus, recipe = X if isinstance(X, Corpus) else Corpus.from_texts(X), get_recipe(self.recipe)
        read = extract(corpus, self.vocabulary_, self.teacher_, features=None, progress=self.progress).log_probs
        prior = None if self.calibration_ is None else torch.from_numpy(self.calibration_.offset)
        settings = {"temperature": recipe.training.temperature, "top_k": recipe.training.top_k, "prior": prior}
        blank = np.zeros((1, len(self.vocabulary_)), dtype=np.float32)
        labels = soft_labels(torch.from_numpy(read), **settings).numpy()
        return np.concatenate([labels, softmax(blank, axis=1)])[corpus.distinct.rows]

    def get_topics(self, n_words: int = 10) -> dict[int, list[tuple[str, float]]]:
        """The top words of every topic with their probabilities."""
        return {topic: self.get_topic(topic, n_words) for topic in range(self.n_topics)}

    def get_topic(self, topic: int, n_words: int = 10) -> list[tuple[str, float]]:
        """The top words of one topic with their probabilities."""
        self._check_topic(topic)
        return self.topics.top(topic, n_words)

    def get_topic_info(self) -> pd.DataFrame:
        """One row for each topic, largest first: Topic, Count, Name, Representation, Representative_Docs."""
        check_is_fitted(self, "backbone_")
        count = np.bincount(self.topics_, minlength=self.n_topics)
        frame = pd.DataFrame({
            "Topic": range(self.n_topics),
            "Count": count,
            "Name": self.topics.names(),
            "Representation": self.topics.top_words(10),
            "Representative_Docs": self.representative_docs_,
        })  # fmt: skip
        return frame.sort_values("Count", ascending=False, kind="stable", ignore_index=True)

    def get_document_info(self) -> pd.DataFrame:
        """One row for each training document: Id, Document (its beginning), Topic, Name, Probability."""
        check_is_fitted(self, "backbone_")
        names = self.topics.names()
        return pd.DataFrame({
            "Id": self.ids_,
            "Document": self.excerpts_,
            "Topic": self.topics_,
            "Name": [names[topic] for topic in self.topics_],
            "Probability": self.probabilities_.max(axis=1),
        })  # fmt: skip

    def get_representative_docs(self, topic: int) -> list[str]:
        """The documents in which a topic's share is largest."""
        self._check_topic(topic)
        return self.representative_docs_[topic]

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns of theta."""
        check_is_fitted(self, "backbone_")
        return np.asarray(self.topics.names(), dtype=object)

    def search(self, query: str, k: int = 10) -> pd.DataFrame:
        """The training documents whose topic mixture is nearest to the query's, nearest first.

        Columns: Document (its position), Id, Divergence (KL(query ‖ document) in nats), Topic, Text (its beginning).
        """
        theta = self._theta_of_query(query)
        hits = RetrievalIndex(self.probabilities_).search(theta, k)
        found = hits.ids[0]
        return pd.DataFrame({
            "Document": found,
            "Id": [self.ids_[document] for document in found],
            "Divergence": hits.divergences[0],
            "Topic": self.topics_[found],
            "Text": [self.excerpts_[document] for document in found],
        })  # fmt: skip

    def find_topics(self, query: str, top_n: int = 5) -> tuple[list[int], list[float]]:
        """The topics with the largest shares in a query, and the shares."""
        theta = self._theta_of_query(query)[0]
        best = np.argsort(-theta, kind="stable")[:top_n]
        return [int(topic) for topic in best], [float(theta[topic]) for topic in best]

    def save(self, path: str | Path, *, excerpts: bool = True) -> None:
        """Write a model folder: JSON, safetensors and Parquet. With `excerpts=False` no text of a document is kept."""
        from softtopic.saving import save

        check_is_fitted(self, "backbone_")
        save(self, path, excerpts=excerpts)

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "TopicModel":
        """Read a model folder written by `save`; raises ModelFileError where it is damaged or not one."""
        from softtopic.saving import load

        return load(path, device=device)

    @property
    def topics(self) -> Topics:
        """The topics' words."""
        check_is_fitted(self, "backbone_")
        return Topics(self.components_, self.vocabulary_.words)

    # What fit learns, for type checkers.
    backbone_: Any
    vocabulary_: Vocabulary
    teacher_: BaseTeacher
    training_: TrainingReport | None
    calibration_: Calibration | None
    components_: TopicVocab
    probabilities_: DocTopic
    topics_: DocInt
    mean_theta_: Float[np.ndarray, " topics"]
    ids_: tuple[str, ...]
    excerpts_: tuple[str, ...]
    representative_docs_: list[list[str]]

    def _check(self) -> None:
        if not isinstance(self.n_topics, int | np.integer) or self.n_topics < 2:
            raise InputError(f"n_topics is {self.n_topics}; give a whole number of at least 2")
        if self.backbone not in BACKBONES:
            raise InputError(f"backbone {self.backbone!r} is not known; choose one of {', '.join(BACKBONES)}")
        recipe = get_recipe(self.recipe)
        check_calibration(recipe.calibration, recipe.strength)

    def _check_topic(self, topic: int) -> None:
        check_is_fitted(self, "backbone_")
        if not 0 <= topic < self.n_topics:
            raise InputError(f"topic {topic} is not there; topics are 0 to {self.n_topics - 1}")

    def _features(
        self, X: Iterable[str] | Corpus | None, soft_labels: DocVocab | None, hidden: DocHidden | None
    ) -> tuple[Corpus, Features]:
        self.teacher_ = open_teacher(self.lm, branches=get_recipe(self.recipe).branches)
        if soft_labels is not None or hidden is not None:
            return self._brought(X, soft_labels, hidden)
        if X is None:
            return self._stored()
        corpus = X if isinstance(X, Corpus) else Corpus.from_texts(X)
        texts = corpus.distinct.texts
        if not texts:
            raise InputError(f"{len(corpus)} documents, none with text; give documents to find topics in")
        if len(texts) < self.n_topics:
            raise InputError(
                f"{len(texts)} distinct documents for {self.n_topics} topics; give more documents or fewer topics"
            )
        self.vocabulary_ = Vocabulary.build(self.vocabulary, texts, self.language)
        features = extract(corpus, self.vocabulary_, self.teacher_, features=self.features, progress=self.progress)
        return corpus, features

    def _stored(self) -> tuple[Corpus, Features]:
        if self.features is None or self.features == "auto":
            raise InputError("nothing to fit; give texts, or features= a folder made by `softtopic teach`")
        store = FeatureStore.open(self.features)
        teacher = described_teacher(store.manifest.described)
        if teacher.fingerprint != store.manifest.teacher:
            raise StoreMismatchError(f"{self.features} was made by another language model; run `softtopic teach` again")
        self.teacher_, self.vocabulary_ = teacher, store.vocabulary
        return store.documents(), store.read()

    def _brought(
        self, X: Iterable[str] | Corpus | None, soft_labels: DocVocab | None, hidden: DocHidden | None
    ) -> tuple[Corpus, Features]:
        if soft_labels is None or hidden is None or len(soft_labels) != len(hidden):
            raise InputError("soft_labels= and hidden= go together, one row each for every document")
        if isinstance(self.vocabulary, int):
            raise InputError("soft_labels= need vocabulary= the list of words their columns stand for")
        self.vocabulary_ = Vocabulary.build(self.vocabulary, ())
        if soft_labels.shape[1] != len(self.vocabulary_):
            raise InputError(f"soft_labels have {soft_labels.shape[1]} columns for {len(self.vocabulary_)} words")
        # Every row is a document of its own, whatever its text: the features may differ where texts do not.
        if X is None:
            X = [f"document {row}" for row in range(len(hidden))]
        given = X if isinstance(X, Corpus) else Corpus.from_texts(X)
        if len(given) != len(hidden):
            raise InputError(f"{len(given)} texts for {len(hidden)} rows of hidden; give one for each")
        return Corpus.from_rows(given.texts, ids=given.ids, labels=given.labels), Features(soft_labels, hidden)

    def _calibrate(self, features: Features, *, asked: bool) -> Calibration | None:
        recipe = get_recipe(self.recipe)
        if recipe.calibration == "none":
            return None
        if recipe.calibration == "corpus":
            return Calibration.fit(features.log_probs, "corpus", recipe.strength)
        if not asked:
            raise InputError(
                "soft_labels= without a language model know no content-free prior; calibrate on the corpus"
            )
        output = self.teacher_.read(CONTENT_FREE, self.vocabulary_)
        return Calibration.fit(output.log_probs, "content-free", recipe.strength)

    def _train(self, features: Features, documents: DocInt) -> None:
        recipe = get_recipe(self.recipe)
        device = pick_device(self.teacher_.device.type)
        noise = torch.Generator(device).manual_seed(self.random_state)
        prior = None if self.calibration_ is None else torch.from_numpy(self.calibration_.offset).to(device)
        data = TrainingData.distil(
            torch.from_numpy(features.hidden).to(device),
            torch.from_numpy(features.log_probs),
            torch.from_numpy(documents).to(device),
            recipe.training,
            prior,
        )
        settings = {
            "n_inputs": features.hidden.shape[1],
            "n_topics": self.n_topics,
            "n_words": len(self.vocabulary_),
            "dropout": recipe.dropout,
            "temperature": recipe.training.temperature,
        }
        self.backbone_ = build_backbone(self.backbone, settings, noise).to(device)
        if recipe.standardise:
            self.backbone_.encoder.standardise(data.inputs.float())
        self.training_ = train(self.backbone_, data, recipe.training, noise, progress=self.progress)
        with torch.inference_mode():
            self.components_ = self.backbone_.topic_word().cpu().numpy()

    def _keep(self, corpus: Corpus, theta: DocTopic) -> None:
        """What is remembered of the training documents."""
        rows = corpus.distinct.rows
        self.mean_theta_ = theta[rows[rows >= 0]].mean(axis=0)
        self.probabilities_ = self._spread(corpus, theta)
        self.topics_ = self.probabilities_.argmax(axis=1)
        self.ids_ = corpus.ids
        self.excerpts_ = tuple(excerpt(text) for text in corpus.texts)
        self.representative_docs_ = representative_documents(self.probabilities_, corpus.texts)

    def _spread(self, corpus: Corpus, theta: DocTopic) -> Float[np.ndarray, "all_docs topics"]:
        """Theta of the distinct documents → theta of all; blank ones get the mean mixture, and a warning."""
        if corpus.n_empty:
            warnings.warn(
                f"{corpus.n_empty} of {len(corpus)} documents are empty; their topic mixture is the mean of the others",
                stacklevel=3,
            )
        # Row -1, for blank documents, is the last one.
        return np.vstack([theta, self.mean_theta_])[corpus.distinct.rows]

    def _checked_hidden(self, hidden: DocHidden) -> DocHidden:
        width = self.backbone_.config.n_inputs
        if hidden.ndim != 2 or hidden.shape[1] != width:
            raise InputError(
                f"hidden has shape {hidden.shape}; expected [documents, {width}]: vectors of the model it was fitted on"
            )
        return hidden

    @torch.inference_mode()
    def _infer(self, hidden: DocHidden) -> DocTopic:
        device = next(self.backbone_.parameters()).device
        parts = [
            self.backbone_.infer(torch.from_numpy(hidden[start : start + 4096]).to(device).float()).cpu().numpy()
            for start in range(0, len(hidden), 4096)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.n_topics), dtype=np.float32)

    def _theta_of_query(self, query: str) -> DocTopic:
        check_is_fitted(self, "backbone_")
        if not query.strip():
            raise InputError("the query is empty; give a word or a text to look for")
        return self.transform([query])


def excerpt(text: str, length: int = 300) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text[: 2 * length].split())
    return line if len(line) <= length else line[: length - 1] + "…"
