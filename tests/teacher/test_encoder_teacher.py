import pickle

import numpy as np
import pytest
from scipy.special import log_softmax

from softtopic import EncoderTeacher, TopicModel, Vocabulary
from softtopic.errors import InputError
from softtopic.inputs.language_axes import language_axes, without_language
from softtopic.lm.encoder import SentenceEncoder
from softtopic.persistence.teachers import is_known, teacher_from_plain
from softtopic.teacher.opening import open_teacher, teacher_from_description

WORDS = Vocabulary(("telescope", "orbit", "bread", "tables", "query"))


def test_words_are_as_probable_as_they_are_close(tiny_encoder, texts):
    teacher = EncoderTeacher(tiny_encoder, temperature=0.1)
    found = teacher.read(texts, WORDS)
    encoder = SentenceEncoder(tiny_encoder)
    cosines = encoder(texts) @ encoder(WORDS.words).T
    np.testing.assert_allclose(found.log_probs, log_softmax(cosines / 0.1, axis=1), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found.hidden, encoder(texts), atol=1e-3)
    np.testing.assert_array_equal(teacher.features(encoder(texts), WORDS).log_probs, found.log_probs)
    assert teacher.read([], WORDS).log_probs.shape == (0, 5)


def test_words_are_compared_without_what_was_removed_from_documents(tiny_encoder, texts):
    encoder = SentenceEncoder(tiny_encoder)
    vectors = encoder(texts)
    axes = language_axes(np.repeat(vectors[:2], 20, axis=0), ["en"] * 20 + ["de"] * 20)
    shared = without_language(vectors, axes)
    found = EncoderTeacher(tiny_encoder, temperature=0.1).features(shared, WORDS, axes).log_probs
    cosines = shared @ without_language(encoder(WORDS.words), axes).T
    np.testing.assert_allclose(found, log_softmax(cosines / 0.1, axis=1), rtol=2e-3, atol=2e-3)


def test_vectors_of_another_encoder_are_refused(tiny_encoder):
    with pytest.raises(InputError, match="vectors of width 3; those of"):
        EncoderTeacher(tiny_encoder).features(np.ones((2, 3), dtype=np.float32), WORDS)


def test_a_teacher_comes_back_from_its_description(tiny_encoder):
    teacher = EncoderTeacher(tiny_encoder, temperature=0.5, max_tokens=32)
    assert is_known(teacher.description)
    for other in (
        teacher_from_description(teacher.description),
        teacher_from_plain(teacher.description, device="cpu"),
        pickle.loads(pickle.dumps(teacher)),
    ):
        assert other == teacher
        assert other.fingerprint == teacher.fingerprint
    assert EncoderTeacher(tiny_encoder).fingerprint != teacher.fingerprint
    assert open_teacher("encoder") == EncoderTeacher()


@pytest.mark.parametrize(
    ("setting", "value"), [("temperature", 0.0), ("temperature", "warm"), ("max_tokens", 0), ("encoder", None)]
)
def test_a_description_with_impossible_values_is_refused(setting, value):
    with pytest.raises(InputError):
        teacher_from_plain(EncoderTeacher().description | {setting: value}, device="cpu")


def test_a_model_fitted_by_an_encoder_alone_is_saved_whole(tiny_encoder, texts, tmp_path):
    """Nothing is imputed, and no language model is needed."""
    model = TopicModel(2, lm=EncoderTeacher(tiny_encoder), embedder=tiny_encoder, features=None, vocabulary=20)
    model.fit(texts)
    [line] = [line for line in model.plan_.lines() if line.startswith("teacher: ")]
    assert line.endswith(f"compares words with all {len(texts)} distinct documents")
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    assert loaded.teacher_ == model.teacher_ == EncoderTeacher(tiny_encoder)
    np.testing.assert_array_equal(loaded.transform(texts), model.transform(texts))
    np.testing.assert_allclose(loaded.probabilities_, model.transform(texts), atol=1e-5)
