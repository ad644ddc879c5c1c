"""A teacher behind an OpenAI-compatible server that returns log probabilities.

After each prompt one token is requested, and its alternatives give the soft labels: the published scoring by first
tokens, in which a word has the probability of the token it begins with.

llama.cpp splits words into tokens and lists any tokens, by a logit bias that raises these alone: its soft labels are
those of the same language model here. Other servers list the most probable tokens. There, a word has the
probability of the longest listed string it begins with, and the lowest listed one where there is none: the shorter the
list, the less informative the labels.
"""

import copy
import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, LanguageModelError, check_whole
from softtopic.lm.config import check_device
from softtopic.teacher.base import BaseTeacher, Features, ProgressCallback, vector_dtype
from softtopic.teacher.endpoint import VECTORS_KEY, Endpoint, RefusedError
from softtopic.teacher.prompts import Prompt
from softtopic.types import DocHidden

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

# Part of every fingerprint: raise it when the same answers give other numbers.
VERSION = 1

# Documents for which vectors are requested together, and between two updates of the progress bar.
_BATCH_SIZE = 32

# Maximum number of requests in flight.
CONCURRENT_REQUESTS = 4

# Added to the logits of a vocabulary's first tokens: more than the range of any logits.
_LOGIT_BIAS = 100.0

# Characters, with the space, that a string must exceed to stand for a longer word: "in" does not stand for "internet".
_MIN_PREFIX = 3

# In a description a function is replaced by this and its name.
_FUNCTION = "function "

# Lower bound of the probability of a requested token: its logarithm must be finite.
_MIN_PROBABILITY = 1e-30

Vectors = Callable[[list[str]], np.ndarray]
Scores = Float[np.ndarray, " vocab"]


