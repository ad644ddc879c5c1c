import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data.corpus import Corpus
from softtopic.errors import DiskError, InputError, StoreMismatchError
from softtopic.features.manifest import Manifest
from softtopic.features.store import FeatureStore
from softtopic.teacher.base import Features

WORDS = ("apple", "pear", "plum")
CORPUS = Corpus.from_texts(["one", "", "two", "one", "three\u2028🚀", "four", "five"], labels="abcabca")


def manifest(**changes) -> Manifest:
    plain = {"corpus": CORPUS.fingerprint, "vocabulary": "v", "teacher": "t", "rows": 5, "words": WORDS}
    return Manifest(**plain | {"teacher_description": {"lm": "tiny"}, "shard_rows": 2} | changes)


def features(rows: int, dtype: type = np.float16) -> Features:
    chance = np.random.default_rng(rows)
    return Features(chance.normal(size=(rows, 3)).astype(dtype), chance.normal(size=(rows, 4)).astype(dtype))


def fill(store: FeatureStore, given_features: Features) -> FeatureStore:
    if store.manifest.top_k is not None:
        store.write_means(given_features.log_probs.astype(np.float32).mean(axis=0))
    for shard in store.shards:
        rows = slice(shard.start, shard.stop)
        ids = [f"id {row}" for row in range(shard.start, shard.stop)]
        store.write(shard, ids, Features(given_features.log_probs[rows], given_features.hidden[rows]))
    return store


def same(left: Features, right: Features) -> bool:
    pairs = ((left.log_probs, right.log_probs), (left.hidden, right.hidden))
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def store(tmp_path) -> FeatureStore:
    return fill(FeatureStore.create(tmp_path / "features", manifest()), features(5))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([np.float16, np.float32]))
def test_features_come_back_as_they_were(rows, shard_rows, dtype):
    written = features(rows, dtype)
    with TemporaryDirectory() as folder:
        made = fill(FeatureStore.create(Path(folder) / "f", manifest(rows=rows, shard_rows=shard_rows)), written)
        assert not made.missing()
        assert same(FeatureStore.open(folder + "/f").read(), written)


def test_shards_cover_every_row_once(store):
    assert [(shard.file, shard.start, shard.stop) for shard in store.shards] == [
        ("part-00000.parquet", 0, 2),
        ("part-00001.parquet", 2, 4),
        ("part-00002.parquet", 4, 5),
    ]


def test_a_store_says_what_it_holds(store):
    opened = FeatureStore.open(store.path)
    assert opened.manifest == manifest()
    assert opened.vocabulary.words == WORDS


def test_other_programs_can_open_the_shards(store):
    table = pq.read_table(store.path / "part-00001.parquet")
    assert table["id"].to_pylist() == ["id 2", "id 3"]
    assert table.schema.field("log_probs").type == pa.list_(pa.float16(), 3)
    assert table.schema.field("hidden").type == pa.list_(pa.float16(), 4)


def test_other_programs_can_open_the_shards_of_cut_labels(tmp_path):
    cut = fill(FeatureStore.create(tmp_path / "f", manifest(top_k=2)), features(5))
    table = pq.read_table(cut.path / "part-00001.parquet")
    assert table.column_names == ["id", "words", "log_probs", "rest", "hidden"]
    assert table.schema.field("words").type == pa.list_(pa.uint16(), 2)
    assert table.schema.field("log_probs").type == pa.list_(pa.float16(), 2)
    assert table.schema.field("rest").type == pa.float32()
    written = features(5).log_probs[2:4]
    for row, words, kept in zip(written, table["words"].to_pylist(), table["log_probs"].to_pylist(), strict=True):
        assert words[0] == row.argmax()
        assert kept == row[words].tolist()
    assert not cut.missing()
    assert cut.read().log_probs.shape == (5, 3)
    assert pq.read_table(cut.path / "means.parquet").column_names == ["word", "mean_log_prob"]


