"""Commands that apply a model: `topics`, `transform`, `search`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from softtopic.cli.building import read_documents
from softtopic.cli.options import Device, DocumentOptions, File, Format, Id, Json, Model, Quiet, Text
from softtopic.cli.output import print_json, print_table, print_topics, show_messages, topic_records


def topics(
    model: Model,
    words: Annotated[int, typer.Option("--words", help="Number of words of each topic.")] = 10,
    as_json: Json = False,
) -> None:
    """Print the topics of a model, largest first."""
    from softtopic.model import TopicModel

    loaded = TopicModel.load(model)
    if as_json:
        print_json({"topics": topic_records(loaded, words)})
    else:
        print_topics(loaded, words)


def transform(
    model: Model,
    file: File,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write: .parquet, .csv or .jsonl; default: JSON lines on standard output."),
    ] = None,
    text: Text = "text",
    id: Id = None,
    format: Format = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Compute the topic mixtures of documents, old or new."""
    from softtopic.data.writers import table_writer, write_jsonl, write_table
    from softtopic.model import TopicModel

    show_messages(quiet)
    if out is not None:
        table_writer(out)
    loaded = TopicModel.load(model, device=device)
    corpus = read_documents(file, DocumentOptions(text=text, id=id, format=format))
    loaded.progress = not quiet
    theta = loaded.transform(corpus)
    columns = {"id": corpus.ids, "topic": theta.argmax(axis=1), "theta": theta}
    if out is None:
        write_jsonl(columns, sys.stdout.buffer)
        return
    write_table(out, columns)
    print(f"{len(theta)} mixtures of {theta.shape[1]} topics are in {out}.")


def search(
    model: Model,
    query: Annotated[str, typer.Argument(help="A word or a text.")],
    k: Annotated[int, typer.Option("-k", help="Number of documents.")] = 10,
    as_json: Json = False,
) -> None:
    """Find the documents of a model whose topic mixtures are nearest to a query's."""
    from softtopic.model import TopicModel

    loaded = TopicModel.load(model)
    loaded.progress = False  # a bar for one query says nothing
    hits = loaded.search(query, k)
    if as_json:
        records = json.loads(hits.rename(columns=str.lower).to_json(orient="records") or "[]")
        print_json({"query": query, "hits": records})
        return
    names = loaded.topics.names()
    rows = [
        [f"{hit.Divergence:.3f}", str(hit.Id), names[int(hit.Topic)], str(hit.Text)]  # type: ignore[arg-type]
        for hit in hits.itertuples()
    ]
    print_table(["divergence", "id", "topic", "text"], rows)
