"""The tokenizers of the embedded models, without transformers."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, final


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
        self._lock = Lock()
        settings = json.loads((folder / "tokenizer_config.json").read_bytes())
        self.backend_tokenizer = Backend.from_file(str(folder / "tokenizer.json"))
        self.backend_tokenizer.no_padding()
        self.backend_tokenizer.no_truncation()
        self.model_max_length = int(settings["model_max_length"])
        names = dict.fromkeys(value for name, value in settings.items() if name.endswith("_token") and value)
        self.all_special_ids = [self.backend_tokenizer.token_to_id(name) for name in names]

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
        **_: Any,
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
        """
        backend, texts = self.backend_tokenizer, [text] if isinstance(text, str) else list(text)
        with self._lock:
            backend.encode_special_tokens = split_special_tokens
            if truncation and max_length is not None:
                backend.enable_truncation(max_length)
            else:
                backend.no_truncation()
            rows = [one.ids for one in backend.encode_batch_fast(texts, add_special_tokens=add_special_tokens)]
        return {"input_ids": rows[0] if isinstance(text, str) else rows}

    def decode(self, tokens: Sequence[int], **_: Any) -> str:
        """Text of tokens, names of special tokens included."""
        return self.backend_tokenizer.decode(list(tokens), skip_special_tokens=False)

    def batch_decode(self, rows: Sequence[Sequence[int]], **_: Any) -> list[str]:
        """Text of each row of tokens."""
        return self.backend_tokenizer.decode_batch([list(row) for row in rows], skip_special_tokens=False)

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str | None]:
        """The pieces of text of tokens as the vocabulary spells them."""
        return [self.backend_tokenizer.id_to_token(token) for token in ids]

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of chats."""
        path = self._folder / "chat_template.jinja"
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def apply_chat_template(self, chat: Sequence[dict[str, str]], **options: Any) -> Any:
        """A chat by the template, which transformers renders."""
        from transformers.models.auto.tokenization_auto import AutoTokenizer

        full = AutoTokenizer.from_pretrained(self._folder, local_files_only=True, trust_remote_code=False)
        return full.apply_chat_template(list(chat), **options)