@pytest.mark.parametrize("damage", ["remove", "truncate", "flip", "of other words"])
def test_cut_labels_without_their_means_are_refused(tmp_path, damage):
    cut = fill(FeatureStore.create(tmp_path / "f", manifest(top_k=2)), features(5))
    means = cut.path / "means.parquet"
    if damage == "of other words":
        other = fill(FeatureStore.create(tmp_path / "g", manifest(top_k=2, words=("a", "b", "c"))), features(5))
        means.write_bytes((other.path / "means.parquet").read_bytes())
    else:
        {"remove": remove, "truncate": truncate, "flip": lambda path: flip(path, 1)}[damage](means)
    assert not cut.has_means
    assert cut.missing() == cut.shards
    with pytest.raises(StoreMismatchError, match=r"means.parquet is (missing|damaged|of other words)"):
        cut.read()


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path, place: int = 2) -> None:
    data = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(place)
    data[column.data_page_offset + column.total_compressed_size - 3] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [remove, truncate, empty, flip])
@pytest.mark.parametrize("index", [0, 2])
def test_a_damaged_shard_is_missing_and_refused(store, damage, index):
    shard = store.shards[index]
    damage(store.path / shard.file)
    assert store.missing() == [shard]
    with pytest.raises(StoreMismatchError, match=rf"{shard.file} is (damaged|missing); run `softtopic teach` again"):
        store.read()


def test_all_that_is_missing_is_listed_in_order(tmp_path):
    begun = FeatureStore.create(tmp_path / "f", manifest())
    assert begun.missing() == begun.shards
    part = features(2)
    begun.write(begun.shards[1], ["a", "b"], part)
    assert begun.missing() == [begun.shards[0], begun.shards[2]]


@pytest.mark.parametrize("top_k", [None, 2])
def test_a_flipped_bit_anywhere_is_refused_or_harmless(tmp_path, top_k):
    whole = fill(FeatureStore.create(tmp_path / "f", manifest(shard_rows=5, top_k=top_k)), features(5))
    written = whole.read()
    path = whole.path / whole.shards[0].file
    data = path.read_bytes()
    refused = 0
    for place in range(0, len(data) * 8, 29):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert same(whole.read(), written)
        except StoreMismatchError:
            refused += 1
    assert refused > len(data) * 8 / 29 / 3


@pytest.mark.parametrize("damage", ["swapped", "of another run", "cut off", "empty", "a copy"])
def test_parts_that_are_not_their_own_are_named_and_missing(store, tmp_path, damage):
    first, second = (store.path / shard.file for shard in store.shards[:2])
    if damage == "swapped":
        first.rename(tmp_path / "aside")
        second.rename(first)
        (tmp_path / "aside").rename(second)
    elif damage == "of another run":
        other = fill(FeatureStore.create(tmp_path / "other", manifest(teacher="t2")), features(5))
        shutil.copy(other.path / first.name, first)
    elif damage == "a copy":
        shutil.copy(second, first)
    else:
        first.write_bytes(first.read_bytes()[:-20] if damage == "cut off" else b"")
    assert store.missing() == store.shards[: 2 if damage == "swapped" else 1]
    with pytest.raises(StoreMismatchError, match=rf"{first.name} is (another part, or of another run|damaged); run"):
        store.read()


def test_a_shard_of_other_rows_is_refused(store):
    store.write(store.shards[0], ["a", "b", "c"], features(3))
    assert store.missing() == store.shards[:1]
    with pytest.raises(StoreMismatchError, match="holds other rows than its manifest says"):
        store.read()


def test_a_store_of_no_documents_is_refused(tmp_path):
    with pytest.raises(StoreMismatchError, match="holds no documents"):
        FeatureStore.create(tmp_path / "f", manifest(rows=0)).read()


def test_a_store_begun_earlier_is_gone_on_with(store):
    (store.path / store.shards[1].file).unlink()
    again = FeatureStore.create(store.path, manifest())
    assert again.missing() == [store.shards[1]]
    assert fill(again, features(5)).read().log_probs.shape == (5, 3)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"corpus": "c2"}, "other documents"),
        ({"vocabulary": "v2"}, "another vocabulary"),
        ({"teacher": "t2"}, "another language model, prompt, max_tokens or truncation"),
    ],
)
def test_features_of_something_else_are_refused_and_kept(store, changes, what):
    with pytest.raises(StoreMismatchError, match=f"holds features of {what}; give another folder"):
        FeatureStore.create(store.path, manifest(**changes))
    assert FeatureStore.open(store.path).manifest == manifest()
    assert same(store.read(), features(5))