@final
class ServerTeacher(BaseTeacher):
    """Language model behind an OpenAI-compatible server, used like a `Teacher`.

    An API key is taken from the environment variable SOFTTOPIC_API_KEY; one for embeddings from another address, from
    SOFTTOPIC_VECTORS_API_KEY. A server named by a model or feature folder is contacted only if it is on this machine or
    listed in the environment variable SOFTTOPIC_SERVERS.

    Parameters
    ----------
    url : str
        Base address, such as "http://localhost:8080/v1". Only this address and that of `vectors` are contacted.
    model : str, optional
        Name of the model, for servers that have several.
    prompt : Prompt, default Prompt()
        Prompt without a rationale.
    max_characters : int, default 640
        Documents are truncated to this many characters.
    n_probs : int, default 1000
        Number of most probable tokens to request from servers other than llama.cpp. Servers have limits: OpenAI's is 5,
        vLLM's 20 by default.
    vectors : str or callable, optional
        Source of document vectors: the address of a server of embeddings, a function from a list of texts to an array
        of shape (n_documents, width), or None for the same server.

    Raises
    ------
    InputError
        If a setting is out of range, or `url` is not an address.

    Examples
    --------
    >>> from softtopic import ServerTeacher, TopicModel
    >>> model = TopicModel(lm=ServerTeacher("http://localhost:8080/v1"))
    """

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        prompt: Prompt = Prompt(),
        max_characters: int = 640,
        n_probs: int = 1000,
        vectors: str | Vectors | None = None,
    ) -> None:
        for name, value in (("max_characters", max_characters), ("n_probs", n_probs)):
            check_whole(name, value, 1)
        if prompt.rationale:
            raise InputError(
                f"the prompt has a rationale, {prompt.rationale!r}, and a server generates none: give a prompt without"
            )
        self.lm = url
        self.model = model
        self.prompt = prompt
        self.max_characters = max_characters
        self.n_probs = n_probs
        self.vectors = vectors
        self._device = "auto"
        self._endpoint = Endpoint(url)
        self._embedder = self._endpoint
        if isinstance(vectors, str) and not self._lost_function and vectors.rstrip("/") != self._endpoint.url:
            self._embedder = Endpoint(vectors, key=VECTORS_KEY)
        self._labels = True
        self._opened = False

    @cached_property
    def device(self) -> "torch.device":
        """Where topic models are trained on its output."""
        from softtopic.lm.devices import pick_device

        return pick_device(self._device)

    @property
    def _key(self) -> Hashable:
        settings = (self.model, self.prompt, self.max_characters, self.n_probs, self.vectors)
        return self._endpoint.url, *settings, self._labels

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the output depends on, as far as it is known here: the server's weights are not."""
        own = self.description | {"prompt": self.prompt.fingerprint, "labels": self._labels}
        return fingerprint_strings([f"server {VERSION}", *(f"{name} {value}" for name, value in own.items())])

    @property
    def description(self) -> dict[str, Any]:
        """The teacher as JSON values, without any key; see `from_description`."""
        return {
            "lm": self._endpoint.url,
            "model": self.model,
            "prompt": self.prompt.description,
            "max_characters": self.max_characters,
            "n_probs": self.n_probs,
            "vectors": self._source if callable(self.vectors) else self.vectors,
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any], *, device: str = "auto") -> "ServerTeacher":
        """The teacher of a `description`, without the function that made its vectors, where there was one."""
        prompt = Prompt.from_description(description["prompt"])
        settings = {name: description[name] for name in ("model", "max_characters", "n_probs", "vectors")}
        teacher = cls(description["lm"], prompt=prompt, **settings)
        check_device(device)
        teacher._device = device
        teacher._endpoint.trusted = teacher._embedder.trusted = False
        return teacher

    @cached_property
    def hidden_only(self) -> "ServerTeacher":
        """The same vectors with uniform soft labels, which take no request."""
        other = copy.copy(self)
        other._labels = False
        for cached in ("fingerprint", "hidden_only"):
            vars(other).pop(cached, None)
        return other

    def with_prompt(self, prompt: Prompt) -> "ServerTeacher":
        """The same teacher with another prompt."""
        other = copy.copy(self)
        other.prompt = prompt
        for cached in ("fingerprint", "hidden_only"):
            vars(other).pop(cached, None)
        return other

    def open(self) -> None:
        """Check that the server is there and returns log probabilities, before any document is read."""
        if self._labels and not self._opened:
            self._most_probable("a short text", retry=False)
            self._opened = True

    def close(self) -> None:
        """Nothing is held."""

    def documents_per_shard(self, texts: Sequence[str]) -> int:
        """As many as are requested together."""
        return _BATCH_SIZE

    def read(self, texts: Sequence[str], vocabulary: Vocabulary, progress: ProgressCallback | None = None) -> Features:
        """Read documents; see `BaseTeacher.read`.

        Raises
        ------
        LanguageModelError
            If the server fails, or returns no log probabilities or vectors.
        """
        self.open()
        documents = [text.strip()[: self.max_characters].strip() for text in texts]
        score = self._scorer(vocabulary) if self._labels else None
        log_probs = np.full((len(documents), len(vocabulary)), -np.log(len(vocabulary)), dtype=np.float16)
        hidden: list[DocHidden] = []
        with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
            for start in range(0, len(documents), _BATCH_SIZE):
                batch = documents[start : start + _BATCH_SIZE]
                if score is not None:
                    log_probs[start : start + _BATCH_SIZE] = list(pool.map(score, batch))
                hidden.append(self._request_vectors(batch))
                if progress is not None:
                    progress(len(batch))
        if len({part.shape[1] for part in hidden}) > 1:
            raise LanguageModelError(f"{self._source} gives vectors of several widths; use one model for all documents")
        return Features(log_probs, np.concatenate(hidden) if hidden else np.empty((0, 0), dtype=np.float16))

    def _scorer(self, vocabulary: Vocabulary) -> Callable[[str], Scores]:
        """Scores a vocabulary after a document, as well as this server allows."""
        spellings = [f" {word}" for word in vocabulary.words]
        firsts = self._first_tokens(spellings)
        if firsts is None:
            log.info("server %s does not split words into tokens: words are matched by their first letters", self.lm)
            prefixes = [
                tuple(word[:end] for end in range(len(word), 0, -1) if end > _MIN_PREFIX or end == len(word))
                for word in spellings
            ]
            return lambda text: word_log_probs(self._most_probable(text), prefixes)
        tokens = [token for token, _ in firsts]
        try:
            takes_bias = set(tokens) <= set(self._among("a short text", tokens))
        except RefusedError:
            takes_bias = False
        if takes_bias:
            return lambda text: token_log_probs(self._among(text, tokens), tokens)
        log.info("server %s lists the most probable tokens alone: most words will have equal probability", self.lm)
        return lambda text: word_log_probs(self._most_probable(text), [(string,) for _, string in firsts])

    def _complete(self, text: str, *, retry: bool = True, **options: Any) -> Any:
        """The server's response to the prompt with this document."""
        body = {"prompt": self.prompt.render(text), "max_tokens": 1, "temperature": 0, "logprobs": self.n_probs}
        return self._endpoint.post("/completions", self._model_name | body | options, retry=retry)

    def _most_probable(self, text: str, *, retry: bool = True) -> dict[str, float]:
        """Log probabilities of the most probable tokens, by their strings."""
        return listed_tokens(self._complete(text, retry=retry), self._endpoint.url)

    def _among(self, text: str, tokens: Sequence[int]) -> dict[int, float]:
        """Log probabilities among some tokens, by their ids; options of llama.cpp, which other servers ignore."""
        distinct = sorted(set(tokens))
        options = {"post_sampling_probs": True, "samplers": ["temperature"], "temperature": 1.0}
        bias = {str(token): _LOGIT_BIAS for token in distinct}
        return listed_token_ids(self._complete(text, logprobs=len(distinct), logit_bias=bias, **options))

    def _first_tokens(self, spellings: Sequence[str]) -> list[tuple[int, str]] | None:
        """Id and string of the first token of each word, where the server tells."""
        # The same server: whoever may complete texts there may tokenise them.
        root = Endpoint(self._endpoint.url.removesuffix("/v1"))
        body = {"content": "\n".join(spellings), "with_pieces": True, "add_special": False}
        try:
            return first_tokens(root.post("/tokenize", self._model_name | body), spellings)
        except RefusedError:
            return None

    def _request_vectors(self, texts: list[str]) -> DocHidden:
        if self._lost_function:
            raise InputError("the vectors of this model came from a function of yours; give hidden= instead of texts")
        if callable(self.vectors):
            rows: Any = self.vectors(texts)
        else:
            response = self._embedder.post("/embeddings", self._model_name | {"input": texts})
            try:
                rows = [one["embedding"] for one in sorted(response["data"], key=lambda one: one["index"])]
            except (KeyError, TypeError):
                raise LanguageModelError(
                    f"{self._source} gives no embeddings; start it with them on, or give vectors= of another"
                ) from None
        return _as_vectors(rows, len(texts), self._source)

    @property
    def _lost_function(self) -> bool:
        """Whether vectors came from a function, of which a description keeps the name alone."""
        return isinstance(self.vectors, str) and self.vectors.startswith(_FUNCTION)

    @property
    def _source(self) -> str:
        if callable(self.vectors):
            return f"{_FUNCTION}{self.vectors.__module__}.{getattr(self.vectors, '__qualname__', '')}"
        return f"server {self._embedder.url}"

    @property
    def _model_name(self) -> dict[str, Any]:
        return {} if self.model is None else {"model": self.model}

    def __getstate__(self) -> dict[str, Any]:
        """A copy finds out anew what the server can do."""
        return {name: value for name, value in vars(self).items() if name != "hidden_only"} | {"_opened": False}


