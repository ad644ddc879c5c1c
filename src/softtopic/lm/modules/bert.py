"""BERT (Devlin et al., 2019) without its pooler, the architecture of the embedded sentence encoders.

Modules have the names that transformers gives them, so that weights and the packed forward pass fit both.
"""

from pathlib import Path
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from softtopic.lm.modules.files import known_settings, open_module
from softtopic.lm.modules.layers import Embedding, Linear


class BertOutput(NamedTuple):
    """Output of `Bert`."""

    last_hidden_state: Float[Tensor, "texts tokens width"]


class BertConfig(NamedTuple):
    """The settings of config.json that matter here, under their names in it."""

    model_type: str
    hidden_act: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> "BertConfig":
        """From the content of config.json; raises ValueError if it describes another architecture."""
        kind = settings.get("model_type"), settings.get("hidden_act")
        if kind != ("bert", "gelu"):
            raise ValueError(f"config.json is not of a BERT encoder with exact GELU: {kind[0]}, {kind[1]}")
        return cls(**known_settings(settings, cls._fields))


@final
class Bert(nn.Module):
    """Bidirectional encoder of texts of equal length.

    Parameters
    ----------
    config : BertConfig
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))

    @classmethod
    def open(cls, folder: Path, dtype: torch.dtype) -> "Bert":
        """Open a folder with config.json and model.safetensors; see `softtopic.lm.modules.files.open_module`."""
        return open_module(lambda settings: cls(BertConfig.from_json(settings)), folder, dtype)

    def forward(self, input_ids: Int[Tensor, "texts tokens"]) -> BertOutput:
        x = self.embeddings(input_ids)
        for layer in self.encoder.layer:  # pyright: ignore[reportGeneralTypeIssues]
            x = layer(x)
        return BertOutput(x)


@final
class _Embeddings(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, ids: Int[Tensor, "texts tokens"]) -> Float[Tensor, "texts tokens width"]:
        places = self.position_embeddings.weight[: ids.shape[1]] + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(ids) + places)


@final
class _Layer(nn.Module):
    """Self-attention and MLP, each followed by its residual and LayerNorm."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = nn.Module()
        self.attention.self = _SelfAttention(config)
        self.attention.output = _Output(config.hidden_size, config)
        self.intermediate = nn.Module()
        self.intermediate.dense = Linear(config.hidden_size, config.intermediate_size)
        self.output = _Output(config.intermediate_size, config)

    def forward(self, x: Float[Tensor, "texts tokens width"]) -> Float[Tensor, "texts tokens width"]:
        attention: Any = self.attention
        x = attention.output(attention.self(x), x)
        return self.output(F.gelu(self.intermediate.dense(x)), x)  # pyright: ignore[reportCallIssue]


@final
class _SelfAttention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_attention_heads = config.num_attention_heads
        self.query, self.key, self.value = (Linear(config.hidden_size, config.hidden_size) for _ in range(3))

    def forward(self, x: Float[Tensor, "texts tokens width"]) -> Float[Tensor, "texts tokens width"]:
        sides = (part(x).unflatten(2, (self.num_attention_heads, -1)) for part in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(*(side.transpose(1, 2) for side in sides))
        return attended.transpose(1, 2).flatten(2)


@final
class _Output(nn.Module):
    def __init__(self, width: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(
        self, x: Float[Tensor, "texts tokens inner"], residual: Float[Tensor, "texts tokens width"]
    ) -> Float[Tensor, "texts tokens width"]:
        return self.LayerNorm(self.dense(x) + residual)
