"""Sentence vectors for topic models that read embeddings."""

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import DiskError, InputError, LanguageModelError
from softtopic.lm.config import (
    FORMATS,
    MULTILINGUAL_ENCODER,
    SENTENCE_ENCODER,
    Embedder,
    EncoderConfig,
    check_device,
    check_format,
    encoder_name,
)
from softtopic.lm.e5 import convert_e5
from softtopic.lm.loading import converted, exclusive_loading, open_tokenizer, quiet_transformers, safe_options
from softtopic.storage.assets import ASSETS, asset_path, fetch
from softtopic.storage.atomic import staged_file
from softtopic.storage.cache import cache_dir
from softtopic.storage.memory import release_memory
from softtopic.storage.progress import Progress, RunClock, Step, noting_what_is_kept
from softtopic.types import DocHidden

if TYPE_CHECKING:
    import torch

    from softtopic.lm.mean_states import MeanStates

log = logging.getLogger(__name__)

# Texts on which the packed forward pass is compared with the model's own.
_PROBE = ("", "The rocket reached its orbit.", "Bake the bread in a hot oven, " * 12)

# Tokens in a batch: a dozen long posts, or a hundred titles.
_BATCH_TOKENS = 2048
# Texts whose vectors share a file in the cache folder, and texts tokenised at a time; and the characters read of them,
# of which a slow machine encodes so many in some seconds: what a killed process has not written is encoded again.
_FILE_TEXTS = 2048
_FILE_CHARACTERS = 1 << 17
# Those of the first part; each further one may have twice as many, so that few texts are in several parts too.
_FIRST_TEXTS, _FIRST_CHARACTERS = 256, 1 << 14
# English text has about four characters to a token.
_CHARACTERS_PER_TOKEN = 4


class SentenceEncoder:
    """Sentence encoder: L2-normalised means over tokens of a transformer's last states [1]_.

    The model is loaded when the encoder is first called. Threads may share an encoder; copies, pickled encoders and
    other processes load the model again.

    Parameters
    ----------
    name : str, default="all-minilm-l6-v2"
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
        name: str = SENTENCE_ENCODER,
        *,
        max_tokens: int = EncoderConfig.max_tokens,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        check_device(device)
        check_format(dtype, FORMATS)
        self.name = encoder_name(name)
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
        """
        import torch

        from softtopic.lm.devices import check_finite, use_one_thread_if_forked
        from softtopic.lm.parallel import parallel_map

        use_one_thread_if_forked()
        forward, tokenizer, width = self._open()
        if not texts:
            return np.empty((0, width), dtype=np.float32)
        tokens: list[list[int]] = []
        # A part at a time: of each token a tokenizer keeps ten times more than its number.
        for start in range(0, len(texts), _FILE_TEXTS):
            tokens += self._tokens(tokenizer, texts[start : start + _FILE_TEXTS])
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
        batches = [texts[start : start + _FILE_TEXTS] for start in range(0, len(texts), _FILE_TEXTS)]
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
        return tokenizer(texts, truncation=True, max_length=most)["input_ids"]

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


def _open_model(name: str, folder: Path) -> Any:
    """In float32, which is torch's default: transformers makes any other format the default while it loads, and threads
    that compute at that time would take it over.
    """
    import torch

    if name in ASSETS:
        from softtopic.lm.modules.bert import Bert

        return Bert.open(folder, torch.float32)
    from transformers.models.auto.modeling_auto import AutoModel

    with quiet_transformers():
        return AutoModel.from_pretrained(folder, dtype=torch.float32, **safe_options(folder))


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


