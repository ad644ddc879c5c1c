"""Llama (Touvron et al., 2023), the architecture of the embedded language model.

Importing transformers and letting it open a model takes seconds, more than all else a command does before it reads.
Modules have the names that transformers gives them, so that weights and fused layers fit both.
"""

from pathlib import Path
from typing import Any, NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from softtopic.lm.attention import packed_attention
from softtopic.lm.modules.files import known_settings, open_module
from softtopic.lm.modules.layers import Embedding, Linear
from softtopic.lm.packed import PackedBatch, TokenTree

# Cosines and sines of rotary positions; those of documents of equal length are the same, and one row.
Rotary = tuple[Float[Tensor, "1 tokens head"], Float[Tensor, "1 tokens head"]]


class CausalOutput(NamedTuple):
    """Output of `Llama`."""

    logits: Float[Tensor, "docs kept vocabulary"]
    hidden_states: tuple[Tensor]  # one of shape (docs, tokens, width), of the last layer, after the final norm


class BodyOutput(NamedTuple):
    """Output of `LlamaBody`."""

    last_hidden_state: Float[Tensor, "docs tokens width"]  # after the final norm


class LlamaConfig(NamedTuple):
    """The settings of config.json that matter here, under their names in it."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    max_position_embeddings: int

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> "LlamaConfig":
        """From the content of config.json.

        Raises
        ------
        ValueError
            If it describes another architecture, or a variant with biases, scaled positions or an output layer of its
            own; or if a setting is missing.
        """
        rope = settings.get("rope_parameters") or {"rope_theta": settings.get("rope_theta")}
        found = {"attention_bias": False, "mlp_bias": False, "rope_scaling": None} | settings | rope
        expected = {
            "model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
            "rope_scaling": None, "tie_word_embeddings": True,
        }  # fmt: skip
        variants = [name for name, value in expected.items() if found.get(name) != value]
        if rope.get("rope_type", "default") != "default":
            variants.append("rope_type")
        if variants:
            raise ValueError(f"config.json is not of a plain Llama with tied embeddings: {', '.join(variants)}")
        return cls(**known_settings(found, cls._fields))

    def get_text_config(self) -> "LlamaConfig":
        return self


@final
class Llama(nn.Module):
    """Causal language model whose output layer is its matrix of token embeddings.

    Parameters
    ----------
    config : LlamaConfig
    """

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.model = LlamaBody(config)

    @classmethod
    def open(cls, folder: Path, dtype: torch.dtype) -> "Llama":
        """Open a folder with config.json and model.safetensors; see `softtopic.lm.modules.files.open_module`."""
        return open_module(lambda settings: cls(LlamaConfig.from_json(settings)), folder, dtype)

    @property
    def base_model(self) -> "LlamaBody":
        return self.model

    @property
    def dtype(self) -> torch.dtype:
        return self.model.embed_tokens.weight.dtype

    def get_output_embeddings(self) -> nn.Embedding:
        """The layer whose weights give the logits."""
        return self.model.embed_tokens

    def forward(self, input_ids: Int[Tensor, "docs tokens"], *, logits_to_keep: int = 0, **_: Any) -> CausalOutput:
        """Logits of the last `logits_to_keep` tokens, 0 for all, and states; the interface is that of transformers."""
        states = self.model(input_ids).last_hidden_state
        return CausalOutput(F.linear(states[:, -logits_to_keep:], self.model.embed_tokens.weight), (states,))


@final
class LlamaBody(nn.Module):
    """The decoder layers between embeddings and output layer."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self._rotary = config.rope_theta, config.head_dim
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(LlamaLayer(config, place) for place in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        input_ids: Int[Tensor, "docs tokens"],
        position_ids: Int[Tensor, "1 tokens"] | None = None,
        *,
        packing: PackedBatch | TokenTree | None = None,
        **_: Any,
    ) -> BodyOutput:
        """States of documents of equal length, or of those in a packed row."""
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
        x = self.embed_tokens(input_ids)
        positions = self._rotary_positions(position_ids, x.dtype)
        for layer in self.layers:
            x = layer(x, position_embeddings=positions, packing=packing)
        return BodyOutput(self.norm(x))

    def _rotary_positions(self, positions: Int[Tensor, "1 tokens"], dtype: torch.dtype) -> Rotary:
        """Cosines and sines of rotary positions (Su et al., 2021), those of a pair half a head apart."""
        base, width = self._rotary
        frequencies = base ** (-torch.arange(0, width, 2, dtype=torch.float32, device=positions.device) / width)
        angles = (positions[..., None] * frequencies).repeat(1, 1, 2)
        return angles.cos().to(dtype), angles.sin().to(dtype)


