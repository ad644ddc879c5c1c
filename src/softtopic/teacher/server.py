"""A teacher behind an OpenAI-compatible server that returns log probabilities.

One completion of one token is asked for after each prompt, and its alternatives are the labels: the published
first-token scoring, a word has the probability of the token it begins with.

llama.cpp splits words into tokens and lists the ones it is asked for, by a bias that lifts these alone: its labels are
those of the same language model here. Other servers list the likeliest tokens. There a word has the probability of the
longest listed string it begins with, and the least listed one where there is none: the shorter the list, the less its
labels say.
"""

import copy
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, LanguageModelError
from softtopic.lm.devices import pick_device
from softtopic.teacher.base import BaseTeacher, TeacherOutput
from softtopic.teacher.endpoint import VECTORS_KEY, Endpoint, RefusedError
from softtopic.teacher.prompts import Prompt
from softtopic.types import DocHidden

log = logging.getLogger(__name__)

# Part of every fingerprint: raise it when the same answers give other numbers.
VERSION = 1

# Documents whose vectors are asked for in one request, and between two words to the progress bar.
_BATCH = 32

# Questions under way at a time.
AT_A_TIME = 4

# Added to the logits of a vocabulary's first tokens: more than any two logits differ by.
_BIAS = 100.0

# Letters of the shortest string that can stand for a longer word: "in" is not the beginning of "internet".
_SHORTEST = 3

# What a description has in place of a function, before its name.
_FUNCTION = "function "

# The least probability among the tokens asked for: its logarithm must be a number.
_LEAST = 1e-30

Vectors = Callable[[list[str]], np.ndarray]
Scores = Float[np.ndarray, " vocab"]


