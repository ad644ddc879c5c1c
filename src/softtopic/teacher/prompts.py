"""Prompts: an instruction, demonstrations, and where the document goes."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from softtopic.data.corpus import fingerprint_strings
from softtopic.data.language_names import ENGLISH
from softtopic.errors import InputError, check_whole
from softtopic.teacher.prompt_texts import PROMPT_LANGUAGES, TEXTS


def check_prompt_language(language: str) -> None:
    """Raise InputError for a language that has no predefined prompts."""
    if language not in PROMPT_LANGUAGES:
        raise InputError(f"there are no prompts in {language!r}; choose one of {', '.join(PROMPT_LANGUAGES)}")


@dataclass(frozen=True)
class Prompt:
    """Prompt with which the language model reads a document.

    The text is ``{instruction}``, the demonstrations, then ``Document: {document}`` and ``Topic:`` (in the language of
    the prompt), separated by blank lines. Everything before the document is read once and cached, so demonstrations
    cost nothing per document.

    Parameters
    ----------
    instruction : str
        The task. Default: the instruction of the published method.
    demonstrations : sequence of tuples of str, default ()
        Worked examples, pairs (text, topic word); with `rationale`, triples (text, rationale, topic word).
    rationale : str, default ""
        Beginning of a line that the language model completes before it names the topic, such as ``"Keywords:"``;
        empty for no such line.
    rationale_tokens : int, default 12
        Maximum number of tokens generated for that line.
    document_first : bool, default False
        Put the instruction after the document. Prompts of this kind without demonstrations share one reading of each
        document, however many there are.
    from_corpus : bool, default False
        Whether the demonstrations are documents of the corpus being modelled. Such a prompt holds private text; it
        compares equal to, and has the fingerprint of, the same prompt from another source.
    language : str, default "en"
        Code of the language of the labels "Document:" and "Topic:", one of `PROMPT_LANGUAGES`.

    Raises
    ------
    InputError
        If a demonstration has empty or missing parts, `rationale_tokens` is below 1, or there are no labels in that
        language.

    Examples
    --------
    >>> prompt = Prompt("Name the topic.", [("My sourdough starter smells of acetone.", "baking")])
    >>> print(prompt.render("Two SQL tables"))
    Name the topic.
    <BLANKLINE>
    Document: My sourdough starter smells of acetone.
    <BLANKLINE>
    Topic: baking
    <BLANKLINE>
    Document: Two SQL tables
    <BLANKLINE>
    Topic:
    """

    instruction: str = TEXTS[ENGLISH].published
    demonstrations: Sequence[tuple[str, ...]] = ()
    rationale: str = ""
    rationale_tokens: int = 12
    document_first: bool = False
    from_corpus: bool = field(default=False, compare=False)
    language: str = ENGLISH

    def __post_init__(self) -> None:
        parts = ("text", "rationale", "topic word") if self.rationale else ("text", "topic word")
        for example in self.demonstrations:
            if len(example) != len(parts) or not all(isinstance(part, str) and part.strip() for part in example):
                raise InputError(f"demonstration {example!r} is not ({', '.join(parts)}), non-empty strings")
        check_whole("rationale_tokens", self.rationale_tokens, 1)
        check_prompt_language(self.language)
        object.__setattr__(self, "demonstrations", tuple(map(tuple, self.demonstrations)))

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> "Prompt":
        """The prompt of a `description`, of this or an earlier version."""
        values: dict[str, Any] = {_EARLIER_KEYS.get(key, key): value for key, value in description.items()}
        values["demonstrations"] = tuple(map(tuple, description["demonstrations"]))
        prompt = cls(**values)
        if "from_corpus" in description:
            return prompt
        # Earlier versions did not record it. Demonstrations that are not ours may be documents.
        return replace(prompt, from_corpus=bool(prompt.demonstrations) and prompt not in PROMPTS.values())

    @property
    def description(self) -> dict[str, Any]:
        """The prompt as JSON values; see `from_description`."""
        return asdict(self) | {"demonstrations": [list(example) for example in self.demonstrations]}

    @property
    def prefix(self) -> str:
        """Text before the document, without the space that separates them."""
        if self.from_corpus and not self.demonstrations:
            raise InputError(
                "the language model was shown documents that were not saved with the model; fit it again, or save it "
                "with excerpts=True"
            )
        label = TEXTS[self.language].document
        examples = [
            f"{label} {text}{self.cue}{''.join(f' {part}' for part in rationale)}{self.suffix} {word}"
            for text, *rationale, word in self.demonstrations
        ]
        return "\n\n".join([*([] if self.document_first else [self.instruction]), *examples, label])

    @property
    def cue(self) -> str:
        """Text between the document and the rationale; empty where no rationale is generated."""
        return f"{self._instruction_after}\n\n{self.rationale}" if self.rationale else ""

    @property
    def suffix(self) -> str:
        """Text after the document, or after the rationale; the topic word comes next."""
        label = f"\n\n{TEXTS[self.language].topic}"
        return label if self.rationale else f"{self._instruction_after}{label}"

    @property
    def _instruction_after(self) -> str:
        return f"\n\n{self.instruction}" if self.document_first else ""

    def render(self, document: str, rationale: str = "") -> str:
        """The whole prompt for one document, with the rationale generated for it."""
        return f"{self.prefix} {document}{self.cue}{f' {rationale}' if rationale else ''}{self.suffix}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything the language model reads."""
        rationale = [self.cue, str(self.rationale_tokens)] if self.rationale else []
        return fingerprint_strings([self.prefix, self.suffix, *rationale])


