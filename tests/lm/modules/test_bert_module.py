import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from softtopic.lm.bert import PackedBert
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.lm.encoder import find_encoder
from softtopic.lm.modules.bert import Bert

IDS = torch.arange(2 * 20).remainder(60).view(2, 20)


@torch.inference_mode()
def test_output_is_that_of_transformers(tiny_encoder):
    found = Bert.open(Path(tiny_encoder), torch.float32)(IDS).last_hidden_state
    expected = AutoModel.from_pretrained(tiny_encoder).eval()(IDS).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_embedded_encoder_is_that_of_transformers():
    folder = find_encoder(SENTENCE_ENCODER)
    model = Bert.open(folder, torch.float32)
    expected = AutoModel.from_pretrained(folder).eval()(IDS + 1000).last_hidden_state
    torch.testing.assert_close(model(IDS + 1000).last_hidden_state, expected, atol=1e-5, rtol=1e-5)
    packed = PackedBert(model)((IDS + 1000).tolist())
    torch.testing.assert_close(packed, expected.mean(dim=1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "not of a BERT encoder with exact GELU: bert, relu"),
        ({"model_type": "distilbert", "hidden_act": None}, "not of a BERT encoder with exact GELU: distilbert, None"),
        ({"vocab_size": None}, "config.json lacks vocab_size"),
    ],
)
def test_other_architectures_are_refused(tiny_encoder, tmp_path, change, message):
    settings = json.loads((Path(tiny_encoder) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(settings | change))
    with pytest.raises(ValueError, match=message):
        Bert.open(tmp_path, torch.float32)
