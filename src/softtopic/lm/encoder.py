"""Sentence vectors for topic models that read embeddings."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import InputError, LanguageModelError, check_whole
from softtopic.lm.config import (
    FORMATS,
    MULTILINGUAL_ENCODER,
    SENTENCE_ENCODER,
    EncoderConfig,
    check_device,
    check_format,
    encoder_name,
)
from softtopic.lm.e5 import convert_e5
from softtopic.lm.loading import converted, exclusive_loading, open_pretrained, open_tokenizer, safe_options
from softtopic.storage.assets import ASSETS, asset_path, fetch
from softtopic.storage.cache import cache_dir
from softtopic.storage.progress import Progress, RunClock, Step
from softtopic.types import DocHidden

if TYPE_CHECKING:
    import torch

    from softtopic.lm.mean_states import MeanStates

# Texts on which the packed forward pass is compared with the model's own.
_PROBE = ("", "The rocket reached its orbit.", "Bake the bread in a hot oven, " * 12)

# Tokens in a batch: a dozen long posts, or a hundred titles.
_BATCH_TOKENS = 2048
# Texts tokenised at a time.
_TOKENIZED_TEXTS = 2048


class SentenceEncoder:
    """Sentence encoder: L2-normalised means over tokens of a transformer's last states [1]_.

    The model is loaded when the encoder is first called. Threads may share an encoder; copies, pickled encoders and
    other processes load the model again.

    Parameters
    ----------
    name : str or Path, default="all-minilm-l6-v2"
        The default encoder, "multilingual" (both are downloaded by `softtopic fetch`), or a folder with a bidirectional
        model that transformers can load. No code from the folder is run and nothing is downloaded.
    max_tokens : int, default=256
        Texts are truncated to this many tokens, or to as many as the model has positions for.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where to compute; "auto" is the first available of CUDA, MPS and CPU.
    dtype : {"auto", "float32", "bfloat16", "float16", "int8"}, default="auto"
        Number format; "auto" is bfloat16 where the processor multiplies it faster than float32, else int8 where its
        products are exact, else float32. Vectors of bfloat16 and float32 have cosines of about .9999, those of int8 and
        float32 of about .999.

    References
    ----------
    .. [1] Reimers and Gurevych (2019), "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks".

    Examples
    --------
    >>> encoder = SentenceEncoder()
    >>> encoder(["The rocket reached its orbit.", "Bake the bread."]).shape
    (2, 384)
    """

    def __init__(
        self,
        name: str | Path = SENTENCE_ENCODER,
        *,
        max_tokens: int = EncoderConfig.max_tokens,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        check_device(device)
        check_format(dtype, FORMATS)
        check_whole("encoder max_tokens", max_tokens, 1)
        self.name = encoder_name(str(name))
        self.max_tokens = max_tokens
        self._names = (device, dtype)
        self._opened: tuple[MeanStates, Any, int] | None = None

    @cached_property
    def device(self) -> "torch.device":
        """Where to compute."""
        from softtopic.lm.devices import pick_device

        return pick_device(self._names[0])

    @cached_property
    def dtype(self) -> "torch.dtype":
        """Number format."""
        from softtopic.lm.devices import pick_encoder_dtype

        return pick_encoder_dtype(self._names[1], self.device)

    def __call__(self, texts: Sequence[str], *, progress: bool | RunClock = False) -> DocHidden:
        """Encode texts.

        Parameters
        ----------
        texts : sequence of str
        progress : bool or RunClock, default=False
            Whether to show a progress bar.

        Returns
        -------
        float32 ndarray of shape (n_texts, width)
            L2-normalised vectors. Each depends on its own text alone: within 1e-5 on a CPU in float32 and bfloat16 (bit
            for bit wherever products of 64 rows and of more are rounded alike), up to rounding in float16 and on a GPU.

        Raises
        ------
        AssetError, LanguageModelError
            If the encoder is not here or cannot be opened, or gives values that are not finite.
        InputError
            If `texts` is a string.
        """
        import torch

        from softtopic.lm.devices import check_finite, use_one_thread_if_forked
        from softtopic.lm.parallel import parallel_map

        if isinstance(texts, str):
            raise InputError("texts is a string; give a list of strings")
        use_one_thread_if_forked()
        forward, tokenizer, width = self._open()
        if not texts:
            return np.empty((0, width), dtype=np.float32)
        tokens: list[list[int]] = []
        # A part at a time: of each token a tokenizer keeps ten times more than its number.
        for start in range(0, len(texts), _TOKENIZED_TEXTS):
            tokens += self._tokens(tokenizer, texts[start : start + _TOKENIZED_TEXTS])
        vectors = np.empty((len(texts), width), dtype=np.float32)
        with torch.inference_mode(), Progress(Step.ENCODE, len(texts), "doc", show=progress) as bar:
            batches = _batches([len(row) for row in tokens])
            computed = parallel_map(lambda rows: forward([tokens[row] for row in rows]), batches, self.device)
            for rows, means in zip(batches, computed, strict=True):
                vectors[rows] = torch.nn.functional.normalize(means).cpu().numpy()
                check_finite(vectors[rows], self.name, self.dtype)
                bar.advance(len(rows))
        return vectors

    def encode_tokens(self, tokens: Sequence[int] | Int[np.ndarray, " tokens"]) -> Float[np.ndarray, "tokens width"]:
        """Vector of each token as a text of its own, for `softtopic.lm.distillation`; float32, not normalised."""
        import torch

        from softtopic.lm.parallel import parallel_map

        forward, tokenizer, width = self._open()
        special, probe = tokenizer(["", "a"])["input_ids"]
        middle = next(place for place, (one, other) in enumerate(zip(special, probe, strict=False)) if one != other)
        texts = [[*special[:middle], int(token), *special[middle:]] for token in tokens]
        batches = [texts[start : start + _TOKENIZED_TEXTS] for start in range(0, len(texts), _TOKENIZED_TEXTS)]
        with torch.inference_mode():
            means = [part.cpu().numpy() for part in parallel_map(forward, batches, self.device)]
        return np.concatenate(means) if means else np.empty((0, width), dtype=np.float32)

    def tokenizer_json(self, max_tokens: int) -> str:
        """The tokenizer in the format of the package `tokenizers`, truncating texts to so many tokens.

        Raises LanguageModelError if the encoder's tokenizer is not of that package.
        """
        tokenizer = self._open()[1]
        if not tokenizer.is_fast:
            raise LanguageModelError(f"{self.name} has a tokenizer that is written in Python; give another encoder")
        plain = json.loads(tokenizer.backend_tokenizer.to_str())
        truncation = {"direction": "Right", "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0}
        return json.dumps(plain | {"truncation": truncation, "padding": None}, ensure_ascii=False)

    @property
    def fingerprint(self) -> str:
        """Digest of everything the vectors of texts depend on: equal fingerprints, equal vectors."""
        version = ASSETS[self.name].version if self.name in ASSETS else ""
        return fingerprint_strings([self.name, version, str(self.max_tokens), str(self.dtype)])

    def _tokens(self, tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
        # Tokenizers cannot take lone surrogates.
        texts = [text.encode("utf-8", errors="replace").decode("utf-8") for text in texts]
        most = min(self.max_tokens, tokenizer.model_max_length)
        tokens = tokenizer(texts, truncation=True, max_length=most)["input_ids"]
        # Without special tokens an empty text has none, and no vector.
        return [row or [_any_special_token(tokenizer)] for row in tokens]

    def _open(self) -> "tuple[MeanStates, Any, int]":
        if self._opened is None:
            step = f" (`softtopic fetch {self.name}` repairs it)" if self.name in ASSETS else ""
            with exclusive_loading(f"{self.name} cannot be opened as a sentence encoder{step}"):
                self._opened = self._opened or self._load()
        return self._opened

    def _load(self) -> "tuple[MeanStates, Any, int]":
        """Mean states of tokens, the tokenizer, and the width of the vectors."""
        import torch

        from softtopic.lm.devices import storage_dtype
        from softtopic.lm.int8 import CALIBRATION_TEXT
        from softtopic.lm.mean_states import fastest_mean_states

        folder = find_encoder(self.name)
        model, tokenizer = _open_model(self.name, folder), open_tokenizer(self.name, folder)
        for parameter in model.parameters():  # not buffers, such as the frequencies of rotary positions
            parameter.data = parameter.data.to(storage_dtype(self.dtype))
        model = model.to(self.device).eval().requires_grad_(False)
        positions = getattr(model.config, "max_position_embeddings", None)
        tokenizer.model_max_length = min(tokenizer.model_max_length, positions or self.max_tokens)
        # The state of transformers' tokenizers changes when they first truncate to a length: here, before threads share
        # them.
        probe = self._tokens(tokenizer, _PROBE)
        calibration = self._tokens(tokenizer, [CALIBRATION_TEXT])[0] if self.dtype is torch.int8 else None
        return fastest_mean_states(model, sorted(probe, key=len), calibration), tokenizer, model.config.hidden_size

    def close(self) -> None:
        """Free the memory of the encoder; the next call opens it again."""
        self._opened = None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_opened": None}


def _any_special_token(tokenizer: Any) -> int:
    known = (getattr(tokenizer, f"{name}_token_id", None) for name in ("unk", "eos", "pad", "bos"))
    return next((token for token in known if token is not None), 0)


def _open_model(name: str, folder: Path) -> Any:
    """In float32, which is torch's default: transformers makes any other format the default while it loads, and threads
    that compute at that time would take it over.
    """
    import torch

    if name in ASSETS:
        from softtopic.lm.modules.bert import Bert

        return Bert.open(folder, torch.float32)
    from transformers.models.auto.modeling_auto import AutoModel

    return open_pretrained(AutoModel, folder, torch.float32, safe_options(folder))


def find_encoder(name: str) -> Path:
    """The folder of a sentence encoder.

    Parameters
    ----------
    name : str
        Name of an embedded encoder, or a path.

    Raises
    ------
    AssetError, LanguageModelError
        If it is not on this machine.
    """
    if name == MULTILINGUAL_ENCODER:
        asset = ASSETS[name]
        packed = asset_path(name) / Path(asset.files[0].path).name
        return converted(packed, cache_dir() / "models" / f"{name}-{asset.version}", convert_e5)
    folder = asset_path(name) if name in ASSETS else Path(name)
    if not (folder / "config.json").is_file():
        if name in ASSETS:
            raise LanguageModelError(f"{folder} holds no config.json; run `softtopic fetch {name}`, which repairs it")
        raise LanguageModelError(
            f"sentence encoder {name!r} is not here; give {SENTENCE_ENCODER}, multilingual, a folder or a callable"
        )
    return folder


def fetch_encoder(name: str) -> Path:
    """Download an embedded sentence encoder, and convert it where no fit should have to.

    Parameters and return value are those of `find_encoder`; raises AssetError if it cannot be downloaded.
    """
    name = encoder_name(name)
    fetch(name)
    return find_encoder(name)


def _batches(lengths: Sequence[int]) -> list[Int[np.ndarray, " batch"]]:
    """Texts sorted by length, the longest first, for they need the most memory; no batch exceeds `_BATCH_TOKENS`."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    ends = np.cumsum(np.asarray(lengths)[order])
    batches: list[Int[np.ndarray, " batch"]] = []
    start, limit = 0, _BATCH_TOKENS
    while start < len(order):
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        batches.append(order[start:stop])
        start, limit = stop, int(ends[stop - 1]) + _BATCH_TOKENS
    return batches
