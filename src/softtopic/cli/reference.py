"""What the help and docs/command-line.md say of a command beside its options: heading, examples, keys of its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Headings of commands, in the order of the help.
PANELS = ("Fit and update", "Look at a model", "Change a model", "Draw, write and share", "Measure", "Files")
FIT, LOOK, CHANGE, SHARE, MEASURE, FILES = PANELS

EXIT_CODES = {
    0: "done",
    1: "an unexpected error (SOFTTOPIC_DEBUG=1 shows where), or cells of a bench that failed",
    2: "wrong use or bad input; one line on standard error names what was given, what was expected and the next step",
    130: "stopped by Ctrl-C; the line says what is kept",
    143: "stopped by SIGTERM, in the same way",
}

_TOPICS = "topics, largest first: topic, count, name, words, representative_documents"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is said of a command.

    Attributes
    ----------
    panel : str
        Heading of its group of commands.
    examples : tuple of str
        Command lines that work as they are, given the files.
    keys : mapping of str to str
        Each key of the object that --json prints, with its meaning.
    """

    panel: str
    examples: tuple[str, ...]
    keys: Mapping[str, str] = field(default_factory=dict)


_PLAN = {
    "plan": "with --dry-run: lines of the plan",
    "reading": "with --dry-run: documents, distinct, tokens, seconds, bytes of the language model's reading, or null",
}