def next_tokens(answer: Any) -> dict[str, float]:
    """Log probabilities of the alternatives of the first generated token by their strings, in either usual format.

    Empty where there are none. Tokens with equal strings, such as incomplete characters, are summed.
    """
    try:
        listed = answer["choices"][0]["logprobs"]
        if "content" in listed:
            pairs = [(one["token"], one["logprob"]) for one in listed["content"][0]["top_logprobs"]]
        else:
            pairs = list(listed["top_logprobs"][0].items())
        log_probs: dict[str, float] = {}
        for raw, log_prob in pairs:
            # Some servers write a leading space as their vocabulary does.
            token = f" {raw[1:]}" if raw[:1] in ("Ġ", "▁") else raw
            log_probs[token] = float(np.logaddexp(log_probs.get(token, -np.inf), log_prob))
    except (KeyError, IndexError, TypeError, AttributeError):
        return {}
    return log_probs


def listed_tokens(answer: Any, url: str) -> dict[str, float]:
    """`next_tokens`; raises LanguageModelError where there are none."""
    log_probs = next_tokens(answer)
    if not log_probs:
        raise LanguageModelError(f"server {url} gives no log probabilities of tokens; use one that does, as llama.cpp")
    return log_probs


def listed_token_ids(answer: Any) -> dict[int, float]:
    """Log probabilities of the alternatives by token id, as llama.cpp lists them after sampling; else empty."""
    try:
        listed = answer["choices"][0]["logprobs"]["content"][0]["top_probs"]
        return {one["id"]: float(np.log(max(one["prob"], _MIN_PROBABILITY))) for one in listed}
    except (KeyError, IndexError, TypeError):
        return {}


