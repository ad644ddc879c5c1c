"""Every number that changes topics is a setting of the recipe; the module constants that remain are listed here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "softtopic"
ROOMS = ("backbones", "data", "graph", "inputs", "pipeline", "retrieval", "teacher", "topics", "training")

# Why a number may stand outside the recipe.
ALLOWED = {
    "bounds memory or time, not the result": {
        "_BLOCK", "_COLUMNS", "_DOCUMENT_BLOCK", "_PAIR_BLOCK", "_MAX_BYTES", "_BATCH_SIZE", "_TOKENIZER_BATCH",
        "CHUNK_ROWS", "TOKENS_PER_BATCH", "CONCURRENT_REQUESTS", "MIN_KEPT", "_TIMED_DOCUMENTS", "_TOKENS_PER_CHUNK",
        "_BYTES_PER_TOKEN", "_CHARACTERS_PER_TOKEN", "_INSPECTED", "_MIN_BATCH_TOKENS",
        "_BATCH_TOKENS", "_MAX_ANSWER_TOKENS", "_BLOCK_SCORES", "_BLOCK_QUERIES", "_BLOCK_ROWS", "_BLOCK_PAIRS",
        "_GROUP", "_PART_ROWS", "_PART_CHARACTERS", "_AHEAD", "_PATIENCE", "_FIRST_BATCH", "_BATCH_SECONDS",
        "_MIN_CHARACTERS", "_READERS",
    },
    "keeps a logarithm, a quotient or a number format finite": {
        "_EPSILON", "_MIN_PROBABILITY", "_MIN_SINGULAR_VALUE", "_MAX_COUNT", "_MAX_SCORE", "_RIDGE", "_FLOAT16_LIMIT",
        "FLOOR", "_LOGIT_BIAS", "_VARIANCE_EPSILON", "_MIN_NORM",
    },
    "how a word may be spelled": {
        "_MIN_LENGTH", "SEGMENTERS", "_MAX_ACRONYM", "_MIN_WORD_LENGTH", "_MAX_FREQUENT_WORDS", "_MIN_FORM_SHARE",
    },
    "what a reader accepts": {
        "_MAX_EXCEL_BYTES", "_MAX_UNPACKED", "_MAX_RATIO", "_MAX_STDIN", "_MAX_LINE", "_FEW", "_HEADER_LINES",
        "_MAX_COLUMNS",
    },
    "what Excel holds": {"_MAX_CELL", "MAX_SHEET_ROWS", "MAX_SHEET_COLUMNS", "_MAX_WHOLE", "_FIRST_YEAR"},
    "words and example documents of a guide": {"_MAX_PHRASE"},
    "which documents are answers without content": {"_MAX_WORDS", "_MAX_LENGTH", "_MIN_COPIES", "_MIN_SHARE"},
    "when a user is warned": {"_FEW_TEXTS", "_FEW_WORDS", "_MIN_DECLARED", "_MIN_SIMILARITY", "_MIN_FOREIGN"},
    "which languages a corpus is in": {
        "MIN_RATIO", "MIN_DOCUMENTS", "_MIN_WORDS", "_MIN_SCRIPT_SHARE", "_N_CHARACTERS", "_N_DOCUMENTS", "_N_STEPS",
    },
    "which languages a language model can write": {"MAX_INFORMATION_RATIO"},
    "edits, proposals and levels after the fit": {
        "N_COMPONENTS", "_MAX_ROWS", "_C", "_N_INIT", "_N_WORDS", "DEFAULT_LEVELS", "_MIN_OVERLAP", "_MIN_JUNK",
        "_N_KEPT", "_DIGITS",
    },
    "versions": {"VERSION"},
    "published constants": {"RANK_CONSTANT"},
    "how the recall of an approximate index is measured": {"_RECALL_QUERIES", "RECALL_AT", "_TIE", "CANDIDATES"},
    "requests to a server": {"_RETRY_CODES", "_FIRST_DELAY", "_MAX_DELAY", "_MIN_PREFIX"},
    "expected cost, for people": {
        "_LM_PARAMETERS", "_ENCODER_PARAMETERS", "_LM_EFFICIENCY", "_ENCODER_EFFICIENCY", "_TRAINING_EFFICIENCY",
        "_GRAPH_EFFICIENCY", "_TOKENS_AFTER", "_MIN_BATCH_ROWS", "_SETUP_SECONDS", "_FIXED_SECONDS", "_BASE_BYTES",
        "_READING_SECONDS", "_DOCUMENT_SECONDS", "_ROW_BYTES",
    },
    "a map, for display": {"_MAP_SAMPLE", "_PERPLEXITY", "_N_ITERATIONS", "_N_NEIGHBOURS"},
    "a preview, never a fit": {"_ENCODING_SECONDS", "_MAX_DOCUMENTS", "_MIN_TOPIC_DOCUMENTS", "_AUTO_TOPICS"},
    "what is displayed": {
        "EXCERPT_LENGTH", "FORMAT_NAMES", "_MAX_SHOWN", "MAX_BINS", "_MIN_WIDTH", "_MAX_WIDTH", "_MEASURED_ROWS",
        "_NAMED",
    },
    "the hash by which a sample is drawn": {"_HASH_BYTES"},
    "intervals and tests after the fit": {
        "LEVEL", "_PRIOR_WORDS", "_MIN_Z", "_MAX_TESTED", "_MIN_PERIODS", "_BASELINE_QUANTILE", "_DISTINCT_QUANTILE",
        "_MIN_THRESHOLD", "_EPOCH_UNITS",
    },
    "the default of a setting": {"MAX_WINDOWS", "VOCABULARY_SIZE"},
}  # fmt: skip
NAMES = set().union(*ALLOWED.values())
FILES = sorted(file for room in ROOMS for file in (SOURCE / room).rglob("*.py"))


def constants(file: Path) -> Iterator[str]:
    """Names of the module's constants that hold a number."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if any(is_number(part) for part in ast.walk(node.value)):
                yield ast.unparse(target)


def is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def fractions_in_functions(file: Path) -> Iterator[str]:
    """Fractions written into the bodies of functions, as `0.3 * x`; 0, 0.5, 1 and the like are no settings."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            for part in (part for statement in node.body for part in ast.walk(statement)):
                value = part.value if isinstance(part, ast.Constant) else None
                # What is smaller or larger keeps a formula finite, or is a unit.
                if isinstance(value, float) and 1e-6 < value < 1e6 and value not in (0.5, 1, 2):
                    yield f"{node.name}: {value}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_tuned_number_stands_outside_the_recipe(file):
    assert [name for name in constants(file) if name not in NAMES] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_tuned_fraction_stands_in_a_function(file):
    allowed = {
        "graph/initial_groups.py": ["softmax_mixtures: 0.01"],  # tolerance of a root
        "backbones/ecrtm.py": ["__init__: 0.1"],  # published standard deviation of initial embeddings
        "backbones/fastopic.py": ["__init__: 0.1"],
    }
    assert list(fractions_in_functions(file)) == allowed.get(str(file.relative_to(SOURCE)), [])


def test_the_list_of_constants_has_no_stale_names():
    held = {name for file in FILES for name in constants(file)}
    assert NAMES - held == set()
