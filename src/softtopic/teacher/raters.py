"""Language models that rate words, here or behind a server: how likely each of a few ratings is. Nothing is sampled.

The log probability of a rating is that of the first token of the reply; with a space before it the rating is the same.
Without examples it is asked for as chat; examples make it a text that any causal language model can go on with.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import takewhile
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import logsumexp

from softtopic.errors import InputError, LanguageModelError
from softtopic.lm.devices import pick_device, pick_dtype
from softtopic.lm.engine import Reader, open_reader
from softtopic.lm.loading import EMBEDDED, LanguageModel, load_language_model
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.endpoint import Endpoint
from softtopic.teacher.local import BUDGET
from softtopic.teacher.server import AT_A_TIME, listed_tokens

RatingLogProbs = Float[np.ndarray, "lists ratings"]
Examples = Sequence[tuple[str, str]]  # words, rating


@final
class LocalRater:
    """A causal language model on this machine.

    Without examples it is asked through the chat template of its tokenizer, where it has one; else in plain text.

    Args:
        lm: "smollm2-135m" (embedded), a folder transformers can open, a GGUF file, or a Hugging Face id in the local
            cache.
        device: "auto", "cpu", "cuda", "mps".
        dtype: "auto" (bfloat16 where the processor computes in it, else float32), "bfloat16", "float16", "float32".

    """

    def __init__(self, lm: str = EMBEDDED, *, device: str = "auto", dtype: str = "auto") -> None:
        self.lm = lm
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)

    @property
    def name(self) -> str:
        """Which language model rates."""
        return self.lm

    @torch.inference_mode()
    def log_probs(
        self, instruction: str, lists: Sequence[str], ratings: Sequence[str], examples: Examples = ()
    ) -> RatingLogProbs:
        """Log probability of each rating of each list of words, in [-∞, 0]; the rest is what else could be said.

        Raises LanguageModelError where a rating is not one token.
        """
        if not lists:
            return np.empty((0, len(ratings)))
        space, tokens = self._rating_tokens(ratings, chat=self._chats(examples))
        rows = [[*self.tokens(instruction, words, examples), *space] for words in lists]
        shared = _shared(rows)
        rest = [row[len(shared) :] for row in rows]
        reader = self._reader.at(shared)
        chosen = torch.tensor([token for spellings in tokens for token in spellings], device=self.device)
        scores = np.empty((len(rows), len(chosen)))
        for batch in reader.batches([len(row) for row in rest], BUDGET[self.device.type]):
            states = reader.states([rest[place] for place in batch])
            totals = reader.head.totals(states).whole
            scores[batch] = (reader.head.some(states, chosen) - totals[:, None]).cpu().numpy()
        ends = np.cumsum([len(spellings) for spellings in tokens])[:-1]
        return np.stack([logsumexp(part, axis=1) for part in np.split(scores, ends, axis=1)], axis=1)

    def tokens(self, instruction: str, words: str, examples: Examples = ()) -> list[int]:
        """All tokens before the rating, but for a space."""
        tokenizer = self._language_model.tokenizer
        if self._chats(examples):
            return tokenizer(_chat(tokenizer, instruction, words), add_special_tokens=False)["input_ids"]
        shown = [f"Words: {others}\n\nRating: {rating}" for others, rating in examples]
        return leading_tokens(tokenizer, "\n\n".join([instruction, *shown, f"Words: {words}", "Rating:"]))

    def _chats(self, examples: Examples) -> bool:
        return not examples and getattr(self._language_model.tokenizer, "chat_template", None) is not None

    def _rating_tokens(self, ratings: Sequence[str], *, chat: bool) -> tuple[list[int], list[list[int]]]:
        """A space to read first, where ratings are expected after one; and the tokens each rating may be."""
        tokenizer = self._language_model.tokenizer
        bare, spaced = (continuation_tokens(tokenizer, [f"{space}{one}" for one in ratings]) for space in ("", " "))
        # In plain text a space precedes the rating; it may be a token of its own.
        space = [] if chat else _shared(spaced)
        found = [sorted({row[0] for row in spellings if len(row) == 1}) for spellings in zip(bare, spaced, strict=True)]
        if not all(found):
            raise LanguageModelError(
                f"{self.lm} has no token of its own for each of the ratings {', '.join(ratings)}; choose another"
            )
        return space, found

    @cached_property
    def _language_model(self) -> LanguageModel:
        return load_language_model(self.lm, self.device, self.dtype)

    @cached_property
    def _reader(self) -> Reader:
        return open_reader(self._language_model, ())


@final
class ServerRater:
    """The chat of an OpenAI-compatible server that returns log probabilities.

    A rating that is not among the likeliest tokens the server lists has no probability. Examples are shown as earlier
    turns of the chat.

    Args:
        url: the address its paths begin with, such as "http://localhost:8080/v1". Nothing else is ever contacted.
        model: the model's name, where the server has several.
        n_probs: how many likeliest tokens to ask for; 20 is the most that many servers give.

    A key, where one is needed, is taken from the environment variable SOFTTOPIC_API_KEY.

    """

    def __init__(self, url: str, *, model: str | None = None, n_probs: int = 20) -> None:
        if n_probs < 1:
            raise InputError(f"n_probs is {n_probs}; give at least 1")
        self.model = model
        self.n_probs = n_probs
        self._endpoint = Endpoint(url)

    @property
    def name(self) -> str:
        """Which language model rates, as far as it is known here."""
        return self._endpoint.url if self.model is None else f"{self.model} at {self._endpoint.url}"

    def log_probs(
        self, instruction: str, lists: Sequence[str], ratings: Sequence[str], examples: Examples = ()
    ) -> RatingLogProbs:
        """Log probability of each rating of each list of words, in [-∞, 0]; the rest is what else could be said.

        Raises LanguageModelError where the server fails or gives no log probabilities.
        """
        turns = [turn for words, rating in examples for turn in (_turn("user", words), _turn("assistant", rating))]
        begin = [_turn("system", instruction), *turns]

        def ask(words: str, *, patient: bool = True) -> list[float]:
            listed = self._listed([*begin, _turn("user", words)], patient=patient)
            return [_log_sum([value for token, value in listed.items() if token.strip() == one]) for one in ratings]

        # A server that is not there is not waited for.
        rows = [ask(words, patient=False) for words in lists[:1]]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            rows.extend(pool.map(ask, lists[1:]))
        return np.array(rows).reshape(len(rows), len(ratings))

    def _listed(self, messages: list[dict[str, str]], *, patient: bool) -> dict[str, float]:
        """Log probabilities of the likeliest first tokens of the reply, by their strings."""
        body = {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": self.n_probs}
        named = {} if self.model is None else {"model": self.model}
        answer = self._endpoint.ask("/chat/completions", named | body, patient=patient)
        return listed_tokens(answer, self._endpoint.url)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _log_sum(values: list[float]) -> float:
    return float(np.logaddexp.reduce(values)) if values else -np.inf


def _shared(rows: Sequence[Sequence[int]]) -> list[int]:
    """The tokens with which all rows begin; one at least is left of each."""
    columns = zip(*(row[:-1] for row in rows), strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _chat(tokenizer: Any, instruction: str, words: str) -> str:
    """What is asked as the tokenizer's template has it, up to the reply."""
    from jinja2 import TemplateError

    # Templates that know no thinking aloud ignore that there is to be none.
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        return tokenizer.apply_chat_template([_turn("system", instruction), _turn("user", words)], **options)
    except TemplateError:
        # Some take what the user says alone.
        return tokenizer.apply_chat_template([_turn("user", f"{instruction}\n\n{words}")], **options)
