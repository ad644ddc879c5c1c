import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest

from softtopic.cli import main


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in this process: exit code, standard output, standard error."""
    # A command without --out writes into the folder it runs in.
    monkeypatch.chdir(tmp_path)

    def call(*arguments) -> tuple[int, str, str]:
        capsys.readouterr()
        # As in a new process, a warning is shown again; Python shows it once for each place it comes from.
        with warnings.catch_warnings(), pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return call


@pytest.fixture
def posts(texts, tmp_path):
    path = tmp_path / "posts.csv"
    groups = ["data", "space", "food", "state", "photo", "data", "space", "food", "state", "photo", "data", "space"]
    pd.DataFrame({"body": texts, "group": groups, "key": [f"k{n}" for n in range(12)]}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def fitted(texts, tiny_lm, tmp_path_factory):
    """A model of the posts, as `softtopic fit --recipe light --lm tiny_lm` makes it."""
    from softtopic import Corpus, TopicModel

    corpus = Corpus.from_texts(texts, ids=[f"k{n}" for n in range(12)])
    TopicModel(3, recipe="light", lm=tiny_lm, vocabulary=40).fit(corpus).save(
        folder := tmp_path_factory.mktemp("fitted") / "m"
    )
    return folder


@pytest.fixture
def model(fitted, tmp_path):
    """A copy of it that a test may change."""
    return Path(shutil.copytree(fitted, tmp_path / "m"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A model of eight words and three topics, which needs no downloaded one."""
    from softtopic import TopicModel

    texts = ["sql tables", "rocket in orbit", "bread and flour", "taxes and the budget"] * 3
    words = ["sql", "tables", "orbit", "rocket", "bread", "flour", "taxes", "budget"]
    model = TopicModel(3, recipe="prodlda", vocabulary=words, features=None)
    model.set_params(recipe__training__epochs=2).fit(texts)
    model.save(folder := tmp_path_factory.mktemp("tiny") / "m")
    return folder