def embed(
    texts: Sequence[str],
    embedder: str | Embedder | None,
    *,
    keep: bool = False,
    progress: bool | RunClock = False,
    device: str = "auto",
) -> np.ndarray:
    """Encode texts, by the cache folder where their vectors are in it.

    Parameters
    ----------
    texts : sequence of str
    embedder : str, callable or None
        Name of a sentence encoder, or a callable from a list of texts to an array.
    keep : bool, default=False
        Whether to keep the vectors of an embedded encoder in the cache folder, up to 2,048 texts to a file, fewer
        if they are long and in the first files: the same texts are not encoded twice, and a killed process goes on
        where it was.
    progress : bool or RunClock, default=False
        Whether to show a progress bar.
    device : str, default="auto"
        Where an encoder given by name computes.

    Returns
    -------
    ndarray
        Whatever the embedder gives, to be checked by the caller.

    Raises
    ------
    InputError
        If there is no embedder.
    """
    encoder = _open_embedder(embedder, device)
    if not isinstance(encoder, SentenceEncoder):
        return np.asarray(encoder(texts))
    if not keep or encoder.name not in ASSETS or not texts:
        return encoder(texts, progress=progress)
    parts = parts_of(texts, encoder)
    paths = [_cache_path(encoder, part) for part in parts]
    vectors = [_read_vectors(path, len(part)) for path, part in zip(paths, parts, strict=True)]
    missing = [place for place, found in enumerate(vectors) if found is None]
    done = len(texts) - sum(len(parts[place]) for place in missing)
    if missing:
        kept = noting_what_is_kept(lambda: f"{done:,} of {len(texts):,} sentence vectors are kept")
        with Progress(Step.ENCODE, len(texts), "doc", done=done, show=progress) as bar, kept:
            for place in missing:
                vectors[place] = _write_vectors(paths[place], encoder(parts[place]))
                bar.advance(len(parts[place]))
                done += len(parts[place])
    del encoder
    if len(missing) > 1:
        # What was needed for batches of many shapes would be counted on top of all that follows.
        release_memory()
    return np.concatenate([found for found in vectors if found is not None])


def parts_of(texts: Sequence[str], encoder: SentenceEncoder) -> list[Sequence[str]]:
    """Texts divided into parts that are encoded in some seconds each; a part is a file of the cache folder.

    Parts are made from the first text on: the parts of the first of them are the first parts of all.
    """
    most = _CHARACTERS_PER_TOKEN * encoder.max_tokens
    parts, start, characters = [], 0, 0
    for place, text in enumerate(texts):
        characters += min(len(text), most)
        growth = 1 << min(len(parts), 10)
        count, limit = min(_FIRST_TEXTS * growth, _FILE_TEXTS), min(_FIRST_CHARACTERS * growth, _FILE_CHARACTERS)
        if place > start and (place - start == count or characters > limit):
            parts.append(texts[start:place])
            start, characters = place, min(len(text), most)
    return [*parts, texts[start:]]


def _open_embedder(embedder: str | Embedder | None, device: str) -> Embedder:
    if embedder is None:
        raise InputError("the model was fitted with vectors of your own; give embeddings=, or set model.embedder")
    return SentenceEncoder(embedder, device=device) if isinstance(embedder, str) else embedder


def _cache_path(encoder: SentenceEncoder, texts: Sequence[str]) -> Path:
    key = fingerprint_strings([encoder.fingerprint, *texts])
    return cache_dir() / "embeddings" / f"{key[:32]}.npy"


def _read_vectors(path: Path, count: int) -> DocHidden | None:
    """Vectors from the cache folder; None where there is no file, or one that is damaged or of other texts."""
    try:
        with path.open("rb") as file:
            vectors, digest = np.load(file), file.read()  # objects are refused by default
    except (OSError, ValueError, EOFError):
        return None
    fits = vectors.ndim == 2 and len(vectors) == count and vectors.dtype == np.float32
    return vectors if fits and digest == _digest(path, vectors) else None


def _write_vectors(path: Path, vectors: DocHidden) -> DocHidden:
    """The vectors, which are kept where that is possible."""
    try:
        with staged_file(path) as staging, staging.open("wb") as file:
            np.save(file, vectors)
            file.write(_digest(path, vectors))
    except DiskError as error:
        log.warning("sentence vectors are not kept: %s", error)
    return vectors


def _digest(path: Path, vectors: DocHidden) -> bytes:
    """SHA-256 of the vectors and of the name of their file, which is that of the texts."""
    return hashlib.sha256(path.name.encode() + np.ascontiguousarray(vectors).tobytes()).digest()


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