def first_tokens(answer: Any, spellings: Sequence[str]) -> list[tuple[int, str]] | None:
    """First token of each line of a text that was tokenised at once; None where tokens span lines."""
    try:
        tokens = [(int(one["id"]), str(one["piece"])) for one in answer["tokens"]]
    except (KeyError, TypeError, ValueError):
        return None
    lines: list[list[tuple[int, str]]] = [[]]
    for token in tokens:
        if token[1] == "\n":
            lines.append([])
        else:
            lines[-1].append(token)
    if len(lines) != len(spellings) or not all(lines):
        return None
    # Incomplete characters have no string to compare.
    fits = all(word.startswith(line[0][1]) or not word.isascii() for word, line in zip(spellings, lines, strict=True))
    return [line[0] for line in lines] if fits else None


def token_log_probs(among: dict[int, float], tokens: Sequence[int]) -> Scores:
    """Log probability of each word by its first token, normalised over the words."""
    if not among.keys() >= set(tokens):
        raise LanguageModelError("the server lists other tokens than those requested; see its log, and run it again")
    return _normalised(np.array([among[token] for token in tokens]))


def word_log_probs(listed: dict[str, float], prefixes: Sequence[tuple[str, ...]]) -> Scores:
    """Log probability of each word, normalised over the words: that of the first of its prefixes that is listed.

    A word without a listed prefix has at most the probability of the last token of the list, and gets it.
    """
    least = min(listed.values())
    return _normalised(np.array([next((listed[one] for one in own if one in listed), least) for own in prefixes]))


def _normalised(scores: Scores) -> Scores:
    scores = scores - scores.max()
    return scores - np.log(np.exp(scores).sum())


def _as_vectors(rows: Any, count: int, source: str) -> DocHidden:
    """One finite row for each document."""
    try:
        vectors = np.asarray(rows, dtype=np.float32)
    except (ValueError, TypeError):
        vectors = np.empty(0, dtype=np.float32)
    if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
        raise LanguageModelError(
            f"{source} gives vectors of shape {vectors.shape} for {count} documents; expected one row of finite "
            "numbers for each"
        )
    return vectors.astype(vector_dtype(float(np.abs(vectors).max(initial=0))))
