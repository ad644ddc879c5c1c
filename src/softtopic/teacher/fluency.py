"""Whether a language model can write a language: by how much it is surprised by texts in it.

Translations say the same, so that a model that knows both languages finds them about equally probable: the negative log
likelihoods of whole texts are compared, which does not depend on tokens or characters. The texts are those of the
demonstrations of prompts.

References
----------
Tsvetkov & Kipnis (2024), "Information Parity: Measuring and Predicting the Multilingual Capabilities of Language
Models".
"""

import torch

from softtopic.data.language_names import ENGLISH
from softtopic.lm.config import LANGUAGE_MODEL
from softtopic.lm.tokens import continuation_tokens, leading_tokens
from softtopic.teacher.languages import LM_WRITING_LANGUAGES
from softtopic.teacher.local import Teacher
from softtopic.teacher.prompt_texts import TEXTS

# A language is written by a model for which its texts hold at most so many times the information of the English ones.
# The embedded model, which was trained on English, has 2.3 for French, and more for all others.
MAX_INFORMATION_RATIO = 1.75


def can_write(teacher: Teacher, language: str) -> bool:
    """Whether the language model of a teacher can write a language, by its code.

    Of the embedded one it is known; others are taken to write languages that have no prompts to measure it by.
    """
    if teacher.lm == LANGUAGE_MODEL:
        return language in LM_WRITING_LANGUAGES
    return language == ENGLISH or language not in TEXTS or information_ratio(teacher, language) <= MAX_INFORMATION_RATIO


def information_ratio(teacher: Teacher, language: str) -> float:
    """Negative log likelihood of the texts of a language over that of the same texts in English."""
    return _information(teacher, language) / _information(teacher, ENGLISH)


def _information(teacher: Teacher, language: str) -> float:
    """Negative log likelihood of all texts of a language, in nats."""
    with teacher.session() as session:
        model = session.model
        rows = continuation_tokens(model.tokenizer, [f" {text}" for text in TEXTS[language].texts], ":")
        lengths = torch.tensor(list(map(len, rows)))
        longest = int(lengths.max())
        # Those that are over go on with any token, which does not count.
        tokens = torch.tensor([[*row, *row[-1:] * (longest - len(row))] for row in rows])
        reader = model.reader.fork()
        tokens, lengths = tokens.to(reader.device), lengths.to(reader.device)
        first = reader.states([leading_tokens(model.tokenizer, ":")] * len(rows), max_new_tokens=longest)
        states = torch.cat([first[:, None], reader.states_along(tokens)[:, :-1]], dim=1)
        counted = torch.arange(longest, device=reader.device) < lengths[:, None]
        before, after = states[counted], tokens[counted]
        return float((reader.head.log_partition(before).total - reader.head.paired_logits(before, after)).sum())
