import csv
import gzip
import io
import json
import os
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softtopic.data import formats
from softtopic.data.readers import Columns, parse_table, read_corpus
from softtopic.errors import InputError

# Excel files are written by a package that need not be installed.
FORMATS = [name for name in formats.FORMATS if name != "xlsx"]

STRANGE = [
    "control \x00 \x01 \x0b \x0c \x1b \x7f \x85",
    "right to left: שלום עולם, مرحبا",
    "emoji 🚀👩‍🚀🇫🇷",
    "中文文档没有空格",
    "line\u2028and paragraph\u2029separators",
    'quotes "inside", commas, \ttabs',
    "\ufeffa mark at the start",
    " spaces around ",
]


def encode(texts: list[str], format: str) -> bytes:
    if format == "parquet":
        stream = io.BytesIO()
        pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), stream)
        return stream.getvalue()
    if format == "txt":
        return "".join(f"{text}\n" for text in texts).encode()
    if format == "jsonl":
        return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts).encode()
    table = io.StringIO(newline="")
    rows = csv.writer(table, delimiter="," if format == "csv" else "\t")
    rows.writerows([["id", "text"], *enumerate(texts)])
    return table.getvalue().encode()


def refusal(path, columns: Columns = Columns(), **options) -> str:
    """The message with which a file is refused: one line that names it and says what to do."""
    with pytest.raises(InputError) as caught:
        read_corpus(path, columns, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert ("standard input" if path == "-" else str(path)) in message
    return message


def written(folder, name: str, content: bytes | str):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def file(tmp_path):
    return lambda name, content: written(tmp_path, name, content)


@pytest.fixture
def stdin(monkeypatch):
    return lambda content: monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_texts_come_back_as_they_were(tmp_path_factory, format, packed, data):
    letters = st.characters(codec="utf-8", exclude_characters="\r\n\ufeff" if format == "txt" else "")
    texts = data.draw(st.lists(st.text(letters) | st.text('" \t,'), min_size=1, max_size=8))
    content = encode(texts, format)
    path = tmp_path_factory.getbasetemp() / f"texts.{format}{packed}"
    path.write_bytes(gzip.compress(content, 1) if packed else content)
    assert list(read_corpus(path).texts) == texts


@pytest.mark.parametrize("format", FORMATS)
def test_strange_letters_stay_inside_their_documents(file, format):
    texts = ["first", *STRANGE]
    assert list(read_corpus(file(f"strange.{format}", encode(texts, format))).texts) == texts


@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "txt"])
def test_a_byte_order_mark_is_no_letter(file, format):
    path = file(f"marked.{format}", b"\xef\xbb\xbf" + encode(["one", "two"], format))
    assert read_corpus(path).texts == ("one", "two")


@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "txt"])
def test_lines_may_end_as_on_windows(file, format):
    path = file(f"windows.{format}", encode(["one", "two"], format).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    assert read_corpus(path).texts == ("one", "two")


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_text_of_five_megabytes_is_read_whole(file, format):
    text = 'a "long", long text\n' * 250_000
    assert read_corpus(file(f"long.{format}", encode([text, "short"], format))).texts == (text, "short")


@pytest.mark.filterwarnings("ignore:.*texts are missing")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "posts.jsonl",
            '{"body": "a", "topic": 1, "key": "x", "day": null}\n\n{"key": "y", "body": null, "day": "May"}\n',
        ),
        ("posts.csv", "key,body,day,topic\nx,a,,1\ny,,May,\n"),
        ("posts.tab", "key\tbody\tday\ttopic\nx\ta\t\t1\ny\t\tMay\t\n"),
    ],
)
def test_columns_are_read_by_name_and_missing_values_are_empty(file, name, content):
    corpus = read_corpus(file(name, content), Columns(text="body", label="topic", id="key", time="day"))
    assert corpus.texts == ("a", "")
    assert corpus.labels == ("1", "")
    assert corpus.ids == ("x", "y")
    assert corpus.times == ("", "May")


@pytest.mark.filterwarnings("ignore:.*texts are missing")
def test_parquet_columns_of_any_kind_are_read_by_name(file):
    stream = io.BytesIO()
    texts = pa.array(["a", None, "a"]).dictionary_encode()
    pq.write_table(pa.table({"a.text": texts, "label": [1, None, 3], "unread": [[1], [2], []]}), stream)
    corpus = read_corpus(file("posts.pq", stream.getvalue()), Columns(text="a.text", label="label"))
    assert corpus.texts == ("a", "", "a")
    assert corpus.labels == ("1", "", "3")


def test_words_that_look_like_missing_numbers_stay_words(file):
    assert read_corpus(file("words.csv", "text\nNA\nnull\n007\nTrue\n")).texts == ("NA", "null", "007", "True")


