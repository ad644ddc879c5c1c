"""Options that several commands share, each with its help, and groups of them that travel as one value."""

import functools
import inspect
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

import typer
from typer.models import OptionInfo

from softtopic.data.formats import FORMAT_NAMES

# Groups of options in the help of a command.
DOCUMENTS, WORDS, LANGUAGE_MODEL, RECIPE = "Documents", "Words", "Language model", "Recipe"
REFERENCE, OUTPUT = "Reference corpus", "Output"

# Options that name a column.
_COLUMN_OPTIONS = ("--text", "--id", "--label", "--by", "--time", "--reference-text")

# The next step where an interrupted command is not simply run again.
ADD_RESUME = "add --resume to continue"

File = Annotated[str, typer.Argument(help=f"Documents: {FORMAT_NAMES}, also with .gz; - is standard input.")]
_FILES_HELP = f"Documents: {FORMAT_NAMES}, also with .gz; several files, or folders of them; - is standard input."
Files = Annotated[list[str], typer.Argument(help=_FILES_HELP)]
FilesIfAny = Annotated[list[str] | None, typer.Argument(help=f"{_FILES_HELP} Not needed with --features.")]
SkipInvalid = Annotated[
    bool,
    typer.Option(
        "--skip-invalid",
        help="When documents are read as a stream, skip lines that cannot be read as documents.",
        rich_help_panel=DOCUMENTS,
    ),
]
Model = Annotated[Path, typer.Argument(help="Model folder.")]
Text = Annotated[str, typer.Option("--text", help="Column with the texts.", rich_help_panel=DOCUMENTS)]
Id = Annotated[str | None, typer.Option("--id", help="Column with ids.", rich_help_panel=DOCUMENTS)]
Label = Annotated[
    str | None, typer.Option("--label", help="Column with labels, for evaluation alone.", rich_help_panel=DOCUMENTS)
]
Time = Annotated[
    str | None,
    typer.Option("--time", help="Column with the times: ISO dates, epoch numbers or years.", rich_help_panel=DOCUMENTS),
]
TimeFormat = Annotated[
    str | None,
    typer.Option(
        "--time-format", help="Format of other times, as in strptime, e.g. %d/%m/%Y.", rich_help_panel=DOCUMENTS
    ),
]
LabelIfAny = Annotated[
    str | None,
    typer.Option("--label", help="Column with labels; default: label, where there is one.", rich_help_panel=DOCUMENTS),
]
Format = Annotated[
    str | None, typer.Option("--format", help=f"{FORMAT_NAMES}; default: by the file name.", rich_help_panel=DOCUMENTS)
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        help="Separator of fields: one character, or tab; default: recognised.",
        rich_help_panel=DOCUMENTS,
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="Encoding of the file, e.g. cp1252; default: UTF-8, or as marked.", rich_help_panel=DOCUMENTS
    ),
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder with sample corpora.", rich_help_panel=DOCUMENTS)
]
Lm = Annotated[
    str,
    typer.Option(
        "--lm",
        help="Language model: smollm2-135m, a folder, a GGUF file, a Hugging Face id or a server.",
        rich_help_panel=LANGUAGE_MODEL,
    ),
]
LmModel = Annotated[
    str | None, typer.Option("--lm-model", help="Name of the model on the server.", rich_help_panel=LANGUAGE_MODEL)
]
LmProbs = Annotated[
    int,
    typer.Option(
        "--lm-probs", help="Number of log probabilities to request from a server.", rich_help_panel=LANGUAGE_MODEL
    ),
]
Language = Annotated[
    str,
    typer.Option(
        "--language",
        help="auto detects it; a name or code such as de, several as de,fr; none keeps stop words.",
        rich_help_panel=WORDS,
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.", rich_help_panel=LANGUAGE_MODEL)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan and its expected cost; write nothing.", rich_help_panel=OUTPUT)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a model even if it has edits.", rich_help_panel=OUTPUT)
]
Topics = Annotated[int, typer.Option("--topics", help="Number of topics.")]
TopicsOrAuto = Annotated[str, typer.Option("--topics", help="Number of topics, or auto to choose it.")]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help="Reference corpus for topic coherence: a file.", rich_help_panel=REFERENCE),
]
ReferenceText = Annotated[
    str, typer.Option("--reference-text", help="Column with the texts of the reference.", rich_help_panel=REFERENCE)
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on standard output and nothing else.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Suppress messages and progress bars.", rich_help_panel=OUTPUT)]


@dataclass(frozen=True)
class DocumentOptions:
    """How a file of documents is read."""

    panel: ClassVar[str] = DOCUMENTS

    text: Text = "text"
    label: Label = None
    id: Id = None
    format: Format = None
    time: Time = None
    time_format: TimeFormat = None
    delimiter: Delimiter = None
    encoding: Encoding = None


@dataclass(frozen=True)
class VocabularyOptions:
    """The words of the topics."""

    panel: ClassVar[str] = WORDS

    vocabulary: Annotated[
        str | None,
        typer.Option("--vocabulary", help="Number of words in the vocabulary, or a file of words; default: 2000."),
    ] = None
    language: Language = "auto"
    min_df: Annotated[
        str | None,
        typer.Option(
            "--min-df", help="Leave out words in fewer distinct documents: a number, or a share as 1%; default: 2."
        ),
    ] = None
    max_df: Annotated[
        str | None,
        typer.Option(
            "--max-df", help="Leave out words in more distinct documents: a number, or a share as 40%; default: 50%."
        ),
    ] = None
    keep_markup: Annotated[
        bool, typer.Option("--keep-markup", help="Count parts of links, HTML tags, entities and @names as words.")
    ] = False


@dataclass(frozen=True)
class TeacherOptions:
    """The language model, and what it reads."""

    panel: ClassVar[str] = LANGUAGE_MODEL

    lm: Annotated[
        str | None,
        typer.Option(
            "--lm",
            help="Language model: smollm2-135m, encoder (a sentence encoder in its place), auto (by the language of "
            "the documents, the default), a folder, a GGUF file, a Hugging Face id or a server.",
        ),
    ] = None
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            help="Prompt: published, theme, single-label, tag, four-shot, or a TOML file; the soft labels of several "
            "are averaged. Default: the recipe's.",
        ),
    ] = None
    prompt_language: Annotated[
        str | None,
        typer.Option(
            "--prompt-language",
            help="Language of the prompts that are given by name; default: that of the documents, English with "
            "smollm2-135m.",
        ),
    ] = None
    demonstrations: Annotated[
        str | None,
        typer.Option(
            "--demonstrations",
            help="Few-shot examples: auto selects them from the documents, without labels; none uses none. Default: "
            "the recipe's.",
        ),
    ] = None
    beam_width: Annotated[
        int | None,
        typer.Option(
            "--beam-width", help="First tokens to follow for scoring whole words; 0 scores first tokens only."
        ),
    ] = None
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", help="Maximum number of tokens read of a document; default: the recipe's."),
    ] = None
    truncation: Annotated[
        str | None,
        typer.Option(
            "--truncation",
            help="Part read of longer documents: head, head-tail, windows (chunks, averaged), windows-3 (up to 3).",
        ),
    ] = None
    sample: Annotated[
        str | None,
        typer.Option(
            "--sample", help="Share of the documents that are read, e.g. 20%; soft labels of the others are predicted."
        ),
    ] = None
    lm_model: LmModel = None
    lm_probs: LmProbs = 1000
    vectors: Annotated[
        str | None, typer.Option("--vectors", help="URL of a server of embeddings; default: that of --lm.")
    ] = None
    device: Device = "auto"
    dtype: Annotated[str, typer.Option("--dtype", help="auto, bfloat16, float16, float32 or int8.")] = "auto"


