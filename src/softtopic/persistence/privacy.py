"""What of the documents' text may be in a model folder: with excerpts 300 characters of each document, else nothing."""

from typing import Any

from softtopic.data.guides import is_example
from softtopic.topics.documents import EXCERPT_LENGTH


def withhold_demonstrations(plain: Any, *, excerpts: bool) -> Any:
    """Plain values in which prompts and guides hold no text of documents that must not be stored.

    A prompt whose demonstrations are documents of the corpus loses them, unless excerpts are stored and each of them is
    short enough to be one. It stays marked as `from_corpus`, so that using it raises InputError instead of asking the
    language model something else. Guides with example documents are left out likewise.

    Parameters
    ----------
    plain : object
        JSON values; descriptions of prompts may be anywhere in them.
    excerpts : bool
        Whether the beginnings of documents are stored.
    """
    if isinstance(plain, list):
        return [withhold_demonstrations(item, excerpts=excerpts) for item in plain]
    if not isinstance(plain, dict):
        return plain
    if plain.get("from_corpus") is True and "demonstrations" in plain:
        texts = [example[0] for example in plain["demonstrations"]]
        short = all(len(text) <= EXCERPT_LENGTH for text in texts)
        return plain if excerpts and short else plain | {"demonstrations": []}
    if plain.get("type") == "guides":
        examples = [text for _, texts in plain["value"] for text in ([texts] if isinstance(texts, str) else texts)
                    if is_example(text)]  # fmt: skip
        short = all(len(text) <= EXCERPT_LENGTH for text in examples)
        return plain if not examples or (excerpts and short) else {"type": "not-saved", "value": "a dict with examples"}
    return {name: withhold_demonstrations(value, excerpts=excerpts) for name, value in plain.items()}