def test_a_blank_line_of_plain_text_is_an_empty_document(file):
    assert read_corpus(file("lines.txt", "one\n\ntwo")).texts == ("one", "", "two")


def test_the_format_may_be_named(file):
    assert read_corpus(file("posts.log", "a,b\n"), format="txt").texts == ("a,b",)


def test_gzip_is_known_by_its_content_too(file):
    assert read_corpus(file("posts.txt", gzip.compress(b"one\ntwo\n"))).texts == ("one", "two")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf", b"\n "])
def test_standard_input_of_objects_is_json_lines(stdin, mark):
    stdin(mark + b'{"text": "one"}\n{"text": "two"}\n')
    assert read_corpus("-").texts == ("one", "two")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_any_other_standard_input_is_plain_text(stdin, pack):
    stdin(pack("one, ü\ntwo\n".encode()))
    assert read_corpus("-").texts == ("one, ü", "two")


def test_standard_input_may_be_of_a_named_format(stdin):
    stdin(b"text\none\n")
    assert read_corpus("-", format="csv").texts == ("one",)


def test_empty_standard_input_is_refused(stdin):
    stdin(b"")
    assert "holds no documents" in refusal("-")


def test_rows_on_standard_input_without_a_format_are_lines(stdin):
    stdin(b"nr,body\n1,a\n")
    said = "standard input was read as one document per line, without a column 'body'; for CSV add --format csv"
    assert refusal("-", Columns(text="body")) == said
    stdin(b"nr,body\n1,a\n")
    assert refusal("-", Columns(text="body"), format="txt") == "standard input has no column 'body'; it has: text"
    stdin(b"text\na\n")
    assert "for CSV add --format csv" in refusal("-", Columns(id="nr"))


def test_a_missing_file_is_refused(tmp_path):
    assert "no such file; give a jsonl, csv" in refusal(tmp_path / "nothing.csv")


def test_a_folder_is_refused(tmp_path):
    assert "is a folder; expected a file" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.docx", "a", "a.gz"])
def test_an_unknown_suffix_is_refused_with_the_known_formats(file, name):
    content = gzip.compress(b"x") if name == "a.gz" else b"x"
    assert "is not known; give one of jsonl, csv, tsv, parquet, xlsx, txt with --format" in refusal(file(name, content))


def test_an_unknown_format_is_refused(file):
    assert "format 'xml' is not known" in refusal(file("a.txt", "x"), format="xml")