@dataclass(frozen=True)
class RecipeOptions:
    """The recipe, and what differs from it."""

    panel: ClassVar[str] = RECIPE

    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="default, fast (a first look, and large corpora), light (no sentence encoder), paper (as published), "
            "or a bag-of-words model, e.g. etm.",
        ),
    ] = None
    fast: Annotated[
        bool, typer.Option("--fast", help="Short for --recipe fast: a first look, or very many documents.")
    ] = False
    guide: Annotated[
        list[str] | None,
        typer.Option(
            "--guide", help="Topic named in advance, NAME=WORD,WORD,... or NAME alone; give one option for each topic."
        ),
    ] = None
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", help="Topic model: plsa, prodlda, etm, ecrtm or fastopic; default: the recipe's."),
    ] = None
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs",
            help="Inputs of the topic model: hidden, embedding, static, words, tf-idf, bow, normalised-bow, or "
            "several, e.g. embedding+words; default: the recipe's.",
        ),
    ] = None
    target: Annotated[
        str | None,
        typer.Option("--target", help="Training target: soft, bow or soft+bow; default: the recipe's."),
    ] = None
    calibration: Annotated[
        str | None,
        typer.Option(
            "--calibration", help="Prior over words to subtract: none, corpus or content-free; default: the recipe's."
        ),
    ] = None
    strength: Annotated[
        float | None, typer.Option("--strength", help="Factor of that prior, 0 to 2; default: the recipe's.")
    ] = None
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, metavar="<int>", help="Random seed.")] = 0
    word_vectors: Annotated[
        Path | None, typer.Option("--word-vectors", help="File of initial word embeddings of etm and ecrtm.")
    ] = None


def option_of_column(message: str, arguments: Sequence[str]) -> str:
    """The option by which the column was chosen that a message of a missing one names.

    Examples
    --------
    >>> option_of_column("a.csv has no column 'day'; it has: text", ["trends", "m", "a.csv", "--time", "day"])
    '--time'
    """
    words = [word for argument in arguments for word in argument.split("=", 1)]
    for option, value in pairwise(words):
        if option in _COLUMN_OPTIONS and f"no column {value!r};" in message:
            return option
        if option == "--reference" and message.startswith(value):
            return "--reference-text"
    return "--text"


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of its groups: a parameter annotated with a dataclass becomes the fields of it.

    typer makes an option of each parameter of a function; some commands have thirty of them.
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            group = groups[parameter.name]
            panel = getattr(group, "panel", None)
            types = {name: _in_panel(hint, panel) for name, hint in get_type_hints(group, include_extras=True).items()}
            defaults = {field.name: field.default for field in fields(group)}
        else:
            types, defaults = {parameter.name: hints[parameter.name]}, {parameter.name: parameter.default}
        parameters += [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[name])
            for name, default in defaults.items()
        ]

    @functools.wraps(command)
    def flat(**options: Any) -> None:
        made = {
            name: group(**{field.name: options.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**options, **made)

    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return flat


def _in_panel(hint: Any, panel: str | None) -> Any:
    """The annotation of an option, which the help shows under this heading unless it has another one."""
    if not hasattr(hint, "__metadata__"):
        return hint
    kind, *notes = get_args(hint)
    shown = []
    for note in map(copy, notes):
        if isinstance(note, OptionInfo) and note.rich_help_panel is None:
            note.rich_help_panel = panel
        shown.append(note)
    return Annotated[(kind, *shown)]  # type: ignore[return-value]
