"""The tokenizers of the embedded models, without transformers."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

from softtopic.lm.locks import fork_safe_lock

# A tokenizer's settings change between calls.
_TOKENIZING = fork_safe_lock()

# The largest number of tokens of a text; where there is no limit, transformers writes 1e30 or nothing.
_MAX_LENGTH = 1 << 30


@final
class Tokenizer:
    """A tokenizer of the package `tokenizers`, with those methods of transformers' that are needed here.

    Threads may share it.

    Parameters
    ----------
    folder : Path
        With tokenizer.json and tokenizer_config.json.
    """

    is_fast = True

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer as Backend

        self._folder = folder
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
        self.backend_tokenizer = Backend.from_file(str(folder / "tokenizer.json"))
        self.backend_tokenizer.no_padding()
        self.backend_tokenizer.no_truncation()
        self.model_max_length = int(min(settings.get("model_max_length", _MAX_LENGTH), _MAX_LENGTH))
        ids = map(self.backend_tokenizer.token_to_id, _special_tokens(settings))
        self.all_special_ids = [token for token in ids if token is not None]

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size(with_added_tokens=True)

    def __call__(
        self,
        text: str | Sequence[str],
        *,
        add_special_tokens: bool = True,
        split_special_tokens: bool = False,
        truncation: bool = False,
        max_length: int | None = None,
        return_attention_mask: bool = False,
    ) -> dict[str, Any]:
        """Tokens of one text or several as "input_ids".

        Parameters
        ----------
        text : str or sequence of str
        add_special_tokens : bool, default=True
            Whether a text begins and ends with the special tokens of the model.
        split_special_tokens : bool, default=False
            Whether the name of a special token in a text is plain text.
        truncation : bool, default=False
            Whether texts are cut to `max_length` tokens, special ones included.
        max_length : int, optional
            By default that of the model.
        return_attention_mask : bool
            Ignored: there is no padding.
        """
        backend, texts = self.backend_tokenizer, [text] if isinstance(text, str) else list(text)
        with _TOKENIZING:
            backend.encode_special_tokens = split_special_tokens
            if truncation:
                backend.enable_truncation(max_length or self.model_max_length)
            else:
                backend.no_truncation()
            rows = [one.ids for one in backend.encode_batch_fast(texts, add_special_tokens=add_special_tokens)]
        return {"input_ids": rows[0] if isinstance(text, str) else rows}

    def decode(self, tokens: Sequence[int], *, clean_up_tokenization_spaces: bool = False) -> str:
        """Text of tokens, names of special tokens included; nothing is cleaned up."""
        return self.batch_decode([tokens], clean_up_tokenization_spaces=clean_up_tokenization_spaces)[0]

    def batch_decode(
        self,
        rows: Sequence[Sequence[int]],
        *,
        clean_up_tokenization_spaces: bool = False,
    ) -> list[str]:
        """Text of each row of tokens, names of special tokens included; nothing is cleaned up."""
        return self.backend_tokenizer.decode_batch([list(row) for row in rows], skip_special_tokens=False)

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str | None]:
        """Tokens as the vocabulary spells them."""
        return [self.backend_tokenizer.id_to_token(token) for token in ids]

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of chats."""
        path = self._folder / "chat_template.jinja"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def apply_chat_template(self, chat: Sequence[dict[str, str]], **options: Any) -> Any:
        """A chat by the template, which transformers renders."""
        return self._with_templates.apply_chat_template(list(chat), **options)

    @cached_property
    def _with_templates(self) -> Any:
        from transformers.models.auto.tokenization_auto import AutoTokenizer

        from softtopic.lm.loading import exclusive_loading, quiet_transformers

        with exclusive_loading(f"the tokenizer in {self._folder} cannot be opened"), quiet_transformers():
            return AutoTokenizer.from_pretrained(self._folder, local_files_only=True, trust_remote_code=False)


def _special_tokens(settings: dict[str, Any]) -> list[str]:
    """Names of special tokens in tokenizer_config.json, which versions of transformers write differently."""
    found = [value for name, value in settings.items() if name.endswith("_token")]
    for name in ("additional_special_tokens", "extra_special_tokens"):
        further = settings.get(name) or []
        found += further.values() if isinstance(further, dict) else further
    names = (value.get("content") if isinstance(value, dict) else value for value in found)
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))