@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "txt"])
def test_what_is_not_utf8_is_refused_with_its_line(file, format):
    content = encode(["one", "café"], format).replace("é".encode(), "é".encode("latin-1"))
    line = content[: content.index(b"\xe9")].count(b"\n") + 1
    assert f"is not UTF-8 (line {line}, byte {content.index(0xE9)}); convert it" in refusal(
        file(f"a.{format}", content)
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_recognised_by_its_mark_and_named_without_it(file, encoding):
    content = "text\ncafé\n"
    assert read_corpus(file("a.csv", f"\ufeff{content}".encode(encoding))).texts == ("café",)
    message = refusal(file("b.csv", content.encode(encoding)))
    assert message.endswith(f"convert it with iconv, or read it with --encoding {encoding}")
    assert read_corpus(file("c.csv", content.encode(encoding)), encoding=encoding).texts == ("café",)


def test_another_encoding_is_named_and_read(file):
    path = file("a.csv", "text\ncafé über alles\n".encode("cp1252"))
    assert "read it with --encoding cp1252" in refusal(path)
    assert read_corpus(path, encoding="cp1252").texts == ("café über alles",)
    assert "is not utf-8 (line 2, byte 8); convert it" in refusal(path, encoding="utf-8")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64", "zip", ""])
def test_an_unknown_encoding_is_refused(file, encoding):
    path = file("a.txt", "one")
    if encoding:
        assert "is not known; give e.g. utf-8, cp1252 or utf-16" in refusal(path, encoding=encoding)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_recognised_by_the_header(file, separator):
    rows = f"text{separator}label\none, two{separator}a\n"
    corpus = read_corpus(file("a.csv", rows), Columns(label="label"))
    assert (corpus.texts, corpus.labels) == (("one, two",), ("a",))
    message = refusal(file("b.csv", rows.replace("text", "body")))
    assert "no column 'text'; its header seems to be separated by" in message
    assert "it has body, label" in message


def test_a_delimiter_may_be_given(file):
    path = file("a.csv", "text:label\none:a\n")
    assert read_corpus(path, Columns(label="label"), delimiter=":").labels == ("a",)
    assert read_corpus(file("b.csv", "text\tlabel\none\ta\n"), delimiter="tab").texts == ("one",)
    assert "delimiter is '::'; give one character" in refusal(path, delimiter="::")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_carriage_return_inside_a_field_is_part_of_it(file, end, quote):
    lines = ["id,text,label", f"1,{quote}one\rmore{quote},a", "2,two,b", f"3,three,{quote}c\rd{quote}"]
    corpus = read_corpus(file("a.csv", end.join(lines) + end), Columns(id="id", label="label"))
    assert corpus.texts == ("one\rmore", "two", "three")
    assert corpus.ids == ("1", "2", "3")
    assert corpus.labels == ("a", "b", "c\rd")


def test_a_file_that_pandas_wrote_comes_back(file, tmp_path):
    texts = ["one\rtwo", "three\r\nfour", "five\nsix", "seven"]
    pd.DataFrame({"id": range(4), "text": texts}).to_csv(tmp_path / "a.csv", index=False)
    assert read_corpus(tmp_path / "a.csv").texts == tuple(texts)


def test_lines_may_end_in_carriage_returns_alone(file):
    assert read_corpus(file("a.csv", "text,label\rone,a\rtwo,b\r")).texts == ("one", "two")


@pytest.mark.parametrize(
    "content", ['[{"text": "one"}, {"text": "two", "id": 7}]', '["one", "two"]', '\n[\n"one",\n"two"]\n']
)
def test_a_json_array_is_read_too(file, content):
    assert read_corpus(file("a.json", content)).texts == ("one", "two")


@pytest.mark.parametrize("content", ["[1]", '[["text"]]', "[null]"])
def test_a_json_array_of_something_else_is_refused(file, content):
    assert "element 1 is a JSON" in refusal(file("a.json", content))


def test_json_nested_a_hundred_thousand_deep_is_refused(file):
    for content in ("[" * 100_000 + "]" * 100_000, '{"text": ' + "[" * 100_000):
        assert "is not JSON" in refusal(file("a.json", content))


@pytest.mark.parametrize("header", [" text ,label", "text ,label", " text, label"])
def test_blanks_around_a_column_name_do_not_matter(file, header):
    assert read_corpus(file("a.csv", f"{header}\none,a\n"), Columns(label="label")).labels == ("a",)


def test_a_column_name_may_hold_blanks(file):
    assert read_corpus(file("a.csv", "the text,label\none,a\n"), Columns(text="the text")).texts == ("one",)


@pytest.mark.parametrize("values", [range(12), [1.5, -2.0, 3e5] * 4, ["1,000", " 7 ", "12", "30"] * 3])
def test_a_column_of_numbers_in_text_is_refused(tmp_path, values):
    pd.DataFrame({"text": list(values), "body": list("abcdefghijkl")}).to_csv(tmp_path / "a.csv", index=False)
    message = refusal(tmp_path / "a.csv")
    assert "column 'text' holds numbers alone; choose the column of texts with --text, it has: body" in message


def test_parquet_text_that_is_not_utf8_is_refused(file):
    stream = io.BytesIO()
    binary = pa.array([b"fine", b"caf\xe9"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, binary.buffers())
    pq.write_table(pa.table({"text": text}), stream)
    assert "column 'text' holds text that is not UTF-8" in refusal(file("a.parquet", stream.getvalue()))


def test_ids_of_parquet_and_json_keep_their_type(file):
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"], "id": [7, 8]}), stream)
    assert read_corpus(file("a.parquet", stream.getvalue()), Columns(id="id")).ids == (7, 8)
    assert read_corpus(file("a.jsonl", '{"text": "a", "id": 7}\n'), Columns(id="id")).ids == (7,)
    assert read_corpus(file("a.csv", "id,text\n007,a\n"), Columns(id="id")).ids == ("007",)


def test_gzip_that_unpacks_to_far_more_is_refused(file, monkeypatch):
    monkeypatch.setattr("softtopic.data.readers._MAX_UNPACKED", 100_000)
    assert "unpacks to more than" in refusal(file("a.txt.gz", gzip.compress(b"\0" * 10_000_000)))
    assert len(read_corpus(file("b.txt.gz", gzip.compress(b"one two\n" * 2000, 1)))) == 2000


def test_pipes_and_devices_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is no regular file" in refusal(tmp_path / "pipe.csv")
    assert "is no regular file" in refusal("/dev/zero", format="txt")
    with pytest.raises(InputError, match="is no file name"):
        read_corpus("a\0.csv")


def test_closed_standard_input_is_refused(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input (-) is closed" in refusal("-")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"x" * 99])
def test_excel_that_is_not_is_refused_and_csv_is_named(file, content):
    assert "csv" in refusal(file("a.xlsx", content))


@pytest.mark.filterwarnings("ignore:.*texts are missing")
def test_excel_is_read(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "text"], [7, "one"], [8, None], [None, None], [9, "three"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    corpus = read_corpus(tmp_path / "a.xlsx", Columns(id="id"))
    assert (corpus.texts, corpus.ids) == (("one", "", "three"), (7, 8, 9))


@pytest.mark.parametrize("content", [b"text\none\n", b"", encode(["one"], "parquet")[:-9]])
def test_parquet_that_is_not_is_refused(file, content):
    assert "is not a whole Parquet file" in refusal(file("a.parquet", content))


@pytest.mark.parametrize(
    "content",
    [b"text\none\n", gzip.compress(b"text\none\n")[:-9], gzip.compress(b"text\n" * 99)[:20]],
    ids=["plain", "without its end", "cut"],
)
def test_gzip_that_is_not_or_is_cut_is_refused(file, content):
    assert "is not a whole gzip file; make it anew" in refusal(file("a.csv.gz", content))


def test_gzip_with_a_flipped_bit_is_refused(file):
    content = bytearray(gzip.compress(b"text\none\ntwo\n"))
    content[-8] ^= 1
    assert "is not a whole gzip file" in refusal(file("a.csv.gz", bytes(content)))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{'text': 1}", "is not JSON"),
        ('{"text": "cut', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('["text"]', "is a JSON list"),
        ('"text"', "is a JSON str"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(file, line, found):
    message = refusal(file("a.jsonl", f'{{"text": "fine"}}\n\n{line}\n'))
    assert f"line 3 {found}; expected one object a line" in message


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_column_is_refused_with_those_there(file, format):
    message = refusal(file(f"a.{format}", encode(["one"], format)), Columns(label="topic"))
    have = "id, text" if format in ("csv", "tsv") else "text"
    assert message.endswith(f"has no column 'topic'; it has: {have}")


@pytest.mark.parametrize("content", ["", "\n"])
@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv"])
def test_an_empty_file_is_refused_as_such(file, format, content):
    assert "holds no documents; expected" in refusal(file(f"a.{format}", content), Columns(text="body"))


@pytest.mark.parametrize("format", ["csv", "tsv", "parquet", "txt"])
def test_a_file_without_documents_is_refused(file, format):
    assert "holds no documents; expected at least one" in refusal(file(f"a.{format}", encode([], format)))


@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"a": "b"}])
def test_a_value_that_is_no_text_is_refused_with_its_document(file, value):
    content = f'{{"text": "fine"}}\n{json.dumps({"text": value})}\n'
    assert f"document 2 is {type(value).__name__}, not a string; give texts" in refusal(file("a.jsonl", content))


def test_a_parquet_column_of_numbers_is_refused(file):
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": [1, 2]}), stream)
    assert "document 1 is int, not a string" in refusal(file("a.parquet", stream.getvalue()))


def test_two_parquet_columns_of_one_name_are_refused(file):
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), stream)
    assert "has 2 columns 'text'; expected one of each name" in refusal(file("a.parquet", stream.getvalue()))


def test_a_quote_that_never_closes_is_refused(file):
    assert "is not csv: " in refusal(file("a.csv", 'text\n"one\ntwo\n'))


@pytest.mark.parametrize("content", ["text\none, two\n", "text,label\none, two,a\n", "text,label\none,a\none, two,a\n"])
def test_texts_with_commas_outside_quotes_are_refused_and_never_cut(file, content):
    assert "is not csv: " in refusal(file("a.csv", content))


def test_a_short_row_is_refused_with_its_number(file):
    message = refusal(file("a.csv", "text,label\none,a\ntwo\n"), Columns(label="label"))
    assert "row 2 below the header has fewer fields than the header" in message


def test_rows_may_end_in_a_separator(file):
    assert read_corpus(file("b.csv", "text,label\none,a,\ntwo,b,\n"), Columns(label="label")).labels == ("a", "b")


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet", "txt"])
def test_labels_may_be_wanted_only_where_there_are_some(file, format):
    wanted = Columns(label="topic", label_required=False)
    assert read_corpus(file(f"a.{format}", encode(["one"], format)), wanted).labels is None
    assert read_corpus(file("b.csv", "text,topic\none,a\n"), wanted).labels == ("a",)
    assert "no column 'body'" in refusal(file("c.csv", "text\none\n"), Columns(text="body", label_required=False))


def test_a_header_of_very_many_columns_is_refused():
    with pytest.raises(InputError, match="the file has 20,001 columns; expected at most 10,000"):
        parse_table(b"," * 20_000 + b"\n", "the file", ["text"], format="csv")


def test_only_the_columns_that_are_read_are_kept():
    lines = b"".join(json.dumps({"text": "a", f"other{row}": row}).encode() + b"\n" for row in range(2000))
    table = parse_table(lines, "the file", ["text"], format="jsonl")
    assert table["text"] == ["a"] * 2000
    assert len(table) == 2001
    assert not any(table[name] for name in table if name != "text")
