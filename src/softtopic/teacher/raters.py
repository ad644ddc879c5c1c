"""Language models that rate lists of words, on this machine or behind a server: the probability of each rating.

Nothing is sampled. The log probability of a rating is that of the first token of the reply, with or without a space
before it. Without examples the request is a chat; with examples it is a text that any causal language model continues.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import logsumexp

from softtopic.errors import LanguageModelError, check_whole
from softtopic.lm.devices import pick_device, pick_dtype
from softtopic.lm.loading import EMBEDDED
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.endpoint import Endpoint
from softtopic.teacher.server import CONCURRENT_REQUESTS, listed_tokens
from softtopic.teacher.shared_model import TOKENS_PER_BATCH, SharedModel

RatingLogProbs = Float[np.ndarray, "lists ratings"]
Examples = Sequence[tuple[str, str]]  # words, rating


@final
class LocalRater:
    """A causal language model on this machine.

    Without examples it is prompted through the chat template of its tokenizer, where there is one; else in plain text.

    Parameters
    ----------
    lm : str, default "smollm2-135m"
        The embedded language model, a folder that transformers can open, a GGUF file, or a Hugging Face id in the local
        cache.
    device : {"auto", "cpu", "cuda", "mps"}, default "auto"
        Where it runs.
    dtype : {"auto", "bfloat16", "float16", "float32"}, default "auto"
        Number format; "auto" is bfloat16 where the processor is fast in it, else float32.
    """

    def __init__(self, lm: str = EMBEDDED, *, device: str = "auto", dtype: str = "auto") -> None:
        self.lm = lm
        self.device = pick_device(device)
        self.dtype = pick_dtype(dtype, self.device)
        self._model = SharedModel(lm, str(self.device), str(self.dtype).removeprefix("torch."))

    @property
    def name(self) -> str:
        """Name of the language model."""
        return self.lm

    @torch.inference_mode()
    def log_probs(
        self, instruction: str, lists: Sequence[str], ratings: Sequence[str], examples: Examples = ()
    ) -> RatingLogProbs:
        """Log probability of each rating of each list; see `Rater.log_probs`.

        Raises
        ------
        LanguageModelError
            If a rating is not one token.
        """
        if not lists:
            return np.empty((0, len(ratings)))
        with self._model.opened() as model:
            space, tokens = self._rating_tokens(ratings, chat=self._uses_chat(examples))
            rows = [[*self.tokens(instruction, words, examples), *space] for words in lists]
            prefix = _common_prefix(rows)
            suffixes = [row[len(prefix) :] for row in rows]
            reader = model.reader.with_prefix(prefix)
            choices = torch.tensor([token for spellings in tokens for token in spellings], device=self.device)
            scores = np.empty((len(rows), len(choices)))
            for batch in reader.batches([len(row) for row in suffixes], TOKENS_PER_BATCH[self.device.type]):
                states = reader.states([suffixes[place] for place in batch])
                totals = reader.head.log_partition(states).total
                scores[batch] = (reader.head.logits(states, choices) - totals[:, None]).cpu().numpy()
        ends = np.cumsum([len(spellings) for spellings in tokens])[:-1]
        return np.stack([logsumexp(part, axis=1) for part in np.split(scores, ends, axis=1)], axis=1)

    def tokens(self, instruction: str, words: str, examples: Examples = ()) -> list[int]:
        """All tokens before the rating, except a space."""
        tokenizer = self._tokenizer
        if self._uses_chat(examples):
            return tokenizer(_chat(tokenizer, instruction, words), add_special_tokens=False)["input_ids"]
        shown = [f"Words: {others}\n\nRating: {rating}" for others, rating in examples]
        return leading_tokens(tokenizer, "\n\n".join([instruction, *shown, f"Words: {words}", "Rating:"]))

    def _uses_chat(self, examples: Examples) -> bool:
        return not examples and getattr(self._tokenizer, "chat_template", None) is not None

    def _rating_tokens(self, ratings: Sequence[str], *, chat: bool) -> tuple[list[int], list[list[int]]]:
        """The space before a rating, where it is a token of its own, and the tokens that spell each rating."""
        tokenizer = self._tokenizer
        bare, spaced = (continuation_tokens(tokenizer, [f"{space}{one}" for one in ratings]) for space in ("", " "))
        # In plain text a space precedes the rating; it may be a token of its own.
        space = [] if chat else _common_prefix(spaced)
        choices = [
            sorted({row[0] for row in spellings if len(row) == 1}) for spellings in zip(bare, spaced, strict=True)
        ]
        if not all(choices):
            raise LanguageModelError(
                f"{self.lm} has no token of its own for each of the ratings {', '.join(ratings)}; choose another"
            )
        return space, choices

    @property
    def _tokenizer(self) -> Any:
        with self._model.opened() as model:
            return model.tokenizer


@final
class ServerRater:
    """The chat of an OpenAI-compatible server that returns log probabilities.

    A rating that is not among the most probable tokens the server lists has probability 0. Examples are earlier turns
    of the chat. An API key, where one is needed, is taken from the environment variable SOFTTOPIC_API_KEY.

    Parameters
    ----------
    url : str
        Base address, such as "http://localhost:8080/v1". Nothing else is ever contacted.
    model : str, optional
        Name of the model, for servers that have several.
    n_probs : int, default 20
        Number of most probable tokens to request; many servers list at most 20.
    """

    def __init__(self, url: str, *, model: str | None = None, n_probs: int = 20) -> None:
        check_whole("n_probs", n_probs, 1)
        self.model = model
        self.n_probs = n_probs
        self._endpoint = Endpoint(url)

    @property
    def name(self) -> str:
        """Name of the language model, as far as it is known here."""
        return self._endpoint.url if self.model is None else f"{self.model} at {self._endpoint.url}"

    def log_probs(
        self, instruction: str, lists: Sequence[str], ratings: Sequence[str], examples: Examples = ()
    ) -> RatingLogProbs:
        """Log probability of each rating of each list; see `Rater.log_probs`.

        Raises
        ------
        LanguageModelError
            If the server fails or gives no log probabilities.
        """
        turns = [turn for words, rating in examples for turn in (_turn("user", words), _turn("assistant", rating))]
        begin = [_turn("system", instruction), *turns]

        def rate(words: str, *, retry: bool = True) -> list[float]:
            listed = self._listed([*begin, _turn("user", words)], retry=retry)
            spellings = ([value for token, value in listed.items() if token.strip() == one] for one in ratings)
            # The logarithm of an empty sum is -inf.
            return [float(np.logaddexp.reduce(values)) for values in spellings]

        # Without retries: a server that is not there is reported at once.
        rows = [rate(words, retry=False) for words in lists[:1]]
        with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
            rows.extend(pool.map(rate, lists[1:]))
        return np.array(rows).reshape(len(rows), len(ratings))

    def _listed(self, messages: list[dict[str, str]], *, retry: bool) -> dict[str, float]:
        """Log probabilities of the most probable first tokens of the reply, by their strings."""
        body = {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": self.n_probs}
        name = {} if self.model is None else {"model": self.model}
        response = self._endpoint.post("/chat/completions", name | body, retry=retry)
        return listed_tokens(response, self._endpoint.url)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _common_prefix(rows: Sequence[Sequence[int]]) -> list[int]:
    """The longest common prefix of all rows that leaves at least one token of each."""
    columns = zip(*(row[:-1] for row in rows), strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _chat(tokenizer: Any, instruction: str, words: str) -> str:
    """The chat as the tokenizer's template renders it, up to the reply."""
    from jinja2 import TemplateError

    # Templates without a thinking mode ignore that it is off.
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        return tokenizer.apply_chat_template([_turn("system", instruction), _turn("user", words)], **options)
    except TemplateError:
        # Some templates have no system role.
        return tokenizer.apply_chat_template([_turn("user", f"{instruction}\n\n{words}")], **options)
