"""softtopic: topics of a text collection, distilled from a language model.

    from softtopic import TopicModel

    model = TopicModel(n_topics=50)
    theta = model.fit_transform(texts)     # [documents, topics], rows sum to 1
    model.get_topic_info()

Importing this package does no work: each name is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from softtopic.data.corpus import Corpus as Corpus
    from softtopic.data.document_stream import DocumentStream as DocumentStream
    from softtopic.data.readers import Columns as Columns
    from softtopic.data.readers import read_corpus as read_corpus
    from softtopic.data.vocabulary import Vocabulary as Vocabulary
    from softtopic.data.vocabulary import VocabularyConfig as VocabularyConfig
    from softtopic.errors import SofttopicError as SofttopicError
    from softtopic.features.soft_label_files import SoftLabels as SoftLabels
    from softtopic.features.soft_label_files import read_soft_labels as read_soft_labels
    from softtopic.features.store import FeatureStore as FeatureStore
    from softtopic.graph.config import GraphConfig as GraphConfig
    from softtopic.graph.config import GroupsConfig as GroupsConfig
    from softtopic.inputs.word_vectors import WordVectors as WordVectors
    from softtopic.lm.encoder import SentenceEncoder as SentenceEncoder
    from softtopic.model import TopicModel as TopicModel
    from softtopic.model import load as load
    from softtopic.pipeline.plan import FitPlan as FitPlan
    from softtopic.recipes import ReadConfig as ReadConfig
    from softtopic.recipes import Recipe as Recipe
    from softtopic.retrieval.index import RetrievalIndex as RetrievalIndex
    from softtopic.state import FittedState as FittedState
    from softtopic.storage.parts import PartFolder as PartFolder
    from softtopic.teacher.encoder import EncoderTeacher as EncoderTeacher
    from softtopic.teacher.local import Teacher as Teacher
    from softtopic.teacher.prompts import Prompt as Prompt
    from softtopic.teacher.server import ServerTeacher as ServerTeacher
    from softtopic.topics.comparison import compare as compare
    from softtopic.training.config import TrainingConfig as TrainingConfig

_HOMES = {
    "Columns": "data.readers",
    "Corpus": "data.corpus",
    "DocumentStream": "data.document_stream",
    "EncoderTeacher": "teacher.encoder",
    "FeatureStore": "features.store",
    "FitPlan": "pipeline.plan",
    "FittedState": "state",
    "GraphConfig": "graph.config",
    "GroupsConfig": "graph.config",
    "PartFolder": "storage.parts",
    "Prompt": "teacher.prompts",
    "ReadConfig": "recipes",
    "Recipe": "recipes",
    "RetrievalIndex": "retrieval.index",
    "SentenceEncoder": "lm.encoder",
    "ServerTeacher": "teacher.server",
    "SoftLabels": "features.soft_label_files",
    "SofttopicError": "errors",
    "Teacher": "teacher.local",
    "TopicModel": "model",
    "TrainingConfig": "training.config",
    "Vocabulary": "data.vocabulary",
    "VocabularyConfig": "data.vocabulary",
    "WordVectors": "inputs.word_vectors",
    "compare": "topics.comparison",
    "load": "model",
    "read_corpus": "data.readers",
    "read_soft_labels": "features.soft_label_files",
}

__all__ = [  # noqa: RUF022
    "__version__",
    "Columns",
    "Corpus",
    "DocumentStream",
    "EncoderTeacher",
    "FeatureStore",
    "FitPlan",
    "FittedState",
    "GraphConfig",
    "GroupsConfig",
    "PartFolder",
    "Prompt",
    "ReadConfig",
    "Recipe",
    "RetrievalIndex",
    "SentenceEncoder",
    "ServerTeacher",
    "SoftLabels",
    "SofttopicError",
    "Teacher",
    "TopicModel",
    "TrainingConfig",
    "Vocabulary",
    "VocabularyConfig",
    "WordVectors",
    "compare",
    "load",
    "read_corpus",
    "read_soft_labels",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'softtopic' has no attribute {name!r}")
    return getattr(import_module(f"softtopic.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
