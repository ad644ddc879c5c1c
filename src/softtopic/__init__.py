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
    from softtopic.corpus import Corpus as Corpus
    from softtopic.embedding import SentenceEncoder as SentenceEncoder
    from softtopic.errors import SofttopicError as SofttopicError
    from softtopic.guidance import GuideConfig as GuideConfig
    from softtopic.index import RetrievalIndex as RetrievalIndex
    from softtopic.labels_file import SoftLabels as SoftLabels
    from softtopic.labels_file import read_soft_labels as read_soft_labels
    from softtopic.model import TopicModel as TopicModel
    from softtopic.readers import Columns as Columns
    from softtopic.readers import read_corpus as read_corpus
    from softtopic.recipes import Recipe as Recipe
    from softtopic.store import FeatureStore as FeatureStore
    from softtopic.teacher.model import Teacher as Teacher
    from softtopic.teacher.prompt import Prompt as Prompt
    from softtopic.teacher.server import ServerTeacher as ServerTeacher
    from softtopic.training.trainer import TrainingConfig as TrainingConfig
    from softtopic.vocabulary import Vocabulary as Vocabulary
    from softtopic.word_vectors import WordVectors as WordVectors

_HOMES = {
    "Columns": "readers",
    "Corpus": "corpus",
    "FeatureStore": "store",
    "GuideConfig": "guidance",
    "Prompt": "teacher.prompt",
    "Recipe": "recipes",
    "RetrievalIndex": "index",
    "SentenceEncoder": "embedding",
    "ServerTeacher": "teacher.server",
    "SoftLabels": "labels_file",
    "SofttopicError": "errors",
    "Teacher": "teacher.model",
    "TopicModel": "model",
    "TrainingConfig": "training.trainer",
    "Vocabulary": "vocabulary",
    "WordVectors": "word_vectors",
    "read_corpus": "readers",
    "read_soft_labels": "labels_file",
}

__all__ = [  # noqa: RUF022
    "__version__",
    "Columns",
    "Corpus",
    "FeatureStore",
    "GuideConfig",
    "Prompt",
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
    "WordVectors",
    "read_corpus",
    "read_soft_labels",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'softtopic' has no attribute {name!r}")
    return getattr(import_module(f"softtopic.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
