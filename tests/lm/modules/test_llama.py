import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from softtopic.lm import loading
from softtopic.lm.devices import has_int8
from softtopic.lm.engine import PackedReader, PlainReader, Reader, open_reader
from softtopic.lm.loading import LanguageModel, find_language_model, load_language_model
from softtopic.lm.modules.llama import Llama

SIZES = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256, "initializer_range": 0.3,
    "tie_word_embeddings": True,
}  # fmt: skip
PREFIX = [5, 6, 7]
ROWS = [list(range(length)) for length in (1, 3, 3, 20)]


@pytest.fixture
def theirs(tmp_path) -> LlamaForCausalLM:
    """A random model of transformers, saved in `tmp_path`."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters={"rope_theta": 500.0, "rope_type": "default"}))
        for weight in model.parameters():
            if weight.ndim == 1:
                torch.nn.init.uniform_(weight, 0.5, 1.5)
    model.save_pretrained(tmp_path)
    return model.eval()


@pytest.fixture
def lm(theirs, tmp_path) -> LanguageModel:
    """The same weights in a module of ours."""
    return LanguageModel(Llama.open(tmp_path, torch.float32).requires_grad_(False), None, torch.device("cpu"))


@torch.inference_mode()
def test_output_is_that_of_transformers(theirs, tmp_path):
    ids = torch.arange(2 * 40).remainder(300).view(2, 40)
    expected = theirs(ids, output_hidden_states=True)
    found = Llama.open(tmp_path, torch.float32)(ids, logits_to_keep=2)
    torch.testing.assert_close(found.logits, expected.logits[:, -2:], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found.hidden_states[-1], expected.hidden_states[-1], atol=1e-4, rtol=1e-4)


def gap(theirs: LlamaForCausalLM, reader: Reader) -> float:
    """Error of a reader's states of `ROWS`, relative to what transformers gives."""
    expected = PlainReader(LanguageModel(theirs, None, reader.device), PREFIX)
    states = torch.cat([expected.states([row]) for row in ROWS])
    return float((reader.states(ROWS) - states).norm() / states.norm())


@torch.inference_mode()
def test_readers_in_float32_agree(theirs, lm, monkeypatch):
    reader = open_reader(lm, PREFIX)
    assert isinstance(reader, PackedReader)
    assert gap(theirs, reader) < 1e-4


@torch.inference_mode()
def test_packed_batches_need_no_fused_layers(theirs, lm, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    reader = open_reader(lm, PREFIX)
    assert isinstance(reader, PackedReader)
    assert gap(theirs, reader) < 1e-4


@torch.inference_mode()
@pytest.mark.skipif(not has_int8(), reason="this processor has no exact int8 products")
def test_a_reader_in_int8_agrees(theirs, lm):
    reader = open_reader(lm, PREFIX, calibration_tokens=range(50))
    assert isinstance(reader, PackedReader)
    assert reader._dtype is torch.int8
    assert 1e-4 < gap(theirs, reader) < 0.15


@torch.inference_mode()
def test_the_default_dtype_of_torch_changes_nothing(theirs, lm):
    ids = torch.arange(40)[None]
    expected = theirs(ids).logits
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        found = lm.model(ids).logits
    finally:
        torch.set_default_dtype(before)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "setting",
    [
        {"model_type": "mistral"},
        {"model_type": None},
        {"attention_bias": True},
        {"hidden_act": "gelu"},
        {"tie_word_embeddings": False},
        {"rope_parameters": {"rope_theta": 500.0, "rope_type": "llama3", "factor": 8.0}},
        {"rope_parameters": None, "rope_theta": 500.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_variants_are_refused(theirs, tmp_path, setting):
    name = "rope" if "rope_parameters" in setting else next(iter(setting))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | setting))
    with pytest.raises(ValueError, match=f"not of a plain Llama.*: {name}"):
        Llama.open(tmp_path, torch.float32)


def test_missing_settings_are_named(theirs, tmp_path):
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    del settings["head_dim"]
    path.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"config.json lacks head_dim"):
        Llama.open(tmp_path, torch.float32)


def test_missing_and_misshapen_weights_are_refused(theirs, tmp_path):
    path = tmp_path / "model.safetensors"
    weights = load_file(path)
    name = "model.layers.1.mlp.up_proj.weight"
    save_file({key: weight for key, weight in weights.items() if key != name}, path)
    with pytest.raises(ValueError, match=f"model.safetensors lacks {name}"):
        Llama.open(tmp_path, torch.float32)
    save_file(weights | {name: weights[name][:-1].clone()}, path)
    with pytest.raises(RuntimeError, match=name):
        Llama.open(tmp_path, torch.float32)


def test_a_converted_file_of_another_kind_is_left_to_transformers(theirs, tmp_path):
    assert isinstance(loading._open_llama(tmp_path, torch.float32), Llama)
    (tmp_path / "model.safetensors").rename(tmp_path / "model-00001-of-00002.safetensors")
    assert loading._open_llama(tmp_path, torch.float32) is None
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    assert loading._open_llama(tmp_path, torch.float32) is None


@torch.inference_mode()
def test_the_embedded_model_is_that_of_transformers(embedded_lm):
    folder = find_language_model(embedded_lm)
    lm = load_language_model(embedded_lm, torch.device("cpu"), torch.float32)
    assert isinstance(lm.model, Llama)
    ids = torch.tensor([lm.tokenizer("The rocket left its launch pad and reached orbit.")["input_ids"]])
    expected = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids, output_hidden_states=True)
    found = lm.model(ids)
    torch.testing.assert_close(found.hidden_states[-1], expected.hidden_states[-1], atol=1e-3, rtol=1e-3)