@final
class ServerTeacher(BaseTeacher):
    """Asks a server about each document.

    Args:
        url: the address its paths begin with, such as "http://localhost:8080/v1". Nothing else is ever contacted.
        model: the model's name, where the server has several.
        prompt: what the language model is asked.
        max_characters: a document is cut to so many characters; the text after it never is.
        n_probs: how many likeliest tokens to ask a server for that is not llama.cpp. Servers have limits: OpenAI's is
            5, vLLM's 20 unless it is started otherwise.
        vectors: where vectors of documents come from: a function from texts to an array [documents, width], the address
            of a server of embeddings, or None: the same server.

    A key, where one is needed, is taken from the environment variable SOFTTOPIC_API_KEY, that of vectors at another
    address from SOFTTOPIC_VECTORS_API_KEY. Where a model or feature folder names the server, it is contacted only on
    this machine, or if the environment variable SOFTTOPIC_SERVERS has its address.

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
            if value < 1:
                raise InputError(f"{name} is {value}; give at least 1")
        if prompt.reasoning:
            raise InputError(
                f"the prompt has a line {prompt.reasoning!r} for the language model to write; a server writes none: "
                "give a prompt without reasoning"
            )
        self.lm = url
        self.model = model
        self.prompt = prompt
        self.max_characters = max_characters
        self.n_probs = n_probs
        self.vectors = vectors
        self.device = pick_device()
        self._endpoint = Endpoint(url)
        self._embedder = self._endpoint
        if isinstance(vectors, str) and not self._forgotten and vectors.rstrip("/") != self._endpoint.url:
            self._embedder = Endpoint(vectors, key=VECTORS_KEY)
        self._labels = True
        self._opened = False

    @cached_property
    def fingerprint(self) -> str:
        """What the features depend on, as far as can be known from here: the server's weights cannot."""
        own = self.description | {"prompt": self.prompt.fingerprint, "labels": self._labels}
        return fingerprint_strings([f"server {VERSION}", *(f"{name} {value}" for name, value in own.items())])

    @property
    def description(self) -> dict[str, Any]:
        """The teacher as plain values; no key is among them."""
        return {
            "lm": self._endpoint.url,
            "model": self.model,
            "prompt": self.prompt.description,
            "max_characters": self.max_characters,
            "n_probs": self.n_probs,
            # A function is known by its name alone.
            "vectors": self._source if callable(self.vectors) else self.vectors,
        }

    @classmethod
    def described(cls, description: dict[str, Any], *, device: str = "auto") -> "ServerTeacher":
        """The teacher of a description; a function that gave vectors is not among what can be described."""
        prompt = Prompt.described(description["prompt"])
        plain = {name: description[name] for name in ("model", "max_characters", "n_probs", "vectors")}
        teacher = cls(description["lm"], prompt=prompt, **plain)
        teacher.device = pick_device(device)
        teacher._endpoint.named = teacher._embedder.named = False
        return teacher

    @cached_property
    def states_only(self) -> "ServerTeacher":
        """The same vectors without labels: all words are equally likely to it."""
        other = copy.copy(self)
        other._labels = False
        for kept in ("fingerprint", "states_only"):
            vars(other).pop(kept, None)
        return other

    def open(self) -> None:
        """See whether the server is there and gives what is needed, before any document is read."""
        if self._labels and not self._opened:
            self._likely("a short text", patient=False)
            self._opened = True

    def close(self) -> None:
        """Nothing is held."""

    def read(
        self, texts: Sequence[str], vocabulary: Vocabulary, progress: Callable[[int], object] | None = None
    ) -> TeacherOutput:
        """Features of the texts, in their order; `progress` hears how many documents each batch held."""
        self.open()
        cut = [text.strip()[: self.max_characters].strip() for text in texts]
        score = self._scorer(vocabulary) if self._labels else None
        labels = np.full((len(cut), len(vocabulary)), -np.log(len(vocabulary)), dtype=np.float16)
        hidden: list[DocHidden] = []
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            for start in range(0, len(cut), _BATCH):
                batch = cut[start : start + _BATCH]
                if score is not None:
                    labels[start : start + _BATCH] = list(pool.map(score, batch))
                hidden.append(self._vectors_of(batch))
                if progress is not None:
                    progress(len(batch))
        if len({part.shape[1] for part in hidden}) > 1:
            raise LanguageModelError(f"{self._source} gives vectors of several widths; use one model for all documents")
        return TeacherOutput(labels, np.concatenate(hidden) if hidden else np.empty((0, 0), dtype=np.float16))

    def _scorer(self, vocabulary: Vocabulary) -> Callable[[str], Scores]:
        """How the words of a vocabulary are scored after a document: as well as this server can."""
        spelled = [f" {word}" for word in vocabulary.words]
        firsts = self._first_tokens(spelled)
        if firsts is None:
            log.info("server %s does not split words into tokens: their beginnings are matched by letters", self.lm)
            starts = [tuple(one[:end] for end in range(len(one), 0, -1) if end > _SHORTEST or end == len(one))
                      for one in spelled]  # fmt: skip
            return lambda text: word_log_probs(self._likely(text), starts)
        tokens = [token for token, _ in firsts]
        try:
            biased = set(tokens) <= set(self._among("a short text", tokens))
        except RefusedError:
            biased = False
        if biased:
            return lambda text: token_log_probs(self._among(text, tokens), tokens)
        log.info("server %s lists the likeliest tokens alone: most words will share one probability", self.lm)
        return lambda text: word_log_probs(self._likely(text), [(piece,) for _, piece in firsts])

    def _answer(self, text: str, *, patient: bool = True, **more: Any) -> Any:
        """The server's answer to the prompt with this document."""
        question = {"prompt": self.prompt.render(text), "max_tokens": 1, "temperature": 0, "logprobs": self.n_probs}
        return self._endpoint.ask("/completions", self._named | question | more, patient=patient)

    def _likely(self, text: str, *, patient: bool = True) -> dict[str, float]:
        """Log probabilities of the likeliest tokens, by their strings."""
        return listed_tokens(self._answer(text, patient=patient), self._endpoint.url)

    def _among(self, text: str, tokens: Sequence[int]) -> dict[int, float]:
        """Log probabilities among some tokens, by their numbers; llama.cpp's own options, which others ignore."""
        wanted = set(tokens)
        own = {"post_sampling_probs": True, "samplers": ["temperature"], "temperature": 1.0}
        bias = {str(token): _BIAS for token in sorted(wanted)}
        return token_numbers(self._answer(text, logprobs=len(wanted), logit_bias=bias, **own))

    def _first_tokens(self, spelled: Sequence[str]) -> list[tuple[int, str]] | None:
        """The first token of each word, its number and its string, where the server says."""
        # The same server: whoever may ask it for answers may ask it this.
        root = Endpoint(self._endpoint.url.removesuffix("/v1"))
        asked = {"content": "\n".join(spelled), "with_pieces": True, "add_special": False}
        try:
            return first_tokens(root.ask("/tokenize", self._named | asked), spelled)
        except RefusedError:
            return None

    def _vectors_of(self, texts: list[str]) -> DocHidden:
        if self._forgotten:
            raise InputError("the vectors of this model came from a function of yours; give hidden= instead of texts")
        if callable(self.vectors):
            rows: Any = self.vectors(texts)
        else:
            answer = self._embedder.ask("/embeddings", self._named | {"input": texts})
            try:
                rows = [one["embedding"] for one in sorted(answer["data"], key=lambda one: one["index"])]
            except (KeyError, TypeError):
                raise LanguageModelError(
                    f"{self._source} gives no embeddings; start it with them on, or give vectors= of another"
                ) from None
        return _checked(rows, len(texts), self._source)

    @property
    def _forgotten(self) -> bool:
        """Whether vectors came from a function that a description could only name."""
        return isinstance(self.vectors, str) and self.vectors.startswith(_FUNCTION)

    @property
    def _source(self) -> str:
        if callable(self.vectors):
            return f"{_FUNCTION}{self.vectors.__module__}.{getattr(self.vectors, '__qualname__', '')}"
        return f"server {self._embedder.url}"

    @property
    def _named(self) -> dict[str, Any]:
        return {} if self.model is None else {"model": self.model}


