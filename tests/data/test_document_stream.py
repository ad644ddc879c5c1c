"""Streams of documents: files of all formats, several of them, iterables; equal to reading them whole."""

import gzip
import json
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.dataset import dataset

from softtopic import Columns, Corpus, DocumentStream, read_corpus
from softtopic.data.document_files import find_files
from softtopic.errors import InputError

ROWS = {
    "key": ["k1", "k2", "k3", "k4"],
    "body": ["sql tables", "", 'a "quoted", text', "ümläut\u2028line"],
    "group": ["a", "b", "", "c"],
    "day": ["2020-01-01", "2020-01-02", "2020-01-03", ""],
}
COLUMNS = Columns(text="body", id="key", label="group", time="day")


def write(folder, name):
    path, frame = folder / name, pd.DataFrame(ROWS)
    if name.endswith(".parquet"):
        frame.to_parquet(path, index=False)
    elif "jsonl" in name:
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in name else ",")
    return path


def whole(stream, rows=3):
    """All documents, from batches."""
    found = [batch.corpus for batch in stream.batches(rows)]
    return [
        tuple(one for corpus in found for one in getattr(corpus, name)) for name in ("texts", "ids", "labels", "times")
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.tsv", "a.parquet", "a.csv.gz", "a.jsonl.gz"])
def test_a_stream_of_a_file_is_the_corpus_of_the_file(tmp_path, name):
    path = write(tmp_path, name)
    stream, corpus = DocumentStream.from_files(path, COLUMNS), read_corpus(path, COLUMNS)
    for _ in range(2):
        assert whole(stream) == [corpus.texts, corpus.ids, corpus.labels, corpus.times]
    assert stream.corpus() == corpus


def test_lines_of_text_and_their_numbers(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\nthree\n")
    stream = DocumentStream.from_files(tmp_path / "a.txt")
    assert [batch.corpus.ids for batch in stream.batches(2)] == [("0", "1"), ("2",)]
    assert stream.corpus() == read_corpus(tmp_path / "a.txt")


def test_several_files_are_one_stream(tmp_path):
    (tmp_path / "in" / "more").mkdir(parents=True)
    for name in ("b.csv", "a.jsonl", "more/c.parquet"):
        write(tmp_path / "in", name)
    (tmp_path / "in" / "_SUCCESS").touch()
    (tmp_path / "in" / "notes.md").touch()
    (tmp_path / "in" / "empty.jsonl").touch()
    (tmp_path / "in" / "header.csv").write_text("key,body,group,day\n")
    names = [file.name for file in find_files([tmp_path / "in"])]
    assert names == ["a.jsonl", "b.csv", "empty.jsonl", "header.csv", "c.parquet"]
    stream = DocumentStream.from_files(tmp_path / "in", COLUMNS)
    texts, ids, _, _ = whole(stream, 5)
    assert (texts, ids) == (tuple(ROWS["body"] * 3), tuple(ROWS["key"] * 3))
    done = [batch.done for batch in stream.batches(5)]
    assert done == sorted(done)
    assert done[-1] == 1
    pattern = DocumentStream.from_files(str(tmp_path / "in" / "[ab].*"), COLUMNS)
    assert len(pattern.corpus()) == 8
    assert find_files([tmp_path / "in" / "b.csv", tmp_path / "in" / "b.csv"]) == [tmp_path / "in" / "b.csv"]


def test_ids_are_whole_numbers_where_parquet_says_so(tmp_path):
    pd.DataFrame({"text": ["a", "b"], "id": [7, 8]}).to_parquet(tmp_path / "a.parquet")
    assert DocumentStream.from_files(tmp_path / "a.parquet", Columns(id="id")).corpus().ids == (7, 8)
    (tmp_path / "a.jsonl").write_text('{"text": "a", "id": 7}\n{"text": "b", "id": "x"}\n')
    assert DocumentStream.from_files(tmp_path / "a.jsonl", Columns(id="id")).corpus().ids == ("7", "x")


def test_columns_are_kept_as_strings(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "n": 5, "tags": ["x"]}\n{"text": "b", "n": null}\n')
    stream = DocumentStream.from_files(tmp_path / "a.jsonl", keep_columns=True)
    (batch,) = stream.batches()
    assert batch.columns == {"text": ["a", "b"], "n": ["5", ""], "tags": ['["x"]', ""]}


def test_fingerprints_tell_batches_apart():
    def of(*documents, **how):
        (batch,) = DocumentStream.from_iterable(list(documents), **how).batches()
        return batch.fingerprint

    assert of("a", "b") == of("a", "b")
    assert len({of("a", "b"), of("ab"), of("b", "a"), of({"text": "a"}, {"text": "c"})}) == 4
    columns = Columns(id="id")
    assert of({"text": "a", "id": "1"}, columns=columns) != of({"text": "a", "id": "2"}, columns=columns)


def test_iterables_and_arrow_tables_and_datasets(tmp_path):
    rows = [{"body": "a", "n": 1}, {"body": "b", "n": 2}]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet")
    for documents in (rows, lambda: iter(rows), table, dataset(tmp_path / "a.parquet"), tuple(rows)):
        stream = DocumentStream.from_iterable(documents, Columns(text="body", id="n"))
        for _ in range(2):
            assert (stream.corpus().texts, stream.corpus().ids) == (("a", "b"), ("1", "2"))
    assert DocumentStream.from_iterable(["a", "b"]).corpus().texts == ("a", "b")
    for wrong, said in (("text", "str"), (5, "int"), ({"a": 1}, "dict")):
        with pytest.raises(InputError, match=f"documents is {said}; give an iterable of strings or of mappings"):
            DocumentStream.from_iterable(wrong)
    with pytest.raises(InputError, match="documents can be read only once; give a function that returns a new"):
        DocumentStream.from_iterable(text for text in ("a", "b"))
    with pytest.raises(InputError, match="document 1: the text is int, not a string"):
        DocumentStream.from_iterable(["a", 5]).corpus()
    with pytest.raises(InputError, match="document 0 has no column 'body'; it has: text"):
        DocumentStream.from_iterable([{"text": "a"}], Columns(text="body")).corpus()


def test_long_documents_make_small_batches(monkeypatch):
    monkeypatch.setattr("softtopic.data.document_stream._PART_CHARACTERS", 100)
    stream = DocumentStream.from_iterable(["x" * 40 for _ in range(7)])
    assert [len(batch.corpus) for batch in stream.batches()] == [3, 3, 1]


def test_an_invalid_line_is_named_by_file_and_line_or_left_out(tmp_path, caplog):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\noops\n{"body": "b"}\n{"text": "c"}\n')
    with pytest.raises(InputError, match=r"a\.jsonl line 2 is not JSON; expected one object a line; or leave such li"):
        DocumentStream.from_files(path).corpus()
    with caplog.at_level("WARNING", "softtopic"):
        batches = list(DocumentStream.from_files(path, skip_invalid=True).batches(1))
    assert [batch.corpus.texts for batch in batches] == [("a",), ("c",)]
    assert [batch.n_invalid for batch in batches] == [0, 2]
    assert "a.jsonl line 3 has no column 'text'; it has: body; left out" in caplog.text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("none.jsonl", None, "none.jsonl: no such file"),
        ("none-*.jsonl", None, r"none-\*.jsonl: no such file"),
        ("empty.jsonl", b"", "empty.jsonl holds no documents; expected at least one"),
        ("cut.parquet", b"PAR1", "cut.parquet is not a whole Parquet file"),
        ("cut.csv.gz", gzip.compress(b"text\nabc\n", mtime=0)[:-9], "cut.csv.gz is not a whole gzip file"),
        ("book.xlsx", b"PK", "book.xlsx: xlsx cannot be read bit by bit; save it as csv"),
        ("a.docx", b"", "a.docx: format '.docx' is not known; give one of"),
        ("numbers.txt", b"1\n" * 20, "column 'text' holds numbers alone; choose the column of texts"),
        ("other.csv", b"body\nb\n", "other.csv line 2 has no column 'text'; it has: body"),
        ("bytes.txt", b"\xff\n", "bytes.txt line 1 is not UTF-8"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, data, said):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=said):
        DocumentStream.from_files(tmp_path / name).corpus()


def test_folders_without_documents_and_missing_columns(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="in is a folder without documents; give a folder of jsonl"):
        DocumentStream.from_files(tmp_path / "in")
    with pytest.raises(InputError, match="no files; give a"):
        DocumentStream.from_files([])
    write(tmp_path, "a.parquet")
    for columns in (Columns(), Columns(text="body", time="when"), Columns(text="body", label="class")):
        with pytest.raises(InputError, match=r"has no column '(text|when|class)'; it has: key, body, group, day"):
            DocumentStream.from_files(tmp_path / "a.parquet", columns).corpus()
    optional = Columns(text="body", label="class", label_required=False)
    assert DocumentStream.from_files(tmp_path / "a.parquet", optional).corpus().labels is None
    (tmp_path / "b.jsonl").write_text(json.dumps({"text": "a"}))
    with pytest.raises(InputError, match="jsonl has no column 'group'; it has: text"):
        DocumentStream.from_files(tmp_path / "b.jsonl", Columns(label="group")).corpus()


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "list", "records"])
def test_missing_texts_are_empty_documents_in_memory_and_in_a_stream(tmp_path, name):
    texts = ["sql tables", None, "", None]
    if name == "a.jsonl":
        (tmp_path / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    elif name == "a.parquet":
        pq.write_table(pa.table({"text": texts}), tmp_path / name)
    if name == "list":
        in_memory, stream = partial(Corpus.from_texts, texts), DocumentStream.from_iterable(texts)
    elif name == "records":
        records = pd.DataFrame({"text": pd.Series(["sql tables", np.nan, "", np.nan], dtype=object)})
        in_memory = partial(Corpus.from_texts, records["text"])
        stream = DocumentStream.from_iterable(records.to_dict("records"))
    else:
        in_memory = partial(read_corpus, tmp_path / name)
        stream = DocumentStream.from_files(tmp_path / name)
    for read in (in_memory, stream.corpus):
        with pytest.warns(UserWarning, match="are missing") as said:
            corpus = read()
        assert (corpus.texts, corpus.n_empty) == (("sql tables", "", "", ""), 3)
        expected = "2 of 4 texts are missing (null or NaN) and count as empty documents"
        assert [str(one.message) for one in said] == [expected]


def test_two_columns_of_a_name_are_refused(tmp_path):
    table = pa.table([["a"], ["b"]], names=["text", "text"])
    pq.write_table(table, tmp_path / "twice.parquet")
    for stream in (DocumentStream.from_files([tmp_path / "twice.parquet"]), DocumentStream.from_iterable(table)):
        with pytest.raises(InputError, match="has 2 columns 'text'; expected one of each name"):
            list(stream.batches())
