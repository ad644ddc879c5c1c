"""From a language model's name to a loaded model: the embedded one, a local folder, or a Hugging Face id."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from softtopic.assets import ASSETS, asset_path, cache_dir
from softtopic.errors import LanguageModelError
from softtopic.publish import locked, staged_folder

log = logging.getLogger(__name__)

EMBEDDED = "smollm2-135m"

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "config.json", "tokenizer.json", "tokenizer.model")


@dataclass(frozen=True)
class LanguageModel:
    """A loaded causal language model in inference mode, and its tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device


def pick_device(device: str = "auto") -> torch.device:
    """The device asked for, or the best one here: CUDA, then MPS, then the CPU."""
    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The number format asked for, or bfloat16 where the processor computes in it, else float32."""
    if dtype != "auto":
        if dtype not in DTYPES:
            raise LanguageModelError(f"dtype {dtype!r} is not known; choose one of auto, {', '.join(DTYPES)}")
        return DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def find_language_model(lm: str) -> Path:
    """The folder that holds a language model; nothing is fetched.

    `lm` is "smollm2-135m" (the embedded model), a folder that transformers can open, or a Hugging Face id that is
    in the local cache already. Raises AssetError or LanguageModelError with the next step.
    """
    if lm in ASSETS:
        return _converted(lm)
    if (Path(lm) / "config.json").is_file():
        return Path(lm)
    if Path(lm).is_dir():
        raise LanguageModelError(f"{lm} holds no config.json; expected a folder written by save_pretrained")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(lm, local_files_only=True, allow_patterns=list(_WEIGHTS)))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError):
        raise LanguageModelError(
            f"language model {lm!r} is not on this machine; give {EMBEDDED}, a local folder, or an id fetched with "
            "`softtopic fetch`"
        ) from None


def fetch_language_model(lm: str) -> Path:
    """Fetch a Hugging Face id into the local cache: weights, configuration and tokenizer, never code."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(lm, allow_patterns=[*_WEIGHTS, "*.json"]))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise LanguageModelError(f"{lm!r} could not be fetched ({reason}); check the id and the network") from None


def language_model_fingerprint(lm: str) -> str:
    """What identifies a language model's numbers, without loading it: an asset's checksum, or its files'."""
    if lm in ASSETS:
        return ASSETS[lm].files[0].sha256
    folder = find_language_model(lm)
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as stream:
            # Whole small files, and of weights enough to tell two trainings of one architecture apart.
            pieces = 64 if size > 1 << 26 else 1
            for piece in range(pieces):
                stream.seek(piece * (size // pieces))
                digest.update(stream.read(1 << 16 if pieces > 1 else -1))
    return digest.hexdigest()


def load_language_model(lm: str, device: torch.device, dtype: torch.dtype) -> LanguageModel:
    """Load a causal language model, without network and without code from its folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = find_language_model(lm)
    with quiet_transformers():
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, local_files_only=True, trust_remote_code=False
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise LanguageModelError(f"{lm} cannot be opened as a causal language model: {reason}") from error
    model.to(device)  # pyright: ignore[reportArgumentType]
    return LanguageModel(model.eval().requires_grad_(False), tokenizer, device)


def _converted(lm: str) -> Path:
    """The embedded model as a safetensors folder, converted from its GGUF file the first time."""
    gguf = asset_path(lm) / Path(ASSETS[lm].files[0].path).name
    folder = cache_dir() / "models" / f"{lm}-{ASSETS[lm].version}"
    if not folder.is_dir():
        with locked(folder):
            if not folder.is_dir():
                _convert(gguf, folder)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    log.info("converting %s to safetensors, once", gguf.name)
    with quiet_transformers(), staged_folder(folder) as staging:
        source = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **source
        )
        model.save_pretrained(staging)
        AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(staging)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Transformers' own bars and notes say nothing a user of topics can act on."""
    from transformers.utils import logging as library

    level, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    library.set_verbosity_error()
    library.disable_progress_bar()
    try:
        yield
    finally:
        library.set_verbosity(level)
        if bars:
            library.enable_progress_bar()
