"""Options that several commands share, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[str, typer.Argument(help="Documents: jsonl, csv, tsv, parquet or txt, also .gz; - is standard input.")]
Model = Annotated[Path, typer.Argument(help="A model folder.")]
Text = Annotated[str, typer.Option("--text", help="Column of the texts.")]
Label = Annotated[str | None, typer.Option("--label", help="Column of labels, for evaluation alone.")]
Id = Annotated[str | None, typer.Option("--id", help="Column of ids.")]
Format = Annotated[str | None, typer.Option("--format", help="jsonl, csv, tsv, parquet or txt; default: by the name.")]
Lm = Annotated[
    str, typer.Option("--lm", help="smollm2-135m, a folder, a GGUF file, a Hugging Face id, or a server's URL.")
]
LmModel = Annotated[str | None, typer.Option("--lm-model", help="Name of the model, for a server.")]
LmProbs = Annotated[int, typer.Option("--lm-probs", help="Log probabilities to ask a server for.")]
Vectors = Annotated[str | None, typer.Option("--vectors", help="URL of a server of embeddings; default: that of --lm.")]
PromptNames = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt",
        help="published, theme, single-label, tag, four-shot, or a TOML file; given several times: their mean. "
        "Default: the recipe's.",
    ),
]
Demonstrations = Annotated[
    str | None,
    typer.Option("--demonstrations", help="auto: show examples chosen for the corpus; none. Default: the recipe's."),
]
Sample = Annotated[
    str | None,
    typer.Option(
        "--sample", help="Share that the language model reads, e.g. 20%; what it would say of others is predicted."
    ),
]
Truncation = Annotated[
    str | None,
    typer.Option(
        "--truncation", help="What is read of longer documents: head, head-tail, windows (their mixture), windows-3."
    ),
]
BeamWidth = Annotated[
    int | None,
    typer.Option("--beam-width", help="Score whole words, following so many first tokens; 0: first tokens alone."),
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", help="Longer documents are truncated to so many tokens; default: the recipe's."),
]
Words = Annotated[str, typer.Option("--vocabulary", help="How many words topics are made of, or a file of words.")]
Language = Annotated[str, typer.Option("--language", help="Whose stop words to leave out; none keeps all.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Dtype = Annotated[str, typer.Option("--dtype", help="auto, bfloat16, float16, float32 or int8.")]
Calibration = Annotated[
    str | None, typer.Option("--calibration", help="none, corpus or content-free: the prior over words taken off.")
]
Strength = Annotated[float | None, typer.Option("--strength", help="How much of it, 0 to 2.")]
Recipe = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="default, light (no sentence encoder), paper (as published), or a bag-of-words model, e.g. etm.",
    ),
]
Backbone = Annotated[
    str | None, typer.Option("--backbone", help="plsa, prodlda, etm, ecrtm or fastopic; default: the recipe's.")
]
Inputs = Annotated[
    str | None,
    typer.Option(
        "--inputs", help="hidden, embedding, words, tf-idf, bow, or e.g. embedding+words; default: the recipe's."
    ),
]
Target = Annotated[str | None, typer.Option("--target", help="soft, bow or soft+bow; default: the recipe's.")]
Topics = Annotated[int, typer.Option("--topics", help="Number of topics.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No messages and no progress bars.")]
