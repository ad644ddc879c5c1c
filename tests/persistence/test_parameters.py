from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from states import PARAMETERS

from softtopic.backbones.settings import PLSASettings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.word_vectors import WordVectors
from softtopic.lm.encoder import SentenceEncoder
from softtopic.persistence.parameters import NotSaved, check_parameters, decode_parameters, encode_parameters
from softtopic.recipes import RECIPES
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompts import Prompt
from softtopic.teacher.server import ServerTeacher


def lengths(texts):
    return np.array([[len(text)] for text in texts], dtype=np.float32)


def there_and_back(**changes):
    plain, tensors = encode_parameters(PARAMETERS | changes)
    return decode_parameters(plain, tensors, "cpu")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_topics", 7),
        ("recipe", "paper"),
        ("recipe", RECIPES["default"]),
        ("backbone", "plsa"),
        ("backbone", PLSASettings(dropout=0.3)),
        ("inputs", "bow+embedding"),
        ("embedder", "my/encoder"),
        ("word_vectors", "glove.txt"),
        ("word_vectors", Path("glove.txt")),
        ("lm", "http://localhost:8080/v1"),
        ("lm", Teacher("tiny-lm", prompt=Prompt("Name it."), beam_width=2, dtype="float32")),
        ("lm", ServerTeacher("http://localhost:8080/v1", model="x", vectors="http://localhost:9/v1")),
        ("sample", 0.5),
        ("sample", 1),
        ("demonstrations", "auto"),
        ("vocabulary", 500),
        ("vocabulary", ["a", "b"]),
        ("vocabulary", ("a", "b")),
        ("vocabulary", Vocabulary(("a", "b"), r"\w+")),
        ("features", Path("features")),
        ("features", "auto"),
        ("progress", True),
    ],
)
def test_parameters_come_back_as_they_were(name, value):
    found = there_and_back(**{name: value})
    assert found == PARAMETERS | {name: value}
    assert type(found[name]) is type(value)
    assert encode_parameters(found) == encode_parameters(PARAMETERS | {name: value})


def test_arrays_and_word_vectors_come_back():
    words = np.array(["one", "three"])
    vectors = WordVectors(("one", "two"), np.arange(6, dtype=np.float32).reshape(2, 3))
    found = there_and_back(vocabulary=words, word_vectors=vectors)
    np.testing.assert_array_equal(found["vocabulary"], words)
    assert found["word_vectors"].words == vectors.words
    np.testing.assert_array_equal(found["word_vectors"].vectors, vectors.vectors)


def test_numbers_of_numpy_are_numbers():
    found = there_and_back(n_topics=np.int64(3), random_state=np.uint32(5), sample=np.float32(0.5))
    assert found == PARAMETERS | {"sample": 0.5}


def test_a_sentence_encoder_comes_back_by_name():
    found = there_and_back(embedder=SentenceEncoder("my/encoder", max_tokens=7, dtype="float32"))["embedder"]
    assert (found.name, found.max_tokens) == ("my/encoder", 7)


class Own(BaseTeacher):
    """A class of the user's."""

    fingerprint = description = hidden_only = read = open = close = _key = None

    @classmethod
    def from_description(cls, description, *, device="auto"):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "value", "description"),
    [
        ("embedder", lengths, "function lengths"),
        ("embedder", lambda texts: None, "function <lambda>"),
        ("vocabulary", CountVectorizer(), "an object of class CountVectorizer"),
        ("lm", Own(), "an object of class Own"),
        ("lm", ServerTeacher("http://localhost:1/v1", vectors=lengths), "a ServerTeacher with function lengths"),
    ],
)
def test_what_cannot_be_stored_says_so_when_it_is_needed(name, value, description):
    check_parameters(PARAMETERS | {name: value})
    found = there_and_back(**{name: value})
    assert found[name] == NotSaved(name, description)
    said = (
        rf"{name} was {description}, which a model folder cannot hold; set it again with model.set_params\({name}=...\)"
    )
    for use in (lambda: check_parameters(found), lambda: found[name](["a text"])):
        with pytest.raises(InputError, match=said):
            use()
    assert encode_parameters(found) == encode_parameters(PARAMETERS | {name: value})


def test_every_parameter_of_the_estimator_is_stored():
    from softtopic import TopicModel

    plain, tensors = encode_parameters(TopicModel().get_params(deep=False))
    assert decode_parameters(plain, tensors, "cpu") == TopicModel().get_params(deep=False)
