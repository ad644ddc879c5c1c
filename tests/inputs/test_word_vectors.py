import numpy as np
import pytest

from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.word_vectors import WordVectors, word_matrix

VECTORS = np.asarray([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
WORDS = Vocabulary(("table", "sql", "quux"))


def check(found):
    np.testing.assert_array_equal(found, [[3, 4], [1, 2], [np.nan, np.nan]])


def test_each_word_of_the_vocabulary_gets_its_vector():
    check(WordVectors(("sql", "table", "bread"), VECTORS).of(WORDS))
    # The first of two stands, as in files sorted by frequency.
    check(WordVectors(("sql", "table", "sql"), VECTORS).of(WORDS))
    assert word_matrix(None, WORDS) is None


@pytest.mark.parametrize("header", ["", "3 2\n"])
def test_text_files(tmp_path, header):
    path = tmp_path / "vectors.txt"
    path.write_text(header + "sql 1 2\ntable 3 4\nbread 5 6\n", encoding="utf-8")
    check(word_matrix(path, WORDS))


def test_words_may_hold_spaces_and_strange_ends_of_lines(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("sql 1 2\n. . . 0 0\na\u2028b 7 8\ntable 3 4\n", encoding="utf-8")
    assert WordVectors.read(path).words == ("sql", ". . .", "a\u2028b", "table")
    check(word_matrix(path, WORDS))


def test_of_a_large_file_the_vocabulary_alone_is_kept(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"word{number} 1 2\n" for number in range(100)) + "table 3 4\n", encoding="utf-8")
    assert WordVectors.read(path, {"table"}).words == ("word0", "table")


def test_array_files(tmp_path):
    np.savez(tmp_path / "vectors.npz", words=np.asarray(["sql", "table", "bread"]), vectors=VECTORS.astype(np.float16))
    check(word_matrix(str(tmp_path / "vectors.npz"), WORDS))


@pytest.mark.parametrize("content", ["", "sql 1 2\ntable 3\n", "sql one two\n"])
def test_files_of_something_else_are_refused(tmp_path, content):
    path = tmp_path / "vectors.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"vectors\.txt cannot be read") as caught:
        WordVectors.read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        WordVectors.read(tmp_path / "missing.npz")


def test_a_vector_for_each_word():
    with pytest.raises(InputError, match="2 words for 3 vectors"):
        WordVectors(("sql", "table"), VECTORS)
