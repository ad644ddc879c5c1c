"""The multilingual sentence encoder: its packed file of 4-bit weights, converted to a safetensors folder once.

The file holds a header, the pieces of a unigram tokenizer with their scores, replacements of characters (those of NFKC
and of SentencePiece's `nmt`), and named tensors of a BERT encoder. Matrices are blocks of 32 weights with one float16
scale; a weight is its scale times a whole number from -8 to 7. They are written as float16.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from softtopic.errors import LanguageModelError

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("packed", "u1", 16)])
_HEADER = np.dtype([
    ("magic", "S4"), ("version", "<u4"), ("width", "<i4"), ("layers", "<i4"), ("heads", "<i4"), ("inner", "<i4"),
    ("words", "<i4"), ("positions", "<i4"), ("types", "<i4"), ("epsilon", "<f4"), ("block", "<i4"),
])  # fmt: skip
_PIECES = np.dtype([
    ("count", "<i4"), ("begin", "<i4"), ("end", "<i4"), ("pad", "<i4"), ("unknown", "<i4"), ("bytes", "<u8")
])  # fmt: skip
_TENSOR = np.dtype([("is_packed", "u1"), ("count", "<u4"), ("offset", "<u8"), ("bytes", "<u8")])

# What the encoder was trained to read before a text of its own kind; it lies within the special tokens.
PREFIX = "query:"

# Names of modules in the file, and in transformers' BertModel.
_MODULES = {
    "emb.word": "embeddings.word_embeddings",
    "emb.pos": "embeddings.position_embeddings",
    "emb.type": "embeddings.token_type_embeddings",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def convert_e5(packed: Path, folder: Path) -> None:
    """Write a packed encoder as a folder that transformers opens: configuration, tokenizer and safetensors.

    Raises
    ------
    LanguageModelError
        If the file is no packed encoder.
    """
    from safetensors.numpy import save_file

    try:
        file = _Packed(packed)
        tensors = file.tensors()
        tokenizer = file.tokenizer()
    except Exception as error:
        # Whatever a damaged file makes the reader stumble over.
        raise LanguageModelError(
            f"{packed} is no packed sentence encoder ({error}); run `softtopic fetch multilingual`, which repairs it"
        ) from error
    config = json.dumps(file.config(), indent=2)
    settings = json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": file.positions})
    (folder / "config.json").write_text(config, encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(settings, encoding="utf-8")
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


class _Packed:
    """A packed file, read front to back."""

    def __init__(self, path: Path) -> None:
        self._data = np.memmap(path, dtype=np.uint8, mode="r")
        self._place = 0
        self._header = self._read(_HEADER)[0]
        if self._header["magic"] != _MAGIC:
            raise ValueError("another format")
        self._pieces_header = self._read(_PIECES)[0]
        count = int(self._pieces_header["count"])
        ends = self._read("<u4", count + 1)
        scores = self._read("<f4", count)
        blob = self._read("u1", int(self._pieces_header["bytes"])).tobytes()
        names = [blob[start:stop].decode() for start, stop in pairwise(ends)]
        self._pieces = list(zip(names, scores.astype(float).tolist(), strict=True))
        self._read("<i4")  # replacements: those of `nmt` and NFKC, which the package tokenizers knows
        self._read("u1", int(self._read("<u4")[0]))

    @property
    def positions(self) -> int:
        return int(self._header["positions"])

    def config(self) -> dict[str, Any]:
        """Configuration of transformers' BertModel."""
        header = self._header
        return {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": int(header["width"]),
            "num_hidden_layers": int(header["layers"]),
            "num_attention_heads": int(header["heads"]),
            "intermediate_size": int(header["inner"]),
            "vocab_size": int(header["words"]),
            "max_position_embeddings": self.positions,
            "type_vocab_size": int(header["types"]),
            "layer_norm_eps": 1e-12,
            "pad_token_id": int(self._pieces_header["pad"]),
        }

    def tokenizer(self) -> str:
        """Tokenizer of the package `tokenizers`, as JSON; what stands before every text is among its special tokens."""
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

        begin, end = (self._pieces[self._pieces_header[name]][0] for name in ("begin", "end"))
        tokenizer = Tokenizer(models.Unigram(self._pieces, unk_id=int(self._pieces_header["unknown"])))
        spaces = normalizers.Replace(Regex(" {2,}"), " ")
        tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()
        ])  # fmt: skip
        prefix = tokenizer.encode(PREFIX)
        ends = [(token, tokenizer.token_to_id(token)) for token in (begin, end)]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=[begin, "prefix", "$A", end],
            special_tokens=[*ends, {"id": "prefix", "ids": prefix.ids, "tokens": prefix.tokens}],
        )
        return tokenizer.to_str()

    def tensors(self) -> dict[str, np.ndarray]:
        """Weights by their names in transformers' BertModel; float16 matrices, all else float32."""
        width, inner = int(self._header["width"]), int(self._header["inner"])
        tensors = {}
        for _ in range(int(self._read("<i4")[0])):
            name = self._read("u1", int(self._read("<u2")[0])).tobytes().decode()
            entry = self._read(_TENSOR)[0]
            start = int(entry["offset"])
            stored = self._data[start : start + int(entry["bytes"])]
            values = _unpacked(stored) if entry["is_packed"] else stored.view("<f4").copy()
            columns = inner if name.endswith("fo.w") else width
            is_matrix = entry["is_packed"] or name in ("emb.pos", "emb.type")
            tensors[_full_name(name)] = values.reshape(-1, columns) if is_matrix else values
        return tensors

    def _read(self, dtype: str | np.dtype, count: int = 1) -> np.ndarray:
        kind = np.dtype(dtype)
        start, self._place = self._place, self._place + kind.itemsize * count
        return self._data[start : self._place].view(kind)


def _unpacked(stored: np.ndarray) -> Float[np.ndarray, " weights"]:
    """Weights of 4 bits as float16: of each byte the low half first, for the first 16 of a block of 32."""
    blocks = stored.view(_BLOCK)
    numbers = np.concatenate([blocks["packed"] & 15, blocks["packed"] >> 4], axis=1).astype(np.int8) - np.int8(8)
    return (numbers * blocks["scale"][:, None]).astype(np.float16).ravel()


def _full_name(name: str) -> str:
    """The name in BertModel, e.g. of "l3.q.w" or "emb.word"."""
    if name in _MODULES:
        return f"{_MODULES[name]}.weight"
    module, kind = name.rsplit(".", 1)
    kind = {"w": "weight", "b": "bias"}[kind]
    if module in _MODULES:
        return f"{_MODULES[module]}.{kind}"
    layer, module = module.split(".")
    return f"encoder.layer.{int(layer.removeprefix('l'))}.{_MODULES[module]}.{kind}"
