"""Language models in GGUF files."""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

import softtopic.lm.loading as loading
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import LanguageModelError
from softtopic.lm.loading import find_language_model, language_model_fingerprint, load_language_model
from softtopic.storage.assets import ASSETS, asset_path
from softtopic.teacher.local import Teacher


@pytest.fixture
def gguf(embedded_lm) -> Path:
    return asset_path(embedded_lm) / Path(ASSETS[embedded_lm].files[0].path).name


@pytest.fixture(autouse=True)
def own_models(cache_folder):
    """What is converted here stays here."""
    (cache_folder / "models").unlink()


def test_a_file_is_known_by_its_bytes(gguf, tmp_path):
    same = tmp_path / "Copy.GGUF"
    same.symlink_to(gguf)
    assert language_model_fingerprint(str(gguf)) == ASSETS["smollm2-135m"].files[0].sha256
    # The features of the embedded model are those of its file.
    assert Teacher(str(same)).fingerprint == Teacher("smollm2-135m").fingerprint
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF")
    assert language_model_fingerprint(str(other)) == hashlib.sha256(b"GGUF").hexdigest()
    other.write_bytes(b"GGUF and more")
    assert language_model_fingerprint(str(other)) == hashlib.sha256(b"GGUF and more").hexdigest()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer_config.json", "merges.txt"])
def test_a_folder_is_known_by_all_that_tells(tmp_path, name):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / name).write_text("before")
    before = language_model_fingerprint(str(tmp_path))
    (tmp_path / name).write_text("afterw")
    assert language_model_fingerprint(str(tmp_path)) != before


def broken(gguf: Path, how: str) -> bytes:
    if how == "empty":
        return b""
    if how == "no GGUF":
        return b"PK\x03\x04 and so on"
    with gguf.open("rb") as stream:
        # The header alone is some megabytes; the tensors come after it.
        return stream.read(2000 if how == "cut off in the header" else 8_000_000)


@pytest.mark.parametrize("how", ["empty", "no GGUF", "cut off in the header", "cut off in the tensors"])
def test_a_broken_file_is_one_line_and_leaves_nothing(gguf, tmp_path, cache_folder, how):
    path = tmp_path / "broken.gguf"
    path.write_bytes(broken(gguf, how))
    said = "is not a GGUF file; give one" if how in ("empty", "no GGUF") else "is a broken or cut off GGUF file"
    with pytest.raises(LanguageModelError, match=f"^{re.escape(str(path))} {said}") as error:
        find_language_model(str(path))
    assert "\n" not in str(error.value)
    assert not list(cache_folder.rglob("*.safetensors"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(LanguageModelError, match=r"none.gguf cannot be read \(No such file or directory\); give the"):
        Teacher(str(tmp_path / "none.gguf")).open()


@pytest.mark.slow
def test_a_file_is_converted_once_and_says_what_the_embedded_model_says(gguf, cache_folder, texts, monkeypatch, capfd):
    words = Vocabulary(("database", "space", "baking", "politics"))
    found = Teacher(str(gguf)).read(texts[:4], words)
    assert capfd.readouterr() == ("", "")  # no progress bar of transformers
    folders = list((cache_folder / "models").glob("[!.]*"))
    assert [folder.name for folder in folders] == [ASSETS["smollm2-135m"].files[0].sha256]
    monkeypatch.setattr(loading, "_convert", None)
    again = Teacher(str(gguf)).read(texts[:4], words)
    monkeypatch.undo()
    for wanted in (again, Teacher("smollm2-135m").read(texts[:4], words)):
        np.testing.assert_array_equal(found.log_probs, wanted.log_probs)
        np.testing.assert_array_equal(found.hidden, wanted.hidden)


def test_threads_load_models_of_different_formats(tiny_lm, process_settings):
    settings = process_settings()
    formats = [torch.bfloat16, torch.float32] * 3
    with ThreadPoolExecutor(6) as pool:
        loaded = list(pool.map(lambda dtype: load_language_model(tiny_lm, torch.device("cpu"), dtype), formats))
    for lm, dtype in zip(loaded, formats, strict=True):
        assert {weight.dtype for weight in lm.model.parameters()} == {dtype}
        assert lm.name == tiny_lm
    assert process_settings() == settings


def test_settings_of_the_process_are_restored_after_a_failure(tmp_path, process_settings):
    (tmp_path / "config.json").write_text('{"model_type": "llama", "hidden_size": "many"}')
    settings = process_settings()
    with pytest.raises(LanguageModelError, match="cannot be opened as a causal language model"):
        load_language_model(str(tmp_path), torch.device("cpu"), torch.bfloat16)
    assert process_settings() == settings


def test_fetching_the_embedded_model_converts_it(monkeypatch, tmp_path):
    steps = []
    monkeypatch.setattr(loading, "fetch", lambda name: steps.append(f"fetch {name}"))
    monkeypatch.setattr(loading, "find_language_model", lambda name: steps.append(f"convert {name}") or tmp_path)
    assert loading.fetch_language_model(loading.EMBEDDED) == tmp_path
    assert steps == ["fetch smollm2-135m", "convert smollm2-135m"]