REFERENCES: dict[str, Reference] = {
    "fetch": Reference(
        panel=FILES,
        examples=("softtopic fetch smollm2-135m all-minilm-l6-v2 20newsgroups",),
        keys={"fetched": "what was asked for: name, path"},
    ),
    "demo": Reference(
        panel=FIT,
        examples=("softtopic demo --topics 20 --out demo-model/",),
        keys={"model": "the folder", "topics": _TOPICS, "evaluation": "agreement with the newsgroups"},
    ),
    "teach": Reference(
        panel=FIT,
        examples=(
            "softtopic teach posts.csv --text body --out features/",
            "softtopic teach posts.csv --text body --dry-run",
        ),
        keys={"features": "the folder", "distinct": "number of documents read", **_PLAN},
    ),
    "encode": Reference(
        panel=FIT,
        examples=(
            "softtopic encode posts.parquet --text body --out vectors/",
            'softtopic encode "s3://bucket/posts/*.parquet" --out vectors/ --engine ray --address auto',
        ),
        keys={
            "out": "the folder",
            "documents": "rows of all parts",
            "rejected": "documents that could not be computed",
            "parts": "number of parts",
        },
    ),
    "fit": Reference(
        panel=FIT,
        examples=(
            "softtopic fit posts.csv --text body --topics 50 --out model/",
            "softtopic fit posts.csv --text body --topics auto --fast --preview",
            "softtopic fit may.csv --text body --like model/ --out may/",
            "softtopic fit parts/ --text body --fit-on 100000 --fast --out model/",
        ),
        keys={
            "model": "the folder",
            "topics": _TOPICS,
            "evaluation": "agreement with --label, or null",
            "selection": "with --topics auto: how the number was chosen",
            "changes": "with --like: change, topic_a, name_a, share_a, topic_b, name_b, share_b, similarity",
            **_PLAN,
        },
    ),
    "update": Reference(
        panel=FIT,
        examples=("softtopic update model/ june.csv --text body --in-place",),
        keys={
            "model": "the folder",
            "documents": "number of new documents",
            "topics": _TOPICS,
            "changes": "as of fit --like",
        },
    ),
    "topics": Reference(
        panel=LOOK,
        examples=(
            "softtopic topics model/",
            "softtopic topics model/ --words 15 --out topics.xlsx",
            "softtopic topics model/ --language de",
        ),
        keys={
            "topics": _TOPICS,
            "hierarchy": "with --tree, instead: level, topic, parent, topics, count, name, words",
            "out": "with --out: the file",
        },
    ),
    "info": Reference(
        panel=LOOK,
        examples=("softtopic info model/",),
        keys={
            "model": "the folder",
            "softtopic": "version that reads it",
            "documents": "number of documents",
            "all_documents": "after fit --fit-on: number of documents that have mixtures; otherwise null",
            "topics": "number of topics, after edits",
            "edits": "number of edits",
            "settings": "the table of the model card: vocabulary, topic model, inputs, language model, …",
            "plan": "lines of the plan of the fit",
        },
    ),
    "documents": Reference(
        panel=LOOK,
        examples=("softtopic documents model/ --topic 3 --limit 10", "softtopic documents model/ --out documents.csv"),
        keys={
            "documents": "document (row number), id, text (its beginning), topic, name, probability, novelty",
            "out": "with --out: the file",
        },
    ),
    "transform": Reference(
        panel=LOOK,
        examples=(
            "softtopic transform model/ new.jsonl --out theta.parquet",
            "softtopic transform model/ new.csv --text body --keep-columns --out new-with-topics.csv",
            "softtopic transform model/ new.jsonl --out - | head",
            "softtopic transform model/ posts/*.parquet --out topics/",
            "cat huge.jsonl | softtopic transform model/ - --out theta.jsonl --resume",
        ),
        keys={
            "topics": "numbers of the topics, in the order of the mixtures",
            "documents": "without --out: id, topic, theta and the columns asked for; with it: their number",
            "out": "with --out: the file or folder",
            "parts": "with --out FOLDER/: number of Parquet parts",
        },
    ),
    "index": Reference(
        panel=LOOK,
        examples=("softtopic index model/", "softtopic index model/ --approximate"),
        keys={
            "index": "the folder",
            "documents": "number of documents",
            "metric": "the distance",
            "recall": "share of the ten exact nearest neighbours that are found, or null where all are",
        },
    ),
    "search": Reference(
        panel=LOOK,
        examples=(
            'softtopic search model/ "rocket launch" -k 5',
            'softtopic search model/ "rocket launch" --index',
            'softtopic search model/ "rocket launch" --method hybrid',
        ),
        keys={
            "query": "the query",
            "novelty": "share of the model's documents that are nearer to a topic than the query is, or null",
            "hits": "document (row number), id, divergence or, with --method, score, topic, text (its beginning)",
        },
    ),
    "explain": Reference(
        panel=LOOK,
        examples=('softtopic explain model/ "The rocket was launched. The team lost again."',),
        keys={"sentences": "sentence, topic, name, share, words"},
    ),
    "trends": Reference(
        panel=LOOK,
        examples=(
            "softtopic trends model/ --bins month",
            "softtopic trends model/ posts.csv --text body --time date --out trends.csv",
        ),
        keys={
            "trends": "topic, name, trend (rising, falling or empty), early, late, statistic, p, adjusted_p",
            "periods": "topic, name, bin_start, count, share, low, high, words",
        },
    ),
    "groups": Reference(
        panel=LOOK,
        examples=(
            "softtopic groups model/ posts.csv --text body --by party --top 3",
            "softtopic groups model/ posts.csv --text body",
        ),
        keys={"groups": "topic, name, class, count, share, low, high, ratio, p, adjusted_p, words"},
    ),
    "compare": Reference(
        panel=LOOK,
        examples=("softtopic compare april/ may/", "softtopic compare april/ may/ --baseline april-seed-1/"),
        keys={
            "threshold": "similarity from which topics are the same",
            "changes": "change, topic_a, name_a, share_a, topic_b, name_b, share_b, similarity",
        },
    ),
    "edit": Reference(
        panel=CHANGE,
        examples=(
            'softtopic edit model/ --merge 3,17 --rename "3=Formula 1"',
            "softtopic edit model/ --undo",
            "softtopic edit model/ --suggest",
        ),
        keys={
            "topics": _TOPICS,
            "edits": "number of edits in the model",
            "suggestions": "with --suggest: options, reason",
        },
    ),
    "name": Reference(
        panel=CHANGE,
        examples=("softtopic name model/", "softtopic name words.txt --json"),
        keys={"topics": "topic, name, words"},
    ),
    "plot": Reference(
        panel=SHARE,
        examples=(
            "softtopic plot model/ --kind documents --out map.html",
            "softtopic plot model/ --kind over-time --bins month --out trend.svg",
        ),
        keys={"kind": "what was drawn", "out": "the file"},
    ),
    "report": Reference(
        panel=SHARE,
        examples=("softtopic report model/ --out topics.html",),
        keys={"out": "the file", "bytes": "its size"},
    ),
    "serve": Reference(
        panel=SHARE,
        examples=("softtopic serve model/ --open", "softtopic serve model/ --port 8080 --read-only"),
        keys={"url": "address of the page, printed when it is ready"},
    ),
    "export": Reference(
        panel=SHARE,
        examples=(
            "softtopic export model/ --out topics.xlsx",
            "softtopic export model/ posts.csv --by party --time date --out tables/ --tables parquet",
            "softtopic export model/ --out topics.graphml",
        ),
        keys={"out": "the file or folder", "tables": "each table with its number of rows"},
    ),
    "evaluate": Reference(
        panel=MEASURE,
        examples=(
            "softtopic evaluate model/ posts.csv --text body --label group",
            "softtopic evaluate model/ posts.csv --text body --reference wiki.txt",
        ),
        keys={
            "topic_diversity": "and the other measures of docs/metrics.md by their names, each a number",
            "coherence": "with --reference: measure, mean, std, per_topic, …",
            "rating": "with --rate: mean, std, per_topic, lm, …",
        },
    ),
    "bench": Reference(
        panel=MEASURE,
        examples=("softtopic bench --data posts.csv --models default,lda --topics 25,50 --out comparison/",),
        keys={
            "files": "pages with the tables",
            "rows": "corpus, model, setting, cells, failed, seconds, and each measure with mean and std",
            "failed": "cells that failed, with their errors",
        },
    ),
    "cache": Reference(panel=FILES, examples=("softtopic cache ls", "softtopic cache cap 2GB")),
    "cache ls": Reference(
        panel=FILES,
        examples=("softtopic cache ls --json",),
        keys={"folder": "where it is", "bytes": "its size", "entries": "kind, name, bytes, used"},
    ),
    "cache clear": Reference(
        panel=FILES,
        examples=("softtopic cache clear features",),
        keys={"removed": "number of entries", "bytes": "their size"},
    ),
    "cache cap": Reference(
        panel=FILES,
        examples=("softtopic cache cap 2GB",),
        keys={"removed": "number of entries", "bytes": "their size"},
    ),
}


def described(name: str) -> dict[str, Any]:
    """Heading and examples of a command, as typer takes them."""
    found = REFERENCES.get(name)
    if found is None:
        return {}
    lines = ["Examples:" if len(found.examples) > 1 else "Example:", *found.examples]
    return {"rich_help_panel": found.panel, "epilog": "\n\n".join(lines)}


def exit_codes() -> str:
    """One paragraph for the help of the whole program."""
    codes = "; ".join(f"{code} {meaning.partition(';')[0]}" for code, meaning in EXIT_CODES.items())
    return f"Exit codes: {codes}."