@final
class LlamaLayer(nn.Module):
    """Self-attention and gated MLP, each after a norm and beside a residual."""

    def __init__(self, config: LlamaConfig, place: int) -> None:
        super().__init__()
        self.self_attn = LlamaAttention(config, place)
        self.mlp = LlamaMLP(config.hidden_size, config.intermediate_size)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self, x: Float[Tensor, "docs tokens width"], **options: Any
    ) -> Float[Tensor, "docs tokens width"]:  # fmt: skip
        x = x + self.self_attn(self.input_layernorm(x), **options)
        return x + self.mlp(self.post_attention_layernorm(x))


@final
class LlamaAttention(nn.Module):
    """Self-attention of heads in groups that share keys and values (Ainslie et al., 2023)."""

    def __init__(self, config: LlamaConfig, place: int) -> None:
        super().__init__()
        self.layer_idx = place
        self.head_dim = config.head_dim
        self.scaling = config.head_dim**-0.5
        query, key = (config.head_dim * count for count in (config.num_attention_heads, config.num_key_value_heads))
        self.q_proj = Linear(config.hidden_size, query, bias=False)
        self.k_proj = Linear(config.hidden_size, key, bias=False)
        self.v_proj = Linear(config.hidden_size, key, bias=False)
        self.o_proj = Linear(query, config.hidden_size, bias=False)

    def forward(
        self,
        x: Float[Tensor, "docs tokens width"],
        *,
        position_embeddings: Rotary,
        packing: PackedBatch | TokenTree | None = None,
    ) -> Float[Tensor, "docs tokens width"]:
        query, key, value = (
            project(x).unflatten(2, (-1, self.head_dim)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = (_rotate(part, position_embeddings) for part in (query, key))
        if packing is None:
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True).transpose(
                1, 2
            )
        else:
            attended, _ = packed_attention(self, query, key, value, packing=packing, scaling=self.scaling)
        return self.o_proj(attended.flatten(2))


@final
class LlamaMLP(nn.Module):
    """down(silu(gate(x)) * up(x)) (SwiGLU; Shazeer, 2020)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = Linear(width, inner, bias=False)
        self.up_proj = Linear(width, inner, bias=False)
        self.down_proj = Linear(inner, width, bias=False)
        self.act_fn = nn.SiLU()

    def forward(self, x: Float[Tensor, "docs tokens width"]) -> Float[Tensor, "docs tokens width"]:
        return self.down_proj(self.act_fn(self.gate_proj(x)) * self.up_proj(x))


@final
class RMSNorm(nn.Module):
    """RMSNorm (Zhang & Sennrich, 2019), computed in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.variance_epsilon = epsilon

    def forward(self, x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        return F.rms_norm(x.float(), x.shape[-1:], eps=self.variance_epsilon).to(x.dtype) * self.weight


def _rotate(x: Float[Tensor, "docs heads tokens head"], positions: Rotary) -> Float[Tensor, "docs heads tokens head"]:
    cos, sin = (side[:, None] for side in positions)
    first, second = x.chunk(2, dim=3)
    return x * cos + torch.cat([-second, first], dim=3) * sin
