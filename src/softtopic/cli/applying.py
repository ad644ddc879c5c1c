"""Commands that apply a model: `topics`, `transform`, `search`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from softtopic.cli.building import read_documents, read_with_columns
from softtopic.cli.options import (
    Delimiter,
    Device,
    DocumentOptions,
    Encoding,
    File,
    Format,
    Id,
    Json,
    Model,
    Quiet,
    Text,
)
from softtopic.cli.output import (
    print_json,
    print_table,
    print_topics,
    show_messages,
    topic_columns,
    topic_records,
)
from softtopic.errors import InputError

# Of the documents of a model, 5 % are as novel.
_NOVEL = 0.95


def topics(
    model: Model,
    words: Annotated[int, typer.Option("--words", min=1, help="Number of words of each topic.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .csv, .xlsx, .parquet or .jsonl.")] = None,
    tree: Annotated[bool, typer.Option("--tree", help="Print topics under groups of similar ones.")] = False,
    as_json: Json = False,
) -> None:
    """Print the topics of a model, largest first, or write them to a table."""
    from softtopic.data.writers import table_writer, write_table
    from softtopic.model import TopicModel

    if out is not None:
        table_writer(out)
    loaded = TopicModel.load(model)
    if out is not None:
        write_table(out, topic_columns(loaded, words, as_lists=out.suffix in (".jsonl", ".parquet")))
    if tree:
        print(loaded.get_topic_tree())
    elif as_json:
        print_json({"topics": topic_records(loaded, words)})
    else:
        print_topics(loaded, words)


def documents(
    model: Model,
    topic: Annotated[int | None, typer.Option("--topic", help="Documents of this topic; default: of all.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Number of documents; default: all.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Table to write: .csv, .xlsx, .parquet or .jsonl.")] = None,
    as_json: Json = False,
) -> None:
    """Print the documents of a model with their topics; those of one topic, largest share first."""
    from softtopic.data.writers import table_writer, write_table
    from softtopic.model import TopicModel

    if out is not None:
        table_writer(out)
    found = TopicModel.load(model).get_documents(topic, limit)
    found.columns = found.columns.str.lower()
    if out is not None:
        write_table(out, {name: found[name].tolist() for name in found})
        print(f"{len(found)} documents are in {out}.")
    elif as_json:
        print_json({"documents": json.loads(found.to_json(orient="records") or "[]")})
    else:
        rows = [
            [f"{one['probability']:.3f}", str(one["id"]), str(one["topic"]), one["name"], one["document"]]
            for one in found.to_dict("records")
        ]
        print_table(["share", "id", "topic", "name", "text"], rows)


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
    keep_columns: Annotated[
        bool, typer.Option("--keep-columns", help="Write all columns of the file, then topic, name and mixture.")
    ] = False,
    novelty: Annotated[
        bool,
        typer.Option("--novelty", help="Write also the share of the model's documents that are nearer to a topic."),
    ] = False,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Compute the topic mixtures of documents, old or new."""
    from softtopic.data.writers import table_writer, write_jsonl, write_table
    from softtopic.model import TopicModel
    from softtopic.storage.atomic import check_writable

    show_messages(quiet)
    if out is not None:
        table_writer(out)
        check_writable(out)
    loaded = TopicModel.load(model, device=device)
    options = DocumentOptions(text=text, id=id, format=format, delimiter=delimiter, encoding=encoding)
    corpus, kept = read_with_columns(file, options) if keep_columns else (read_documents(file, options), {})
    loaded.progress = not quiet
    theta = loaded.transform(corpus)
    topics, best = loaded.topic_ids_, theta.argmax(axis=1)
    columns: dict[str, Any] = {"topic": topics[best]}
    if keep_columns:
        columns["name"] = [loaded.topic_names_[column] for column in best]
    if novelty:
        columns["novelty"] = loaded.novelty(corpus)
    if out is None or out.suffix == ".jsonl":
        columns["theta"] = theta
    else:
        columns |= {f"theta_{topic}": theta[:, column] for column, topic in enumerate(topics)}
    if common := sorted(columns.keys() & kept):
        raise InputError(f"{file} has columns {', '.join(common)}, which are written, too; rename them there")
    if not keep_columns or (id is None and "id" not in kept):
        columns = {"id": corpus.ids} | columns
    columns = kept | columns
    if out is None:
        write_jsonl(columns, sys.stdout.buffer)
        return
    write_table(out, columns)
    print(f"{len(theta)} mixtures of {theta.shape[1]} topics are in {out}.")


def search(
    model: Model,
    query: Annotated[str, typer.Argument(help="A word or a text.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Number of documents.")] = 10,
    as_json: Json = False,
) -> None:
    """Find the documents of a model whose topic mixtures are nearest to a query's."""
    from softtopic.model import TopicModel

    loaded = TopicModel.load(model)
    loaded.progress = False  # a bar for one query says nothing
    hits = loaded.search(query, k)
    novelty = None if loaded.state_.vectors is None else float(loaded.novelty([query])[0])
    if as_json:
        records = json.loads(hits.rename(columns=str.lower).to_json(orient="records") or "[]")
        print_json({"query": query, "novelty": novelty, "hits": records})
        return
    names = dict(zip(loaded.topic_ids_.tolist(), loaded.topic_names_, strict=True))
    rows = [
        [f"{hit.Divergence:.3f}", str(hit.Id), names[int(hit.Topic)], str(hit.Text)]  # type: ignore[arg-type]
        for hit in hits.itertuples()
    ]
    print_table(["divergence", "id", "topic", "text"], rows)
    if novelty is not None:
        print(
            f"softtopic: novelty {novelty:.2f}: {100 * novelty:.0f} % of the documents are nearer to a topic than the "
            f"query is{'; no topic may fit it' if novelty > _NOVEL else ''}",
            file=sys.stderr,
        )
