"""A language model that is opened once, and read by one thread at a time."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from softtopic.errors import LanguageModelError
from softtopic.lm.config import STORED_FORMATS
from softtopic.lm.loading import LanguageModel, load_language_model
from softtopic.lm.tokens import continuation_tokens
from softtopic.storage.memory import release_memory
from softtopic.teacher.trie import word_end_tokens

if TYPE_CHECKING:
    import torch

    from softtopic.lm.engine import Reader

log = logging.getLogger(__name__)

# Tokens read together, by device. Fewer, and weights are fetched from memory too often; more does not help.
TOKENS_PER_BATCH = {"cpu": 4096, "mps": 4096, "cuda": 32768}


@dataclass(frozen=True)
class OpenModel:
    """A loaded language model and its reader, which has no prefix."""

    language_model: LanguageModel
    reader: "Reader"

    @classmethod
    def load(cls, lm: str, device: "torch.device", dtype: "torch.dtype") -> "OpenModel":
        """Load a language model."""
        import torch

        from softtopic.lm.devices import storage_dtype
        from softtopic.lm.engine import open_reader
        from softtopic.lm.int8 import CALIBRATION_TEXT

        log.info("loading language model %s (%s on %s)", lm, str(dtype).removeprefix("torch."), device)
        loaded = load_language_model(lm, device, storage_dtype(dtype))
        typical = continuation_tokens(loaded.tokenizer, [CALIBRATION_TEXT])[0] if dtype is torch.int8 else ()
        ends = word_end_tokens(loaded.tokenizer, _output_size(loaded))
        return cls(loaded, open_reader(loaded, (), ends, typical))

    @property
    def tokenizer(self) -> Any:
        return self.language_model.tokenizer

    @property
    def output_size(self) -> int:
        """Number of tokens the language model can predict."""
        return _output_size(self.language_model)

    @property
    def context_length(self) -> int | None:
        """Maximum number of tokens of a prompt; None where the language model names none."""
        return getattr(self.language_model.model.config.get_text_config(), "max_position_embeddings", None)


@final
class SharedModel:
    """Opens a language model when it is first needed, and keeps it for all teachers that differ in prompts alone.

    Safe under threads: opening and reading hold a lock. Safe in forked processes: a child has a lock of its own, keeps
    a model its parent had finished opening, and computes on one thread, as OpenMP's threads do not survive a fork.
    Pickling leaves the open model out.

    Parameters
    ----------
    lm : str
        Name of the language model.
    device, dtype : str
        Names, as `Teacher` takes them; they are resolved when first needed, because that imports torch.
    """

    def __init__(self, lm: str, device: str, dtype: str) -> None:
        self._source = (lm, device, dtype)
        self._open: OpenModel | None = None
        self._locks = {os.getpid(): threading.RLock()}

    @cached_property
    def device(self) -> "torch.device":
        from softtopic.lm.devices import pick_device

        return pick_device(self._source[1])

    @cached_property
    def dtype(self) -> "torch.dtype":
        from softtopic.lm.devices import pick_teacher_dtype

        return pick_teacher_dtype(self._source[2], self.device)

    @property
    def format_name(self) -> str:
        """Name of the number format; torch is imported only where the format depends on this machine."""
        name = self._source[2]
        return name if name in STORED_FORMATS else str(self.dtype).removeprefix("torch.")

    @contextmanager
    def opened(self) -> Iterator[OpenModel]:
        """Hold the language model, opened."""
        with self._lock:
            if self._open is None:
                self._open = OpenModel.load(self._source[0], self.device, self.dtype)
                # What opening used besides, several copies of the weights, is more than reading needs.
                release_memory(collect=False)
            yield self._open

    def close(self) -> None:
        """Free the memory of the language model; `opened` loads it again."""
        with self._lock:
            self._open = None
        release_memory()

    @property
    def _lock(self) -> threading.RLock:  # pyright: ignore[reportGeneralTypeIssues]
        process = os.getpid()
        if process not in self._locks:
            self._enter_child()
            self._locks.setdefault(process, threading.RLock())
        return self._locks[process]

    def _enter_child(self) -> None:
        import torch

        if self.device.type == "cuda" and torch.cuda.is_initialized():
            raise LanguageModelError(
                f"{self._source[0]} is on a GPU, which a forked process cannot use; start workers with 'spawn'"
            )
        torch.set_num_threads(1)

    def __getstate__(self) -> tuple[str, str, str]:
        return self._source

    def __setstate__(self, source: tuple[str, str, str]) -> None:
        SharedModel.__init__(self, *source)


def _output_size(loaded: LanguageModel) -> int:
    return loaded.model.get_output_embeddings().weight.shape[0]
