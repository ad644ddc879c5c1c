import numpy as np
import pytest

from softtopic.errors import InputError
from softtopic.teacher.calibration import Calibration


def log_probs(rows: int = 6, words: int = 5) -> np.ndarray:
    drawn = np.random.default_rng(0).dirichlet(np.ones(words), rows)
    return np.log(drawn).astype(np.float32)


def test_the_corpus_mean_is_taken_off():
    given = log_probs()
    calibration = Calibration.fit(given)
    np.testing.assert_allclose(calibration.prior, given.mean(axis=0), rtol=1e-6)
    found = calibration(given)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
    # Differences between words lose the prior's, and nothing else.
    np.testing.assert_allclose(np.diff(found, axis=1), np.diff(given, axis=1) - np.diff(calibration.prior), atol=1e-5)


def test_strength_says_how_much():
    given = log_probs()
    none, half, whole = (Calibration.fit(given, strength=strength)(given) for strength in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(none, given, atol=1e-5)
    np.testing.assert_allclose(np.diff(half, axis=1), np.diff(none + whole, axis=1) / 2, atol=1e-5)


def test_new_documents_are_calibrated_by_the_old():
    calibration = Calibration.fit(log_probs())
    new = log_probs(2)[1:]
    assert np.abs(calibration(new) - new).max() > 0.1


@pytest.mark.parametrize("settings", [{"strength": -1.0}, {"strength": 3.0}, {"source": "magic"}])
def test_what_cannot_be(settings):
    with pytest.raises(InputError, match=r"\[0, 2\]|choose one of"):
        Calibration.fit(log_probs(), **settings)
