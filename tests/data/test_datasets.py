import gzip
import json
import os
from pathlib import Path

import pytest

from softtopic.data.datasets import FILES, load
from softtopic.errors import AssetError, InputError
from softtopic.storage.assets import ASSETS

DATA = Path(os.environ.get("SOFTTOPIC_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")

# Documents, labels and empty documents of the corpora as they were published.
SIZES = {
    "20newsgroups": (18_846, 20, 515),
    "stackoverflow": (20_000, 20, 0),
    "tweettopic": (21_996, 19, 0),
    "biomedical": (20_000, 20, 0),
    "googlenews": (11_109, 152, 0),
    "frenchnews": (633, 5, 0),
}


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SOFTTOPIC_DATA", raising=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    lines = [{"text": "some space", "label": "sci.space"}, {"text": "", "label": "rec.autos"}]
    path = tmp_path / "data" / FILES["20newsgroups"]
    path.parent.mkdir()
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    return path.parent


def test_a_corpus_is_read_from_the_folder_given(folder):
    corpus = load("20newsgroups", data_dir=folder)
    assert corpus.texts == ("some space", "")
    assert corpus.labels == ("sci.space", "rec.autos")


def test_a_corpus_is_read_from_the_folder_in_the_environment(folder, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_DATA", str(folder))
    assert load("20newsgroups").labels == ("sci.space", "rec.autos")


def test_the_tables_of_an_asset_are_joined_without_their_heads(tmp_path, monkeypatch):
    asset = ASSETS["reuters-r8"]
    place = tmp_path / "cache" / "assets" / f"{asset.name}-{asset.version}"
    place.mkdir(parents=True)
    for file, rows in zip(
        asset.files, ("earn\tprofit up\ncrude\toil \u2028 gas\n", "ship\tport\tclosed\n"), strict=True
    ):
        (place / Path(file.path).name).write_text(
            f"label\ttext\ndiscrete\tstring\nclass\tmeta\n{rows}", encoding="utf-8"
        )
    corpus = load("reuters-r8", data_dir=tmp_path)
    assert corpus.texts == ("profit up", "oil \u2028 gas", "port\tclosed")
    assert corpus.labels == ("earn", "crude", "ship")


def test_a_table_with_times_has_quoted_cells(tmp_path):
    place = tmp_path / "cache" / "assets" / "election-tweets-1.16.3"
    place.mkdir(parents=True)
    heads = "Time\tAuthor\tContent\ntime\tdiscrete\tstring\n\tclass\tmeta\n"
    rows = '2016-09-28 00:22:34\tA\tplain\n2016-09-27 23:45:00\tB\t"a ""quoted"" word"\n'
    (place / "election-tweets-2016.tab").write_text(heads + rows, encoding="utf-8")
    corpus = load("election-tweets", data_dir=tmp_path)
    assert corpus.texts == ("plain", 'a "quoted" word')
    assert corpus.labels == ("A", "B")
    assert corpus.times == ("2016-09-28 00:22:34", "2016-09-27 23:45:00")


@pytest.mark.parametrize("name", ["20newsgroups", "reuters-r8"])
def test_an_asset_that_is_not_here_names_the_command_that_fetches_it(name, tmp_path):
    with pytest.raises(AssetError, match=f"run `softtopic fetch {name}`"):
        load(name, data_dir=tmp_path)


def test_a_corpus_that_is_only_in_data_folders_asks_for_one(tmp_path):
    with pytest.raises(InputError, match=r"'tweettopic' is not here.*--data-dir or SOFTTOPIC_DATA"):
        load("tweettopic")
    with pytest.raises(InputError, match=r"tweet_topic\.jsonl\.gz: no such file"):
        load("tweettopic", data_dir=tmp_path)


@pytest.mark.parametrize("name", ["nonsense", "smollm2-135m"])
def test_an_unknown_corpus_is_refused_with_those_known(name):
    with pytest.raises(InputError, match=f"{name}' is not here; known are 20newsgroups, .*election-tweets$"):
        load(name)


@pytest.mark.parametrize("name", FILES)
def test_the_published_corpora_are_whole(name):
    if not (DATA / FILES[name]).is_file():
        pytest.skip("the data folder is not here")
    corpus = load(name, data_dir=DATA)
    assert (len(corpus), len(set(corpus.labels)), corpus.n_empty) == SIZES[name]
