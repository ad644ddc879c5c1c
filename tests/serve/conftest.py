import shutil

import pytest
from serving import NAMES, client_of

from softtopic import Corpus, TopicModel


@pytest.fixture(scope="session")
def fitted(texts, tmp_path_factory):
    """A folder with a model of four named topics, which reads texts without any other model."""
    folder = tmp_path_factory.mktemp("served") / "model"
    corpus = Corpus.from_texts(texts, times=[f"20{10 + row % 4}" for row in range(len(texts))])
    TopicModel(4, recipe="prodlda", vocabulary=40, features=None).fit(corpus).rename(NAMES).save(folder)
    return folder


@pytest.fixture
def folder(fitted, tmp_path):
    """A copy of it that a test may edit."""
    return shutil.copytree(fitted, tmp_path / "model")


@pytest.fixture
def client(folder):
    """A client of that copy."""
    return client_of(folder)


@pytest.fixture(scope="session")
def asking(fitted):
    """A client for requests that change nothing."""
    return client_of(fitted)
