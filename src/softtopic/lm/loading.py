"""From a language model's name to a loaded one: embedded, a local folder, a GGUF file, or a Hugging Face id."""

import atexit
import difflib
import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from softtopic.errors import DiskError, LanguageModelError, SofttopicError
from softtopic.lm.config import ENCODER_NAMES
from softtopic.lm.config import LANGUAGE_MODEL as EMBEDDED
from softtopic.lm.locks import fork_safe_lock
from softtopic.lm.modules.tokenizer import Tokenizer
from softtopic.storage.assets import ASSETS, asset_path, fetch
from softtopic.storage.atomic import locked, remove_abandoned, staged_folder
from softtopic.storage.cache import cache_dir
from softtopic.storage.memory import reuse_memory

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "config.json", "tokenizer.json", "tokenizer.model")

# Files that transformers may take weights, configuration or tokens from.
_MODEL_FILES = ("*.safetensors", "*.bin", "*.json", "*.model", "*.jinja", "merges.txt", "vocab.txt")


# Sizes of the files of a conversion.
_SIZES = "sizes.json"

# One thread opens a model at a time. A fork waits for it, so that no child inherits settings that are about to be
# restored, or a lock that nobody will release.
_LOADING = fork_safe_lock()


@dataclass(frozen=True)
class LanguageModel:
    """A loaded causal language model in inference mode.

    Attributes
    ----------
    model : transformers.PreTrainedModel or softtopic.lm.modules.llama.Llama
    tokenizer : transformers.PreTrainedTokenizerBase or softtopic.lm.modules.tokenizer.Tokenizer
    device : torch.device
    name : str
        As it was asked for; for messages.
    """

    model: Any
    tokenizer: Any
    device: "torch.device"
    name: str = "the language model"


def find_language_model(lm: str) -> Path:
    """The folder that holds a language model; nothing is fetched.

    Parameters
    ----------
    lm : str
        "smollm2-135m" (the embedded model), a folder that transformers can open, a GGUF file, or a Hugging Face id that
        is in the local cache already.

    Returns
    -------
    pathlib.Path
        A folder that transformers can open; a GGUF file is converted the first time.

    Raises
    ------
    AssetError, LanguageModelError
        If it is not on this machine.
    """
    if lm in ASSETS:
        asset = ASSETS[lm]
        gguf = asset_path(lm) / Path(asset.files[0].path).name
        return converted(gguf, cache_dir() / "models" / f"{lm}-{asset.version}", _convert)
    if is_gguf(lm):
        return converted(Path(lm), cache_dir() / "models" / gguf_fingerprint(lm), _convert)
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
    """Download a language model: weights, configuration and tokenizer, never code.

    The embedded model is also converted, so that no fit has to do it.

    Parameters
    ----------
    lm : str
        "smollm2-135m", or a Hugging Face id, which is fetched into the local cache of that hub.

    Raises
    ------
    LanguageModelError
        If it cannot be downloaded.
    """
    if lm in ASSETS:
        fetch(lm)
        return find_language_model(lm)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(lm, allow_patterns=[*_WEIGHTS, "*.json"]))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        close = difflib.get_close_matches(lm.lower(), [*ASSETS, *ENCODER_NAMES], n=1, cutoff=0.8)
        step = f"did you mean {close[0]}?" if close else f"give one of {', '.join(ASSETS)},"
        raise LanguageModelError(
            f"{lm!r} could not be fetched ({reason}); {step} or check the Hugging Face id and the network"
        ) from None


