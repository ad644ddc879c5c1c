"""Language models in GGUF files."""

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import softtopic.lm.loading as loading
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import LanguageModelError
from softtopic.lm.encoder import SentenceEncoder
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
    monkeypatch.setattr(loading, "_convert", lambda *_: pytest.fail("converted again"))
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


def test_weights_that_can_run_code_are_refused_unless_allowed(tiny_lm, tmp_path, monkeypatch):
    """A folder with pytorch_model.bin alone, as models had them before safetensors."""
    folder = tmp_path / "old"
    folder.mkdir()
    for file in Path(tiny_lm).iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    (weights,) = Path(tiny_lm).glob("*.safetensors")
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    cpu, said = torch.device("cpu"), r"holds pytorch_model\.bin and no safetensors.*SOFTTOPIC_ALLOW_BIN=1"
    with pytest.raises(LanguageModelError, match=said):
        load_language_model(str(folder), cpu, torch.float32)
    with pytest.raises(LanguageModelError, match=said):
        SentenceEncoder(str(folder))(["text"])
    monkeypatch.setenv("SOFTTOPIC_ALLOW_BIN", "1")
    assert load_language_model(str(folder), cpu, torch.float32).name == str(folder)


def test_code_in_a_folder_is_not_run(tiny_lm, tmp_path):
    folder = tmp_path / "custom"
    folder.mkdir()
    for file in Path(tiny_lm).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "own.Model")}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(LanguageModelError, match="cannot be opened"):
        load_language_model(str(folder), torch.device("cpu"), torch.float32)
    assert not (tmp_path / "ran").exists()


def test_where_the_cache_takes_no_files_a_conversion_is_for_the_process_alone(tmp_path, monkeypatch, caplog):
    def convert(gguf, folder):
        (folder / "config.json").write_text(gguf.name)

    monkeypatch.setattr(loading, "_convert", convert)
    monkeypatch.setenv("SOFTTOPIC_CACHE", "/proc/nowhere")
    gguf = tmp_path / "own.gguf"
    gguf.write_bytes(b"GGUF")
    caplog.set_level("WARNING", "softtopic")
    folder = find_language_model(str(gguf))
    assert (folder / "config.json").read_text() == "own.gguf"
    assert "own.gguf is converted for this process alone" in caplog.text
    assert find_language_model(str(gguf)) == folder
