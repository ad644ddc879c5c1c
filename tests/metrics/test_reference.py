import gzip
import json
import os
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import softtopic.metrics.reference as reference
from softtopic.data.readers import Columns
from softtopic.data.tokenizer import unspaced_share
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import DiskError, InputError
from softtopic.metrics.reference import Reference

TEXTS = ["New York is new.", "", "York. New? The new-york, NEW YORK state; don't!", "In 2007 AI: x-ray, people’s"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "references"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texts.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps({"text": text, "body": f"other {text}"}) + "\n" for text in TEXTS)
    return path


def found(built: Reference, word: str) -> int:
    return len(built.occurrences(word))


def test_positions_count_through_documents_that_hold_words():
    built = Reference.from_tokens([["a", "b", "a"], [], ["b"]], name="letters")
    assert (built.name, built.n_documents, built.n_tokens) == ("letters", 2, 4)
    assert built.occurrences("a").tolist() == [0, 2]
    assert built.occurrences("b").tolist() == [1, 3]
    assert built.document_of(built.occurrences("b")).tolist() == [0, 1]
    assert built.occurrences("c").tolist() == []


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.sampled_from("aäßЖ語İ1_-'’ t\n"), max_size=30), min_size=1, max_size=4))
def test_every_word_a_vocabulary_finds_is_found_as_often(texts):
    assume(not unspaced_share(texts))  # there a vocabulary finds parts of clauses too
    try:
        vocabulary = Vocabulary.from_texts(texts, language="none", min_df=1, max_df=1.0)
    except InputError:
        return
    built = Reference.from_texts(texts)
    counts = np.asarray(vocabulary.bag_of_words(texts).sum(axis=0)).ravel().tolist()
    assert [found(built, word) for word in vocabulary.words] == counts


def test_short_words_and_numbers_are_words_too_but_not_what_is_left_of_a_negation():
    built = Reference.from_texts(TEXTS)
    assert Counter({word: found(built, word) for word in ("ai", "2007", "people", "s", "don", "is")}) == {
        "ai": 1, "2007": 1, "people": 1, "s": 1, "don": 0, "is": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "times"),
    [("new york", 3), ("New_York", 3), ("new-york", 3), ("york new", 2), ("is new york", 0), ("new york state", 1),
     ("x-ray", 1), ("new atlantis", 0), ("—", 0), ("c++", 0), ("don't", 0), ("", 0)],
)  # fmt: skip
def test_a_phrase_is_its_words_side_by_side_in_one_document(word, times):
    assert found(Reference.from_texts(TEXTS), word) == times


def test_a_phrase_does_not_reach_into_the_next_document():
    assert found(Reference.from_tokens([["a", "b"], ["a", "b"]]), "b a") == 0


def test_tokens_are_taken_as_they_are():
    built = Reference.from_tokens([["New_York", "東京"], ["Paris", "new_york"]])
    assert [found(built, word) for word in ("New_York", "new_york", "東京", "Paris", "paris")] == [1, 1, 1, 1, 0]


def test_a_file_is_read_once(file, cache, monkeypatch):
    first = Reference.read(file)
    assert len(list(cache.iterdir())) - len(list(cache.glob(".*"))) == 1
    moved = file.rename(file.with_name("moved.jsonl.gz"))
    os.utime(moved, (0, 0))
    monkeypatch.setattr(reference, "read_corpus", None)
    again = Reference.read(moved)
    assert (first.name, again.name) == ("texts.jsonl.gz", "moved.jsonl.gz")
    assert again.words == first.words
    for array in ("starts", "positions", "documents"):
        assert getattr(again, array).tolist() == getattr(first, array).tolist()
    assert again.occurrences("new york").tolist() == first.occurrences("new york").tolist()


def test_another_column_or_content_is_another_reference(file):
    assert found(Reference.read(file), "other") == 0
    assert found(Reference.read(file, Columns(text="body")), "other") == 4
    with gzip.open(file, "at", encoding="utf-8") as stream:
        stream.write('{"text": "new words"}\n')
    assert found(Reference.read(file), "words") == 1


@pytest.mark.parametrize("damage", ["positions.npy", "words.json", "starts.npy"])
def test_a_damaged_cache_is_made_anew(file, cache, damage, caplog):
    Reference.read(file)
    (kept,) = (folder for folder in cache.iterdir() if folder.is_dir())
    whole = (kept / damage).read_bytes()
    (kept / damage).write_bytes(whole[:-9])
    caplog.set_level("WARNING", "softtopic")
    assert found(Reference.read(file), "new york") == 3
    assert "damaged and is rebuilt" in caplog.text
    assert (kept / damage).read_bytes() == whole


def test_a_full_disk_costs_the_cache_alone(file, monkeypatch, caplog):
    def full(*_):
        raise DiskError("no space")

    monkeypatch.setattr(Reference, "_write", full)
    caplog.set_level("WARNING", "softtopic")
    assert found(Reference.read(file), "new") == 5
    assert "is not cached: no space" in caplog.text


@pytest.mark.parametrize(
    ("texts", "said"),
    [([], "texts holds no words"), (["", "…"], "texts holds no words"), ("one string", "texts is one string"),
     (iter(["a", None]), "document 1 of the reference is NoneType")],
)  # fmt: skip
def test_what_is_no_reference(texts, said):
    with pytest.raises(InputError, match=said):
        Reference.from_texts(texts)


def test_a_missing_file_is_said_by_the_reader(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Reference.read(tmp_path / "nowhere.jsonl")
