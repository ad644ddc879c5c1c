"""The teacher: a causal language model that says which topic words it expects after a document."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, final

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.lm.config import FORMATS, check_device, check_format
from softtopic.lm.loading import EMBEDDED, language_model_fingerprint
from softtopic.teacher.base import BaseTeacher, Features, ProgressCallback
from softtopic.teacher.calibration import CONTENT_FREE
from softtopic.teacher.chunking import MAX_WINDOWS, max_chunks
from softtopic.teacher.config import TeacherConfig
from softtopic.teacher.prompts import Prompt
from softtopic.teacher.shared_model import TOKENS_PER_BATCH, SharedModel

if TYPE_CHECKING:
    import torch

    from softtopic.teacher.session import Session

# Part of every fingerprint: raise it when the same inputs give other numbers.
VERSION = 1

# Names of settings in descriptions of earlier versions.
EARLIER_NAMES = {"cut": "truncation", "branches": "beam_width"}

# What a prompt and the scoring of words cost for each chunk, in tokens, and UTF-8 bytes of a token: rules of thumb.
_TOKENS_PER_CHUNK = 24
_BYTES_PER_TOKEN = 4


@final
class Teacher(BaseTeacher):
    """Causal language model on this machine that reads documents and returns soft labels and hidden states.

    The language model is opened when first needed, and shared with the teachers that `with_settings` and `with_prompts`
    return. Threads may share a teacher; they read in turn.

    Parameters
    ----------
    lm : str, default "smollm2-135m"
        "smollm2-135m", a folder that transformers can load, a GGUF file, or a Hugging Face id in the local cache.
    prompt : Prompt or sequence of Prompt, default Prompt()
        Prompt or prompts. Soft labels and hidden states of several prompts are averaged; see
        `softtopic.teacher.pooling.Pool`.
    max_tokens : int, default 160
        Maximum number of tokens of a document, or of each chunk of it. The text of the prompt is never truncated.
    truncation : str, default "head"
        What is read of longer documents: "head", "head-tail" (half of the tokens from each end), or "windows" (chunks
        of `max_tokens` at equal distances, whose soft labels are mixed); "windows-3" for three chunks at most.
    max_windows : int, default 8
        Maximum number of chunks of a document with "windows".
    beam_width : int, default 0
        Number of most probable first tokens that are followed after each document, so that words of several tokens get
        their own probability. 0 scores a word by its first token, as published.
    content_free : sequence of str
        Inputs without content, from which the priors of several prompts are estimated.
    device : {"auto", "cpu", "cuda", "mps"}, default "auto"
        Where the language model runs.
    dtype : {"auto", "bfloat16", "float16", "float32", "int8"}, default "auto"
        Number format. "int8" is float32 with matrix products in 8 bits, if processor and language model allow it.
        "auto" is bfloat16 on a GPU and on processors with AMX, otherwise the fastest format of the processor.

    Raises
    ------
    InputError
        If a setting is out of range.
    LanguageModelError
        If the number format is not known. `read` and `open` raise it where the language model cannot be used.

    Examples
    --------
    >>> from softtopic import Teacher, Vocabulary
    >>> teacher = Teacher(beam_width=4)
    >>> output = teacher.read(["A query over two SQL tables"], Vocabulary(("database", "space")))
    >>> output.log_probs.shape, output.hidden.shape
    ((1, 2), (1, 576))
    """

    def __init__(
        self,
        lm: str = EMBEDDED,
        *,
        prompt: Prompt | Sequence[Prompt] = Prompt(),
        max_tokens: int = 160,
        truncation: str = "head",
        max_windows: int = MAX_WINDOWS,
        beam_width: int = 0,
        content_free: Sequence[str] = CONTENT_FREE,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        self.lm = lm
        self.config = TeacherConfig(
            prompts=(prompt,) if isinstance(prompt, Prompt) else tuple(prompt),
            max_tokens=max_tokens,
            truncation=truncation,
            max_windows=max_windows,
            beam_width=beam_width,
            content_free=tuple(content_free),
        )
        check_device(device)
        check_format(dtype, FORMATS)
        self._model = SharedModel(lm, device, dtype)
        self._last_session: Session | None = None

    @cached_property
    def device(self) -> "torch.device":
        """Where the language model runs, and topic models are trained on its output."""
        return self._model.device

    @cached_property
    def dtype(self) -> "torch.dtype":
        """Number format of the language model."""
        return self._model.dtype

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """What the language model is asked."""
        return self.config.prompts

    @property
    def _key(self) -> Hashable:
        return self.lm, self.config, self.dtype

    @cached_property
    def fingerprint(self) -> str:
        return self._fingerprint_on(self.device.type, self.dtype)

    def matches_fingerprint(self, fingerprint: str) -> bool:
        """Whether output with that fingerprint is this teacher's, on any device and in any number format."""
        from softtopic.lm.devices import DTYPES

        places = product(TOKENS_PER_BATCH, DTYPES.values())
        return any(self._fingerprint_on(*place) == fingerprint for place in places)

    def _fingerprint_on(self, device: str, dtype: "torch.dtype") -> str:
        config = self.config
        windows, mixes = config.truncation == "windows", len(config.prompts) > 1
        # These strings identify features that users keep; settings that are new since add to them only if changed.
        return fingerprint_strings([
            language_model_fingerprint(self.lm), *(prompt.fingerprint for prompt in config.prompts),
            str(config.max_tokens), str(dtype), device, f"version {VERSION}",
            *(["sums of two"] if str(dtype) == "torch.int8" else []),
            *([f"beam {config.beam_width}, acronyms in capitals, likely forms"] if config.beam_width else []),
            *([config.truncation.replace("windows", "mixed windows")] if config.truncation != "head" else []),
            *(["mixed prompts"] if mixes else []),
            *([f"max_windows {config.max_windows}"] if windows and config.max_windows != MAX_WINDOWS else []),
            *(config.content_free if mixes and config.content_free != CONTENT_FREE else []),
        ])  # fmt: skip

    @property
    def description(self) -> dict[str, Any]:
        config = self.config
        return {
            "lm": self.lm,
            "prompts": [prompt.description for prompt in config.prompts],
            "max_tokens": config.max_tokens,
            "truncation": config.truncation,
            "max_windows": config.max_windows,
            "beam_width": config.beam_width,
            "content_free": list(config.content_free),
            "dtype": self._model.format_name,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any], *, device: str = "auto") -> "Teacher":
        settings = {EARLIER_NAMES.get(name, name): value for name, value in description.items()}
        prompts = [Prompt.from_description(prompt) for prompt in settings.pop("prompts")]
        return cls(prompt=prompts, device=device, **settings)

    def with_settings(self, **settings: Any) -> "Teacher":
        """The same teacher with other settings, such as ``beam_width=0``; the open language model is shared.

        Parameters
        ----------
        **settings
            Parameters of `Teacher` besides `lm`, `device` and `dtype`.
        """
        own = {name: value for name, value in vars(self.config).items() if name != "prompts"}
        dtype = self._model.format_name
        options: dict[str, Any] = {"prompt": self.prompts} | own | settings
        other = Teacher(self.lm, **options, device=str(self.device), dtype=dtype)
        other._model = self._model
        return other

    def with_prompts(self, *prompts: Prompt) -> "Teacher":
        """The same teacher with other prompts; the open language model is shared."""
        return self.with_settings(prompt=prompts)

    @cached_property
    def hidden_only(self) -> "Teacher":
        """A teacher with equal hidden states that scores words by first tokens, which is cheaper."""
        return self.with_settings(beam_width=0) if self.config.beam_width else self

    @contextmanager
    def session(self) -> "Iterator[Session]":
        """Hold the language model, opened with these prompts: no other thread reads meanwhile."""
        import torch

        from softtopic.teacher.session import Session

        with self._model.opened() as model, torch.inference_mode():
            if self._last_session is None or self._last_session.model is not model:
                self._last_session = Session(self.lm, model, self.config)
            yield self._last_session

    def read(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback | None = None) -> Features:
        """Read documents; see `BaseTeacher.read`.

        The result for a text does not depend on the other texts: bit for bit where the hardware's matrix products
        allow it.

        Raises
        ------
        LanguageModelError
            If the language model cannot be loaded, or a prompt with its document exceeds its context.
        """
        with self.session() as session:
            return session.read(texts, vocabulary, progress or (lambda _: None))

    def open(self) -> None:
        """Load the language model; `read` does so by itself."""
        with self.session():
            pass

    def close(self) -> None:
        """Free the memory of the language model, for all teachers that share it; the next `read` loads it again."""
        for teacher in (self, vars(self).get("hidden_only", self)):
            teacher._last_session = None
        self._model.close()

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """All tokens read for each document: its chunks and what follows them, for every prompt."""
        with self.session() as session:
            return session.token_ids(texts)

    def fits_context(self, prompt: Prompt) -> bool:
        """Whether the language model's context holds this prompt with a document of `max_tokens`."""
        from softtopic.teacher.prompt_groups import TokenizedPrompt
        from softtopic.teacher.session import max_prompt_tokens

        with self._model.opened() as model:
            needed = max_prompt_tokens(self.config, TokenizedPrompt.encode(prompt, model.tokenizer))
            return model.context_length is None or needed <= model.context_length

    def documents_per_shard(self, texts: Sequence[str]) -> int:
        """How many of these documents are read in a few seconds, by their lengths alone."""
        config = self.config
        most = max_chunks(config.truncation, config.max_windows)
        total = 0.0
        for text in texts:
            reach = text[: _BYTES_PER_TOKEN * most * config.max_tokens]
            tokens = min(len(reach.encode("utf-8", "replace")) / _BYTES_PER_TOKEN, most * config.max_tokens)
            total += tokens + _TOKENS_PER_CHUNK * max(1, -(-tokens // config.max_tokens))
        mean = len(config.prompts) * total / max(1, len(texts))
        return max(1, min(1024, round(4 * TOKENS_PER_BATCH[self.device.type] / max(1.0, mean))))

    def __getstate__(self) -> dict[str, Any]:
        """A copy loads the language model anew."""
        return {name: value for name, value in vars(self).items() if name not in ("_last_session", "hidden_only")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _last_session=None)
