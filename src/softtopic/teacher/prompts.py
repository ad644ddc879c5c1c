"""What the language model is asked: an instruction, worked examples, and where the document goes."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import InputError

# The prompt of the published method, word for word.
PUBLISHED_INSTRUCTION = "Generate a label that capture the overall theme of the document below."


@dataclass(frozen=True)
class Prompt:
    """`{instruction}`, the demonstrations, then `Document: {document}` and `Topic:`, blank lines between them.

    All that stands before the document is read once and cached, so demonstrations cost no reading per document.

    Args:
        instruction: what is asked for.
        demonstrations: pairs (text, topic word); with `reasoning` triples (text, note, topic word).
        reasoning: the beginning of a line the language model writes to its end before the topic, as "Keywords:"; ""
            for none.
        reasoning_tokens: most tokens of that line.
        document_first: put the instruction after the document. Such prompts without demonstrations share one reading
            of each document, however many there are.

    """

    instruction: str = PUBLISHED_INSTRUCTION
    demonstrations: Sequence[tuple[str, ...]] = ()
    reasoning: str = ""
    reasoning_tokens: int = 12
    document_first: bool = False

    def __post_init__(self) -> None:
        parts = ("text", "note", "topic word") if self.reasoning else ("text", "topic word")
        for shown in self.demonstrations:
            if len(shown) != len(parts) or not all(isinstance(part, str) and part.strip() for part in shown):
                raise InputError(f"demonstration {shown!r} is not ({', '.join(parts)}), non-empty strings")
        if self.reasoning_tokens < 1:
            raise InputError(f"reasoning_tokens is {self.reasoning_tokens}; give at least 1")
        object.__setattr__(self, "demonstrations", tuple(map(tuple, self.demonstrations)))

    @classmethod
    def described(cls, description: dict[str, Any]) -> "Prompt":
        """The prompt of a description."""
        shown = tuple(map(tuple, description["demonstrations"]))
        return cls(
            **{name: value for name, value in description.items() if name != "demonstrations"}, demonstrations=shown
        )

    @property
    def description(self) -> dict[str, Any]:
        """The prompt as plain values."""
        return asdict(self) | {"demonstrations": [list(shown) for shown in self.demonstrations]}

    @property
    def prefix(self) -> str:
        """Everything up to the document, without the space before it."""
        shown = [
            f"Document: {text}{self.cue}{''.join(f' {note}' for note in notes)}{self.suffix} {word}"
            for text, *notes, word in self.demonstrations
        ]
        first = [] if self.document_first else [self.instruction]
        return "\n\n".join([*first, *shown, "Document:"])

    @property
    def cue(self) -> str:
        """Everything between the document and the note the language model writes; "" where it writes none."""
        return f"{self._asked}\n\n{self.reasoning}" if self.reasoning else ""

    @property
    def suffix(self) -> str:
        """Everything after the document, or after the note; the topic word is expected next."""
        return "\n\nTopic:" if self.reasoning else f"{self._asked}\n\nTopic:"

    @property
    def _asked(self) -> str:
        return f"\n\n{self.instruction}" if self.document_first else ""

    def render(self, document: str, note: str = "") -> str:
        """The whole prompt for one document, and the note written on it."""
        return f"{self.prefix} {document}{self.cue}{f' {note}' if note else ''}{self.suffix}"

    @property
    def fingerprint(self) -> str:
        noted = [self.cue, str(self.reasoning_tokens)] if self.reasoning else []
        return fingerprint_strings([self.prefix, self.suffix, *noted])


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

    Also `reasoning` (then each demonstration has a `note`), `reasoning_tokens` and `document_first`.

    Raises InputError where the file is missing or holds anything else.
    """
    expected = 'expected instruction = "..." and [[demonstrations]] with text and topic'
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"prompt file {path} cannot be read ({error}); give a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"prompt file {path} is not TOML ({error}); {expected}") from None
    shown = given.pop("demonstrations", [])
    wrong = [name for name, value in given.items() if type(value) is not _VALUES.get(name)]
    if wrong or "instruction" not in given or not isinstance(shown, list):
        found = [*given, *(["demonstrations"] if shown else [])]
        raise InputError(f"prompt file {path} holds {', '.join(sorted(found)) or 'nothing'}; {expected}")
    parts = ("text", "note", "topic") if given.get("reasoning") else ("text", "topic")
    if not all(isinstance(one, dict) and set(one) == set(parts) and _strings(one) for one in shown):
        raise InputError(f"prompt file {path} has a demonstration without {' and '.join(parts)}; {expected}")
    return Prompt(**given, demonstrations=tuple(tuple(one[part] for part in parts) for one in shown))


# What a prompt file may hold beside demonstrations.
_VALUES = {"instruction": str, "reasoning": str, "reasoning_tokens": int, "document_first": bool}


def _strings(given: dict) -> bool:
    return all(isinstance(value, str) for value in given.values())
