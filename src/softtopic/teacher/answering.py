"""A language model that answers questions with one of a few short answers, by what it finds likely: nothing is sampled.

Here or behind a server, the log probability of an answer is that of the first token of the reply; with a space before
it the answer is the same.
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
from softtopic.teacher.endpoint import Endpoint
from softtopic.teacher.lexicon import continuation_tokens, leading_tokens
from softtopic.teacher.loading import EMBEDDED, LanguageModel, load_language_model, pick_device, pick_dtype
from softtopic.teacher.model import BUDGET
from softtopic.teacher.reading import Reader, open_reader
from softtopic.teacher.server import AT_A_TIME, listed_tokens

AnswerLogProbs = Float[np.ndarray, "questions answers"]


@final
class LocalAnswers:
    """Answers of a causal language model on this machine.

    Asked through the chat template of its tokenizer, or where there is none in plain text.

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
        """Which language model answers."""
        return self.lm

    @torch.inference_mode()
    def log_probs(self, system: str, questions: Sequence[str], answers: Sequence[str]) -> AnswerLogProbs:
        """Log probability of each answer to each question, `system` being what is asked of all; not renormalised."""
        if not questions:
            return np.empty((0, len(answers)))
        space, tokens = self._answer_tokens(answers)
        rows = [[*self.tokens(system, question), *space] for question in questions]
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

    def tokens(self, system: str, question: str) -> list[int]:
        """All tokens before the answer."""
        tokenizer = self._language_model.tokenizer
        if getattr(tokenizer, "chat_template", None) is None:
            return leading_tokens(tokenizer, f"{system}\n\nQuestion: {question}\n\nAnswer:")
        return tokenizer(_chat(tokenizer, system, question), add_special_tokens=False)["input_ids"]

    def _answer_tokens(self, answers: Sequence[str]) -> tuple[list[int], list[list[int]]]:
        """A space to read first, where answers are expected after one; and the tokens each answer may be."""
        tokenizer = self._language_model.tokenizer
        bare, spaced = (continuation_tokens(tokenizer, [f"{space}{one}" for one in answers]) for space in ("", " "))
        space: list[int] = []
        if len(_shared(spaced)) == 1 and getattr(tokenizer, "chat_template", None) is None:
            # The space is a token of its own, and plain text has one before the answer.
            space = _shared(spaced)
        found = [sorted({row[0] for row in spellings if len(row) == 1}) for spellings in zip(bare, spaced, strict=True)]
        if not all(found):
            raise LanguageModelError(
                f"{self.lm} has no token of its own for each of the answers {', '.join(answers)}; choose another"
            )
        return space, found

    @cached_property
    def _language_model(self) -> LanguageModel:
        return load_language_model(self.lm, self.device, self.dtype)

    @cached_property
    def _reader(self) -> Reader:
        return open_reader(self._language_model, ())


@final
class ServerAnswers:
    """Answers of an OpenAI-compatible server that returns log probabilities, from its chat.

    An answer that is not among the likeliest tokens the server lists has no probability.

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
        """Which language model answers, as far as it is known here."""
        return self._endpoint.url if self.model is None else f"{self.model} at {self._endpoint.url}"

    def log_probs(self, system: str, questions: Sequence[str], answers: Sequence[str]) -> AnswerLogProbs:
        """Log probability of each answer to each question, `system` being what is asked of all; not renormalised.

        Raises LanguageModelError where the server fails or gives no log probabilities.
        """

        def ask(question: str, *, patient: bool = True) -> list[float]:
            asked = [{"role": "system", "content": system}, {"role": "user", "content": question}]
            body = {
                "messages": asked,
                "max_tokens": 1,
                "temperature": 0,
                "logprobs": True,
                "top_logprobs": self.n_probs,
            }
            named = {} if self.model is None else {"model": self.model}
            listed = listed_tokens(
                self._endpoint.ask("/chat/completions", named | body, patient=patient), self._endpoint.url
            )
            return [
                float(
                    np.logaddexp.reduce([value for token, value in listed.items() if token.strip() == one] or -np.inf)
                )
                for one in answers
            ]

        # A server that is not there is not waited for.
        rows = [ask(question, patient=False) for question in questions[:1]]
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            rows.extend(pool.map(ask, questions[1:]))
        return np.array(rows).reshape(len(rows), len(answers))


def _shared(rows: Sequence[Sequence[int]]) -> list[int]:
    """The tokens with which all rows begin; one at least is left of each."""
    columns = zip(*(row[:-1] for row in rows), strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _chat(tokenizer: Any, system: str, question: str) -> str:
    """The question as the tokenizer's template has it, up to the reply."""
    from jinja2 import TemplateError

    # Templates that know no thinking aloud ignore that there is to be none.
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    said = {"role": "user", "content": question}
    try:
        return tokenizer.apply_chat_template([{"role": "system", "content": system}, said], **options)
    except TemplateError:
        # Some take what the user says alone.
        said["content"] = f"{system}\n\n{question}"
        return tokenizer.apply_chat_template([said], **options)
