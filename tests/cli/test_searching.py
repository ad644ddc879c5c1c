"""`softtopic index`, and `search` with an index or another method."""

import json
import shutil
import sys

import pytest

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.retrieval.index import RetrievalIndex


@pytest.fixture
def folder(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "m")
    return tmp_path / "m"


def test_an_index_is_built_beside_the_model_and_searched(run, folder):
    code, out, err = run("index", folder)
    assert (code, err) == (0, "")
    assert out == f"The index of 12 documents by KL(query ‖ document) is in {folder}.index.\n"
    expected = run("search", folder, "sql tables", "-k", 4, "--json")
    assert run("search", folder, "sql tables", "-k", 4, "--json", "--index") == expected
    assert len(json.loads(expected[1])["hits"]) == 4


def test_an_approximate_index_says_its_recall(run, folder):
    code, out, _ = run("index", folder, "--metric", "hellinger", "--approximate", "--json")
    assert code == 0
    assert json.loads(out) == {"index": f"{folder}.index", "documents": 12, "metric": "hellinger", "recall": 1.0}
    code, out, _ = run("index", folder, "--approximate")
    assert "approximate: recall at 10 is 1.000" in out
    assert run("search", folder, "orbit", "--index")[0] == 0


def test_search_by_words_or_all_prints_scores(run, folder):
    for method in ("words", "words+topics"):
        code, out, _ = run("search", folder, "rocket", "--method", method, "-k", 3)
        assert code == 0
        assert out.splitlines()[0].split() == ["score", "id", "topic", "text"]
        assert "rocket in orbit" in out.splitlines()[1]


def test_what_is_missing_is_one_line(run, folder, monkeypatch):
    code, _, err = run("search", folder, "orbit", "--index")
    assert (code, err) == (
        2,
        f"softtopic: {folder}.index: no such index folder; build it with `softtopic index`\n",
    )
    code, _, err = run("index", folder, "--metric", "l2")
    assert (code, err) == (2, "softtopic: metric is 'l2'; give one of kl, reverse-kl, hellinger, cosine\n")
    monkeypatch.setitem(sys.modules, "bm25s", None)
    code, _, err = run("search", folder, "orbit", "--method", "words")
    assert (code, err) == (2, "softtopic: search by words needs bm25s; pip install 'softtopic[search]'\n")


def test_an_index_of_an_edited_model_is_refused(run, folder):
    assert run("index", folder)[0] == 0
    assert run("edit", folder, "--merge", "0,1", "--quiet")[0] == 0
    code, _, err = run("search", folder, "orbit", "--index")
    assert (code, "is of other topic mixtures than the model's; build it again" in err) == (2, True)


def test_an_index_of_another_model_is_refused(folder):
    model = TopicModel.load(folder)
    theta = model.probabilities_
    with pytest.raises(InputError, match="of other mixtures"):
        model.search("sql", index=RetrievalIndex(theta[::-1]))
    assert len(model.search("sql", 2, index=RetrievalIndex(theta))) == 2