def test_a_store_keeps_the_size_of_shards_it_was_begun_with(store):
    again = FeatureStore.create(store.path, manifest(shard_rows=3))
    assert again.shards == store.shards
    assert same(again.read(), features(5))


def test_a_folder_of_something_else_is_refused_and_untouched(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_text("meow")
    with pytest.raises(StoreMismatchError, match="exists and is not a feature folder; give a new or an empty folder"):
        FeatureStore.create(folder, manifest())
    with pytest.raises(StoreMismatchError, match="is not a feature folder; expected one made by `softtopic teach`"):
        FeatureStore.open(folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["photos", "cat.jpg"]
    assert (folder / "cat.jpg").read_text() == "meow"


@pytest.mark.parametrize("content", ['{"name": "app"}', '{"format": "other", "version": 1}', "[1]", "not json", "\xff"])
def test_a_foreign_manifest_is_refused_and_untouched(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content, encoding="latin-1")
    for use in (FeatureStore.open, lambda path: FeatureStore.create(path, manifest())):
        with pytest.raises(StoreMismatchError, match="is not a feature folder"):
            use(tmp_path)
    assert (tmp_path / "manifest.json").read_text(encoding="latin-1") == content


def test_a_file_and_a_missing_folder_are_no_stores(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(StoreMismatchError, match="exists and is not a feature folder"):
        FeatureStore.create(tmp_path / "file", manifest())
    for name in ("file", "nothing"):
        with pytest.raises(StoreMismatchError, match="is not a feature folder"):
            FeatureStore.open(tmp_path / name)


def test_an_empty_folder_is_used(tmp_path):
    FeatureStore.create(tmp_path, manifest())
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_store_whose_first_process_was_killed_is_begun_again(tmp_path):
    (tmp_path / ".manifest.json.staging-0123").write_text("{")
    assert FeatureStore.create(tmp_path, manifest()).missing()
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_several_processes_may_begin_a_store_at_once(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for run in range(10):
            path = tmp_path / str(run)
            stores = list(pool.map(FeatureStore.create, [path] * 8, [manifest()] * 8))
            assert {len(store.missing()) for store in stores} == {3}
            assert [file.name for file in path.iterdir()] == ["manifest.json"]


def change_manifest(store: FeatureStore, **changes) -> None:
    path = store.path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("version", "step"), [(3, "upgrade softtopic"), (1, "run `softtopic teach` into a new folder")]
)
def test_another_version_is_refused_with_the_way_out(store, version, step):
    change_manifest(store, version=version)
    with pytest.raises(StoreMismatchError, match=f"of version {version}; this program reads 2: {step}"):
        FeatureStore.open(store.path)


@pytest.mark.parametrize("changes", [{"words": None}, {"surprise": 1}, {"words": ["apple", "pear", "prum"]}])
def test_a_damaged_manifest_is_refused(store, changes):
    change_manifest(store, **changes)
    with pytest.raises(StoreMismatchError, match=r"manifest\.json is damaged"):
        FeatureStore.open(store.path)


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": "softtopic-features", "version": 2}', None])
def test_a_manifest_that_is_damaged_or_missing_is_written_anew_and_parts_are_kept(store, content, caplog):
    (store.path / "manifest.json").unlink()
    if content is not None:
        (store.path / "manifest.json").write_bytes(content)
    again = FeatureStore.create(store.path, manifest())
    assert "manifest.json is missing or damaged; it is written anew" in caplog.text
    assert not again.missing()
    assert same(again.read(), features(5))
    # Beside a file of something else nothing is written.
    (store.path / "manifest.json").unlink()
    (store.path / "notes.txt").touch()
    with pytest.raises(StoreMismatchError, match="is not a feature folder"):
        FeatureStore.create(store.path, manifest())
    assert not (store.path / "manifest.json").exists()


@pytest.mark.parametrize(
    "corpus",
    [
        CORPUS,
        Corpus(CORPUS.texts, CORPUS.ids),
        Corpus.from_texts(CORPUS.texts, ids="rstuvwx", labels="abcabca", times=range(7)),
    ],
)
def test_documents_come_back_as_they_were(store, corpus):
    store.write_documents(corpus)
    assert store.documents() == corpus


def test_documents_that_were_not_kept_are_asked_for(store):
    with pytest.raises(StoreMismatchError, match="keeps no documents; give the file of documents as well"):
        store.documents()


def test_other_documents_than_those_of_the_features_are_refused(store, tmp_path):
    part = CORPUS.take(4)
    with pytest.raises(InputError, match="the documents are not those of the features"):
        store.write_documents(part)
    assert not (store.path / "documents.parquet").exists()
    other = FeatureStore.create(tmp_path / "other", manifest(corpus=part.fingerprint))
    other.write_documents(part)
    (store.path / "documents.parquet").write_bytes((other.path / "documents.parquet").read_bytes())
    with pytest.raises(StoreMismatchError, match="holds other documents than the features"):
        store.documents()


def store_of_part(path, places) -> tuple[FeatureStore, np.ndarray, Corpus]:
    """A store of some of the distinct documents, which of them, and a corpus of these alone."""
    read = np.array(places)
    part = CORPUS.at(np.sort(CORPUS.distinct.first[read]))
    return FeatureStore.create(path, manifest(corpus=part.fingerprint, rows=len(read))), read, part


@pytest.mark.parametrize("places", [[0], [0, 2, 3], [1, 4], [0, 1, 2, 3, 4]])
def test_all_documents_are_kept_with_those_that_were_read(tmp_path, places):
    store, read, part = store_of_part(tmp_path / "f", places)
    store.write_documents(CORPUS, read)
    assert store.documents() == CORPUS
    np.testing.assert_array_equal(store.read_rows(), read)
    # The rows of the features are those texts, in order.
    assert [store.documents().distinct.texts[row] for row in store.read_rows()] == list(part.distinct.texts)
    with pytest.raises(InputError, match="not those of the features"):
        store.write_documents(CORPUS, np.array([2]))


def test_a_document_counts_as_read_if_its_text_was(tmp_path):
    """Of two documents with one text either both were read or neither; blank ones were not."""
    place = CORPUS.distinct.texts.index("one")
    store, read, _ = store_of_part(tmp_path / "f", [place])
    store.write_documents(CORPUS, read)
    table = pq.read_table(store.path / "documents.parquet")
    assert table["read"].to_pylist() == [text == "one" for text in CORPUS.texts]
    assert table.column_names == ["id", "text", "label", "read"]


def test_documents_of_earlier_versions_were_all_read(store):
    store.write_documents(CORPUS)
    path = store.path / "documents.parquet"
    pq.write_table(pq.read_table(path).drop_columns("read"), path)
    assert store.documents() == CORPUS
    np.testing.assert_array_equal(store.read_rows(), np.arange(5))


def test_a_shard_has_one_claim(store):
    first, second, _ = store.shards
    with store.claim(first) as claimed, store.claim(second) as other, store.claim(first) as again:
        assert (claimed, other, again) == (True, True, False)
    with store.claim(first) as claimed:
        assert claimed
    assert not list(store.path.glob(".*.lock"))


def test_a_claim_is_waited_for(store):
    shard, order = store.shards[0], []

    def wait():
        with store.claim(shard, wait=True) as claimed:
            order.append(("second", claimed))

    with ThreadPoolExecutor(1) as pool:
        with store.claim(shard):
            waiting = pool.submit(wait)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.2)
            order.append(("first", True))
        waiting.result(timeout=10)
    assert order == [("first", True), ("second", True)]


@pytest.mark.parametrize("damage", [truncate, empty])
def test_damaged_documents_are_refused(store, damage):
    store.write_documents(CORPUS)
    damage(store.path / "documents.parquet")
    with pytest.raises(StoreMismatchError, match=r"documents\.parquet is damaged"):
        store.documents()


def test_a_full_disk_leaves_neither_a_shard_nor_half_of_one(store, monkeypatch):
    def fill_up(table, where, **options):
        Path(where).write_bytes(b"PAR1 half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = {path.name: path.read_bytes() for path in store.path.iterdir()}
    (store.path / store.shards[0].file).unlink()
    monkeypatch.setattr(pq, "write_table", fill_up)
    with pytest.raises(DiskError, match=r"part-00000\.parquet could not be written \(No space left on device\); free"):
        store.write(store.shards[0], ["a", "b"], features(2))
    with pytest.raises(DiskError, match=r"documents\.parquet could not be written"):
        store.write_documents(CORPUS)
    del before["part-00000.parquet"]
    assert {path.name: path.read_bytes() for path in store.path.iterdir()} == before