def next_tokens(answer: Any) -> dict[str, float]:
    """Log probabilities of the first generated token's alternatives by their strings, in either of the two usual forms.

    Empty where there are none. Tokens with one string, such as pieces of characters, are summed.
    """
    try:
        given = answer["choices"][0]["logprobs"]
        if "content" in given:
            pairs = [(one["token"], one["logprob"]) for one in given["content"][0]["top_logprobs"]]
        else:
            pairs = list(given["top_logprobs"][0].items())
        found: dict[str, float] = {}
        for raw, log_prob in pairs:
            # Some servers show a token's space as their vocabulary writes it.
            token = f" {raw[1:]}" if raw[:1] in ("Ġ", "▁") else raw
            found[token] = float(np.logaddexp(found.get(token, -np.inf), log_prob))
    except (KeyError, IndexError, TypeError, AttributeError):
        return {}
    return found


def listed_tokens(answer: Any, url: str) -> dict[str, float]:
    """The same of a server's answer; raises LanguageModelError where there are none."""
    found = next_tokens(answer)
    if not found:
        raise LanguageModelError(f"server {url} gives no log probabilities of tokens; use one that does, as llama.cpp")
    return found


def token_numbers(answer: Any) -> dict[int, float]:
    """Log probabilities of alternatives after sampling by their tokens' numbers, as llama.cpp has them, else empty."""
    try:
        listed = answer["choices"][0]["logprobs"]["content"][0]["top_probs"]
        return {one["id"]: float(np.log(max(one["prob"], _LEAST))) for one in listed}
    except (KeyError, IndexError, TypeError):
        return {}


def first_tokens(answer: Any, spelled: Sequence[str]) -> list[tuple[int, str]] | None:
    """The first token of each line of a text that was tokenised whole; None where tokens do not end with lines."""
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
    if len(lines) != len(spelled) or not all(lines):
        return None
    # Bytes that are no character by themselves have no string to compare.
    fits = all(word.startswith(line[0][1]) or not word.isascii() for word, line in zip(spelled, lines, strict=True))
    return [line[0] for line in lines] if fits else None


def token_log_probs(among: dict[int, float], tokens: Sequence[int]) -> Scores:
    """Log probability of each word by its first token, normalised over the words."""
    if not among.keys() >= set(tokens):
        raise LanguageModelError("the server lists other tokens than those asked for; see its log, and run it again")
    return _normalised(np.array([among[token] for token in tokens]))


def word_log_probs(likely: dict[str, float], starts: Sequence[tuple[str, ...]]) -> Scores:
    """Log probability of each word, normalised over the words: that of the first of its beginnings that is listed.

    A word none of whose beginnings is listed gets what the least likely listed token has: it has no more.
    """
    least = min(likely.values())
    return _normalised(np.array([next((likely[start] for start in own if start in likely), least) for own in starts]))


def _normalised(scores: Scores) -> Scores:
    scores = scores - scores.max()
    return scores - np.log(np.exp(scores).sum())


def _checked(rows: Any, count: int, source: str) -> DocHidden:
    """Vectors as an array, one finite row for each document; float32 where float16 would overflow."""
    try:
        found = np.asarray(rows, dtype=np.float32)
    except (ValueError, TypeError):
        found = np.empty(0, dtype=np.float32)
    if found.ndim != 2 or len(found) != count or not np.isfinite(found).all():
        raise LanguageModelError(
            f"{source} gives vectors of shape {found.shape} for {count} documents; expected one row of finite numbers "
            "for each"
        )
    return found if np.abs(found).max(initial=0) > 6000 else found.astype(np.float16)
