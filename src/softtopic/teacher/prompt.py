"""What the language model is asked: an instruction, worked examples, and where the document goes."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from softtopic.corpus import fingerprint_strings
from softtopic.errors import InputError

# The prompt of the published method, word for word.
PUBLISHED_INSTRUCTION = "Generate a label that capture the overall theme of the document below."


@dataclass(frozen=True)
class Prompt:
    """`{instruction}`, the demonstrations, then `Document: {document}` and `Topic:`, blank lines between them.

    All that stands before the document is read once and cached, so demonstrations cost no reading per document.
    """

    instruction: str = PUBLISHED_INSTRUCTION
    demonstrations: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        for pair in self.demonstrations:
            if len(pair) != 2 or not all(isinstance(part, str) and part.strip() for part in pair):
                raise InputError(f"demonstration {pair!r} is not a pair (text, topic word) of non-empty strings")
        object.__setattr__(self, "demonstrations", tuple(map(tuple, self.demonstrations)))

    @property
    def prefix(self) -> str:
        """Everything up to the document, without the space before it."""
        shown = [f"Document: {text}\n\nTopic: {word}" for text, word in self.demonstrations]
        return "\n\n".join([self.instruction, *shown, "Document:"])

    @property
    def suffix(self) -> str:
        """Everything after the document; the topic word is expected next."""
        return "\n\nTopic:"

    def render(self, document: str) -> str:
        """The whole prompt for one document."""
        return f"{self.prefix} {document}{self.suffix}"

    @property
    def fingerprint(self) -> str:
        return fingerprint_strings([self.prefix, self.suffix])


PROMPTS: dict[str, Prompt] = {
    "published": Prompt(),
    "theme": Prompt("Name the document's central theme."),
    "single-label": Prompt("Give a single label that sums up the text."),
    "tag": Prompt("Tag the document with its main idea."),
    "four-shot": Prompt(
        "Name the topic of each document with a single lowercase word.",
        (
            ("The senate passed the budget after a long debate over taxes.", "politics"),
            ("My new lens makes the photos much sharper in low light.", "photography"),
            ("Why does my sourdough starter smell of acetone?", "baking"),
            ("How do I reset the root password in MySQL?", "mysql"),
        ),
    ),
}


def get_prompt(name: str) -> Prompt:
    """A ready-made prompt by name, or one from a TOML file; raises InputError with the names there are."""
    if name.endswith(".toml"):
        return read_prompt(name)
    if name not in PROMPTS:
        raise InputError(f"prompt {name!r} is not known; choose one of {', '.join(PROMPTS)}, or give a .toml file")
    return PROMPTS[name]


def read_prompt(path: str | Path) -> Prompt:
    """The prompt of a TOML file: `instruction`, and `[[demonstrations]]` each with a `text` and a `topic`.

    Raises InputError where the file is missing or holds anything else.
    """
    expected = 'expected instruction = "..." and [[demonstrations]] with text and topic'
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"prompt file {path} cannot be read ({error}); give a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"prompt file {path} is not TOML ({error}); {expected}") from None
    unknown = set(given) - {"instruction", "demonstrations"}
    shown = given.get("demonstrations", [])
    if unknown or not isinstance(given.get("instruction"), str) or not isinstance(shown, list):
        raise InputError(f"prompt file {path} holds {', '.join(sorted(given)) or 'nothing'}; {expected}")
    if not all(isinstance(one, dict) and set(one) == {"text", "topic"} and _strings(one) for one in shown):
        raise InputError(f"prompt file {path} has a demonstration without text and topic; {expected}")
    return Prompt(given["instruction"], tuple((one["text"], one["topic"]) for one in shown))


def _strings(given: dict) -> bool:
    return all(isinstance(value, str) for value in given.values())
