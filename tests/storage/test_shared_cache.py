"""The cache folder under other users, without a home, and removed while a fit runs: a warning, and the fit goes on."""

import shutil
from threading import Thread

import numpy as np
import pytest
from filelock import FileLock

from softtopic import TopicModel
from softtopic.teacher.local import Teacher


@pytest.fixture
def fit(texts, tiny_lm, monkeypatch):
    """Fit a model whose language model reads two shards of documents."""
    monkeypatch.setattr(Teacher, "documents_per_shard", lambda self, texts: 6)

    def fitted(**options) -> TopicModel:
        return TopicModel(3, recipe="light", lm=tiny_lm, vocabulary=30, **options).fit(texts)

    return fitted


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_two_fits_at_once_share_a_cache(fit):
    models = []
    threads = [Thread(target=lambda: models.append(fit())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(models[0].probabilities_, models[1].probabilities_)


def test_a_lock_of_another_user_is_a_warning(fit, monkeypatch, caplog):
    def refused(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refused)
    caplog.set_level("WARNING", "softtopic")
    fit()
    assert "what the language model says is not kept" in caplog.text


def test_a_home_that_is_not_there_is_a_warning(fit, monkeypatch, caplog):
    for name in ("SOFTTOPIC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/proc/nowhere")
    caplog.set_level("WARNING", "softtopic")
    fit()
    assert "what the language model says is not kept" in caplog.text


def test_a_cache_removed_while_the_language_model_reads_is_a_warning(fit, cache_folder, monkeypatch, caplog):
    expected = fit(features=None)
    calls, read = [], Teacher.read

    def removing(self, *args):
        calls.append(1)
        shutil.rmtree(cache_folder / "features", ignore_errors=True)
        return read(self, *args)

    monkeypatch.setattr(Teacher, "read", removing)
    caplog.set_level("WARNING", "softtopic")
    np.testing.assert_array_equal(fit().probabilities_, expected.probabilities_)
    assert "what the language model says is not kept" in caplog.text


def test_without_features_nothing_is_kept_anywhere(fit, cache_folder, texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = files(cache_folder)
    model = fit(features=None)
    model.transform([*texts, "a new text"])
    model.get_topic_info()
    assert files(cache_folder) == before
    assert files(tmp_path) == set()