def predefined_prompts(language: str = ENGLISH) -> dict[str, Prompt]:
    """The predefined prompts in one of `PROMPT_LANGUAGES`, by name.

    Raises
    ------
    InputError
        If there are none in that language.

    Examples
    --------
    >>> print(predefined_prompts("de")["theme"].render("Zwei Tabellen in SQL"))
    Nenne das zentrale Thema des Dokuments.
    <BLANKLINE>
    Dokument: Zwei Tabellen in SQL
    <BLANKLINE>
    Thema:
    """
    check_prompt_language(language)
    texts = TEXTS[language]
    examples = tuple(zip(texts.texts, texts.words, strict=True))
    return {
        "published": Prompt(texts.published, language=language),
        "theme": Prompt(texts.theme, language=language),
        "single-label": Prompt(texts.single_label, language=language),
        "tag": Prompt(texts.tag, language=language),
        "four-shot": Prompt(texts.four_shot, examples, language=language),
    }


PROMPTS: dict[str, Prompt] = predefined_prompts()


def in_language(prompt: Prompt, language: str) -> Prompt:
    """A predefined prompt in another of `PROMPT_LANGUAGES`; any other prompt as it is."""
    name = next((name for name, one in predefined_prompts(prompt.language).items() if one == prompt), None)
    return prompt if name is None else predefined_prompts(language)[name]


def get_prompt(name: str) -> Prompt:
    """A predefined prompt by name, or the prompt of a TOML file.

    Parameters
    ----------
    name : str
        A key of `PROMPTS`, or a path that ends in ``.toml`` (see `read_prompt`).

    Raises
    ------
    InputError
        If there is no such prompt.
    """
    if name.endswith(".toml"):
        return read_prompt(name)
    if name not in PROMPTS:
        raise InputError(f"prompt {name!r} is not known; choose one of {', '.join(PROMPTS)}, or give a .toml file")
    return PROMPTS[name]


def read_prompt(path: str | Path) -> Prompt:
    """Read a prompt from a TOML file.

    Parameters
    ----------
    path : str or Path
        A file with ``instruction`` and any number of ``[[demonstrations]]``, each with ``text`` and ``topic``;
        optionally ``rationale`` (then each demonstration has a ``rationale``), ``rationale_tokens``, ``document_first``
        and ``language``.

    Raises
    ------
    InputError
        If the file cannot be read or holds anything else.
    """
    expected = 'expected instruction = "..." and [[demonstrations]] with text and topic'
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"prompt file {path} cannot be read ({error}); give a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"prompt file {path} is not TOML ({error}); {expected}") from None
    examples = values.pop("demonstrations", [])
    unknown = [name for name, value in values.items() if type(value) is not _FILE_TYPES.get(name)]
    if unknown or "instruction" not in values or not isinstance(examples, list):
        names = [*values, *(["demonstrations"] if examples else [])]
        raise InputError(f"prompt file {path} holds {', '.join(sorted(names)) or 'nothing'}; {expected}")
    parts = ("text", "rationale", "topic") if values.get("rationale") else ("text", "topic")
    types = dict.fromkeys(parts, str)
    if not all(isinstance(one, dict) and {name: type(part) for name, part in one.items()} == types for one in examples):
        raise InputError(f"prompt file {path} has a demonstration without {' and '.join(parts)}; {expected}")
    return Prompt(**values, demonstrations=tuple(tuple(one[part] for part in parts) for one in examples))


# What a prompt file may hold beside demonstrations.
_FILE_TYPES = {"instruction": str, "rationale": str, "rationale_tokens": int, "document_first": bool, "language": str}

# Keys of descriptions written by earlier versions.
_EARLIER_KEYS = {"reasoning": "rationale", "reasoning_tokens": "rationale_tokens"}