def language_model_fingerprint(lm: str) -> str:
    """Digest of the files that determine a language model's output, without loading it.

    The SHA-256 of an embedded model or a GGUF file; of a folder, that of its small files and of samples of its weights.
    """
    if lm in ASSETS:
        return ASSETS[lm].files[0].sha256
    if is_gguf(lm):
        return gguf_fingerprint(lm)
    folder = find_language_model(lm)
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _MODEL_FILES for path in folder.glob(pattern)}):
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as stream:
            # Small files as a whole; of weights enough to distinguish two trainings of one architecture.
            chunks = 64 if size > 1 << 26 else 1
            for chunk in range(chunks):
                stream.seek(chunk * (size // chunks))
                digest.update(stream.read(1 << 16 if chunks > 1 else -1))
    return digest.hexdigest()


def load_language_model(lm: str, device: "torch.device", dtype: "torch.dtype") -> LanguageModel:
    """Load a causal language model, without network access and without code from its folder.

    Parameters
    ----------
    lm : str
        Name or path, as in `find_language_model`.
    device : torch.device
        Where the model runs.
    dtype : torch.dtype
        Format of its weights.

    Returns
    -------
    LanguageModel

    Raises
    ------
    LanguageModelError
        If there is no such model here, or it cannot be opened.
    """
    folder = find_language_model(lm)
    options = safe_options(folder)
    with exclusive_loading(f"{lm} cannot be opened as a causal language model"):
        model = _open_llama(folder, dtype) if lm in ASSETS or is_gguf(lm) else None
        model = model or _open_model(folder, dtype, options)
        tokenizer = open_tokenizer(lm, folder)
    model.to(device)
    return LanguageModel(model.eval().requires_grad_(False), tokenizer, device, lm)


def _open_llama(folder: Path, dtype: "torch.dtype") -> Any | None:
    """A converted file, which is read the same whether it is the embedded one; None where it is no plain Llama."""
    from softtopic.lm.modules.llama import Llama

    try:
        return Llama.open(folder, dtype)
    except (ValueError, FileNotFoundError) as error:
        # Another architecture, or weights in several files.
        log.info("opened by transformers: %s", error)
        return None


def _open_model(folder: Path, dtype: "torch.dtype", options: dict[str, Any]) -> Any:
    # Not from the package itself: a type checker would read all its models, two thirds of its files.
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    return open_pretrained(AutoModelForCausalLM, folder, dtype, options)


def open_pretrained(auto_class: Any, folder: Path, dtype: "torch.dtype", options: dict[str, Any]) -> Any:
    """A model of transformers, of which all weights are in the folder.

    Parameters
    ----------
    auto_class : type
        AutoModel or the like.
    folder : Path
    dtype : torch.dtype
    options : dict
        See `safe_options`.

    Raises
    ------
    LanguageModelError
        If a weight is missing: transformers would draw it at random. Poolers are not used.
    """
    with quiet_transformers():
        model, loaded = auto_class.from_pretrained(folder, dtype=dtype, output_loading_info=True, **options)
    if missing := sorted(name for name in loaded["missing_keys"] if "pooler" not in name):
        raise LanguageModelError(
            f"{folder} lacks {len(missing)} of the weights that its config.json describes, such as {missing[0]}; "
            "save or copy the model again"
        )
    return model


def open_tokenizer(name: str, folder: Path) -> Any:
    """The tokenizer in the folder of a model: ours of an embedded model, else that of transformers."""
    if name in ASSETS:
        return Tokenizer(folder)
    from transformers.models.auto.tokenization_auto import AutoTokenizer

    with quiet_transformers():
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def safe_options(folder: Path) -> dict[str, Any]:
    """Options of `from_pretrained`: no network, no code from the folder, and weights as safetensors alone.

    Parameters
    ----------
    folder : Path
        Of the model.

    Raises
    ------
    LanguageModelError
        If its weights are in another format, which can run code when it is opened, and the environment variable
        SOFTTOPIC_ALLOW_BIN is not "1".
    """
    allowed = os.environ.get("SOFTTOPIC_ALLOW_BIN") == "1"
    others = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    if others and not allowed and not any(folder.glob("*.safetensors")):
        raise LanguageModelError(
            f"{folder} holds {others[0]} and no safetensors: its format can run code when it is opened; convert it to "
            "safetensors, or set SOFTTOPIC_ALLOW_BIN=1 if you trust where it comes from"
        )
    return {"local_files_only": True, "trust_remote_code": False, "use_safetensors": None if allowed else True}


def is_gguf(lm: str) -> bool:
    """Whether a language model is named by a GGUF file."""
    return lm.lower().endswith(".gguf")


def gguf_fingerprint(lm: str) -> str:
    """SHA-256 of a GGUF file; raises LanguageModelError where there is none."""
    try:
        status = Path(lm).stat()
        return _sha256(lm, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise LanguageModelError(f"{lm} cannot be read ({error.strerror}); give the path of a GGUF file") from None


@lru_cache
def _sha256(path: str, size: int, modified: int) -> str:  # noqa: ARG001
    """A file of gigabytes is read once, as long as it stays as it was."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def converted(packed: Path, folder: Path, convert: Callable[[Path, Path], None]) -> Path:
    """A file as a safetensors folder, converted the first time.

    Parameters
    ----------
    packed : Path
        The file.
    folder : Path
        In the cache folder; where nothing can be written there, a conversion for this process alone is returned.
    convert : callable
        Writes what the file holds into a folder.
    """
    if _is_whole(folder):
        remove_abandoned(folder)
        return folder
    try:
        with locked(folder):
            if not _is_whole(folder):
                _write_once(packed, folder, convert)
    except DiskError as error:
        log.warning("%s is converted for this process alone: %s", packed.name, error)
        return _converted_for_now(packed, convert)
    return folder


@lru_cache
def _converted_for_now(packed: Path, convert: Callable[[Path, Path], None]) -> Path:
    """A conversion that is removed when the process ends."""
    parent = TemporaryDirectory(prefix="softtopic-", ignore_cleanup_errors=True)
    atexit.register(parent.cleanup)
    folder = Path(parent.name) / packed.stem
    _write_once(packed, folder, convert)
    return folder


def _write_once(packed: Path, folder: Path, convert: Callable[[Path, Path], None]) -> None:
    log.info("converting %s to safetensors, once", packed.name)
    with staged_folder(folder) as staging:
        convert(packed, staging)
        sizes = {path.name: path.stat().st_size for path in staging.iterdir()}
        (staging / _SIZES).write_text(json.dumps(sizes), encoding="utf-8")


def _is_whole(folder: Path) -> bool:
    """Whether a conversion is there, and no file of it is missing or was cut off."""
    try:
        sizes = json.loads((folder / _SIZES).read_bytes())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except FileNotFoundError:
        # Of an earlier version, which kept no sizes.
        return folder.is_dir() and not (folder / _SIZES).exists()
    except (OSError, ValueError, AttributeError):
        return False


def _check_gguf(path: Path) -> None:
    """Raise LanguageModelError unless the file is as long as its header says, which readers of GGUF do not check."""
    from gguf import GGUFReader

    with path.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise LanguageModelError(f"{path} is not a GGUF file; give one, a safetensors folder or a Hugging Face id")
    try:
        GGUFReader(path)
    except Exception as error:
        # Whatever a broken header makes the reader stumble over.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise LanguageModelError(f"{path} is a broken or cut off GGUF file ({reason}); fetch it again") from error


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM
    from transformers.models.auto.tokenization_auto import AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    _check_gguf(gguf)
    # transformers shows a bar of its own here, which no setting of it hides.
    silence = redirect_stderr(StringIO())
    with exclusive_loading(f"{gguf} cannot be converted, give a safetensors folder"), quiet_transformers(), silence:
        source = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True), **source
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


@contextmanager
def exclusive_loading(failure: str) -> Iterator[None]:
    """Let one thread open a model.

    Parameters
    ----------
    failure : str
        What a LanguageModelError says, before the reason, if the model cannot be opened.
    """
    from softtopic.lm.devices import limit_primitive_caches

    limit_primitive_caches()
    reuse_memory()
    with _LOADING:
        try:
            yield
        except SofttopicError:
            raise
        except Exception as error:
            # Whatever a damaged folder makes its reader stumble over.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise LanguageModelError(f"{failure}: {reason}") from error


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Open a model without transformers' messages; process-wide settings are restored afterwards.

    transformers sets torch's default dtype to that of the model while it opens one: two threads that do so at once mix
    their formats, and the last to end may restore the other's. So this belongs inside `exclusive_loading`.
    """
    import torch
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as library

    verbosity, dtype = library.get_verbosity(), torch.get_default_dtype()
    bars, hub_quiet = library.is_progress_bar_enabled(), are_progress_bars_disabled()
    library.set_verbosity_error()
    library.disable_progress_bar()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        library.set_verbosity(verbosity)
        if bars:
            library.enable_progress_bar()
        (disable_progress_bars if hub_quiet else enable_progress_bars)()
