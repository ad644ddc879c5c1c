"""Commands that apply a model: `topics`, `transform`, `search`."""

import json
import logging
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.building import read_documents, read_with_columns
from softtopic.cli.options import (
    OUTPUT,
    Delimiter,
    Device,
    DocumentOptions,
    Encoding,
    Files,
    Format,
    Id,
    Json,
    Model,
    Quiet,
    SkipInvalid,
    Text,
    with_groups,
)
from softtopic.cli.out_of_core import is_parts, one_file, open_stream, sizes_of_all, transform_to_parts
from softtopic.cli.output import (
    print_json,
    print_table,
    print_topic_records,
    printable_lines,
    show_messages,
    table_records,
    topic_columns,
    topic_records,
    with_sizes,
)
from softtopic.cli.part_runs import EngineName, EngineOptions, refuse_with_engine, transform_parts, uses_parts
from softtopic.errors import InputError
from softtopic.wording import counted

if TYPE_CHECKING:
    from softtopic.cli.streaming import StreamOptions
    from softtopic.model import TopicModel
    from softtopic.types import DocInt, DocTopic

log = logging.getLogger("softtopic")

# Of the documents of a model, 5 % are as novel.
_NOVEL = 0.95

TableFile = Annotated[
    Path | None,
    typer.Option("--out", help="Table to write: .csv, .xlsx, .parquet or .jsonl.", rich_help_panel=OUTPUT),
]


def topics(
    model: Model,
    words: Annotated[int, typer.Option("--words", min=1, help="Number of words of each topic.")] = 10,
    out: TableFile = None,
    tree: Annotated[bool, typer.Option("--tree", help="Print topics under groups of similar ones.")] = False,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            help="Words and documents in this language alone, of a model of several; or a list, e.g. de,fr.",
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the topics of a model, largest first, or write them to a table."""
    from softtopic.data.writers import table_writer, write_table
    from softtopic.model import TopicModel

    show_messages(quiet)
    if tree and language is not None:
        raise InputError("--tree has words in all languages; leave out --language")
    if out is not None:
        table_writer(out)
    loaded = TopicModel.load(model)
    records = with_sizes(topic_records(loaded, words, language=language), sizes_of_all(loaded, model))
    written = {} if out is None else {"out": str(out)}
    if out is not None:
        write_table(out, topic_columns(records, as_lists=out.suffix in (".jsonl", ".parquet")))
    if as_json:
        shown = {"hierarchy": table_records(loaded.hierarchical_topics())} if tree else {}
        print_json((shown or {"topics": records}) | written)
        return
    if tree:
        print(printable_lines(loaded.get_topic_tree()))
    else:
        print_topic_records(records, named=any(loaded.topics.given_names))
    if out is not None:
        print(f"\n{counted(len(loaded.topic_ids_), 'topic')} are in {out}.")


def documents(
    model: Model,
    topic: Annotated[int | None, typer.Option("--topic", help="Documents of this topic; default: of all.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Number of documents; default: all.")] = None,
    out: TableFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the documents of a model with their topics; those of one topic, largest share first."""
    from softtopic.data.writers import table_writer, write_table
    from softtopic.model import TopicModel

    show_messages(quiet)
    if out is not None:
        table_writer(out)
    found = TopicModel.load(model).get_documents(topic, limit)
    if out is not None:
        write_table(out, {name.lower(): found[name].tolist() for name in found})
    if as_json:
        print_json({"documents": table_records(found)} | ({} if out is None else {"out": str(out)}))
    elif out is not None:
        print(f"{counted(len(found), 'document')} are in {out}.")
    else:
        rows = [
            [f"{one['Probability']:.3f}", str(one["Id"]), str(one["Topic"]), one["Name"], one["Text"]]
            for one in found.to_dict("records")
        ]
        print_table(["share", "id", "topic", "name", "text"], rows)


@with_groups
def transform(
    model: Model,
    files: Files,
    out_name: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="<path>",
            help="File to write: .parquet, .csv, .xlsx or .jsonl; FOLDER/ or s3://…: Parquet parts, for documents "
            "that do not fit in memory; - or nothing: JSON lines on standard output.",
            rich_help_panel=OUTPUT,
        ),
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
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Standard input to --out FILE.jsonl: resume where a killed run stopped, as --out FOLDER/ always does.",
        ),
    ] = False,
    skip_invalid: SkipInvalid = False,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    engine: EngineName = None,
    on: EngineOptions = EngineOptions(),
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute the topic mixtures of documents, old or new; those of standard input (-) line by line as they come."""
    from softtopic.cli.streaming import StreamOptions, is_stream, transform_stream
    from softtopic.data.writers import table_writer
    from softtopic.model import TopicModel
    from softtopic.storage.atomic import check_writable

    show_messages(quiet)
    if uses_parts(engine, files, on):
        single = {"--keep-columns": keep_columns, "--resume": resume, "--skip-invalid": skip_invalid}
        refuse_with_engine(single | {"--format": format, "--delimiter": delimiter, "--encoding": encoding})
        shown: dict[str, Any] = {"text": text, "id": id, "as_json": as_json, "quiet": quiet}
        transform_parts(model, files, out_name, engine or "local", on, novelty=novelty, device=device, **shown)
        return
    options = DocumentOptions(text=text, id=id, format=format, delimiter=delimiter, encoding=encoding)
    if is_parts(out_name):
        stream = open_stream(files, options, skip_invalid=skip_invalid, keep_columns=keep_columns)
        loaded = TopicModel.load(model, device=device)
        loaded.progress = not (quiet or as_json)
        transform_to_parts(loaded, stream, str(out_name), novelty=novelty, as_json=as_json)
        return
    file, out = one_file(files), None if out_name in (None, "-") else Path(str(out_name))
    if out is not None:
        table_writer(out)
        check_writable(out)
    how = StreamOptions(
        model=model, out=out, resume=resume, skip_invalid=skip_invalid, keep_columns=keep_columns, novelty=novelty
    )
    streams = is_stream(file, format, how, as_json=as_json)
    loaded = TopicModel.load(model, device=device)
    if streams:
        transform_stream(loaded, options, how)
        return
    loaded.progress = not (quiet or as_json)
    columns = _columns_of_file(loaded, file, options, how)
    _write_mixtures(columns, loaded.topic_ids_.tolist(), out, as_json=as_json)


def _columns_of_file(
    loaded: "TopicModel", file: str, options: DocumentOptions, how: "StreamOptions"
) -> dict[str, Any]:  # fmt: skip
    """What `transform` writes of a file that is read at once."""
    from softtopic.data.writers import kept_columns

    keep = how.keep_columns
    corpus, kept = read_with_columns(file, options) if keep else (read_documents(file, options), {})
    theta = loaded.transform(corpus)
    first: dict[str, Any] = {"name": [loaded.topic_names_[one] for one in theta.argmax(axis=1)]} if keep else {}
    first |= {"novelty": loaded.novelty(corpus)} if how.novelty else {}
    as_lists = how.out is None or how.out.suffix == ".jsonl"
    columns = _mixture_columns(theta, loaded.topic_ids_, first, as_lists=as_lists)
    all_names, kept = list(kept), kept_columns(kept, columns, file)
    if replaced := [name for name in all_names if name not in kept]:
        names = ", ".join(replaced[:4] + ["…"] * (len(replaced) > 4))
        log.info("columns of an earlier transform are replaced: %s", names)
    if not keep or (options.id is None and "id" not in kept):
        columns = {"id": corpus.ids} | columns
    return kept | columns


def _mixture_columns(theta: "DocTopic", topics: "DocInt", more: dict[str, Any], *, as_lists: bool) -> dict[str, Any]:
    """The topic of each document, more columns, and the mixtures."""
    columns = {"topic": topics[theta.argmax(axis=1)]} | more
    if as_lists:
        return columns | {"theta": theta}
    return columns | {f"theta_{topic}": theta[:, column] for column, topic in enumerate(topics)}


def _write_mixtures(columns: dict[str, Any], topics: list[int], out: Path | None, *, as_json: bool) -> None:
    """Write a table of mixtures to a file, or to standard output as lines or one object."""
    from softtopic.data.writers import write_jsonl, write_table

    n_documents = len(columns["topic"])
    if out is not None:
        write_table(out, columns)
        if not as_json:
            print(f"{counted(n_documents, 'mixture')} of {counted(len(topics), 'topic')} are in {out}.")
    if as_json:
        shown = _records(columns) if out is None else n_documents
        written = {} if out is None else {"out": str(out)}
        print_json({"topics": topics, "documents": shown} | written)
    elif out is None:
        write_jsonl(columns, sys.stdout.buffer)


def _records(columns: dict[str, Any]) -> list[Any]:
    """What the lines of a .jsonl file would be."""
    from softtopic.data.writers import write_jsonl

    lines = BytesIO()
    write_jsonl(columns, lines)
    return [json.loads(line) for line in lines.getvalue().split(b"\n")[:-1]]


def index(
    model: Model,
    metric: Annotated[
        str, typer.Option("--metric", help="Distance of mixtures: kl, as published, reverse-kl, hellinger or cosine.")
    ] = "kl",
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Build a graph for millions of documents; its recall is measured.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Build an index of a model's documents beside it, for `search --index`."""
    from softtopic.model import TopicModel
    from softtopic.retrieval.folder import index_path
    from softtopic.retrieval.index import RECALL_AT
    from softtopic.storage.atomic import sole_writer

    show_messages(quiet)
    path = index_path(model)
    with sole_writer(path):
        built = TopicModel.load(model).build_index(path, metric=metric, approximate=approximate)
    if as_json:
        print_json({"index": str(path), "documents": len(built), "metric": built.metric, "recall": built.recall})
        return
    recall = "" if built.recall is None else f", approximate: recall at {RECALL_AT} is {built.recall:.3f}"
    print(f"The index of {counted(len(built), 'document')} by {built.title}{recall} is in {path}.")


def search(
    model: Model,
    query: Annotated[str, typer.Argument(help="A word or a text.")],
    k: Annotated[int, typer.Option("-k", min=1, help="Number of documents.")] = 10,
    method: Annotated[
        str,
        typer.Option("--method", help="topics, vectors, words, several joined by +, or hybrid: topics+vectors."),
    ] = "topics",
    index: Annotated[bool, typer.Option("--index", help="Search the index that `softtopic index` has built.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the documents of a model whose topic mixtures are nearest to a query's."""
    from softtopic.model import TopicModel
    from softtopic.retrieval.folder import index_path

    show_messages(quiet)
    loaded = TopicModel.load(model)
    loaded.progress = False  # a bar for one query says nothing
    hits = loaded.search(query, k, method=method, index=index_path(model) if index else None)
    novelty = None if loaded.state_.vectors is None else float(loaded.novelty([query])[0])
    if as_json:
        print_json({"query": query, "novelty": novelty, "hits": table_records(hits)})
        return
    names = dict(zip(loaded.topic_ids_.tolist(), loaded.topic_names_, strict=True))
    value = hits.columns[2]
    rows = [[f"{hit[value]:.3f}", str(hit["Id"]), names[hit["Topic"]], hit["Text"]] for hit in hits.to_dict("records")]
    print_table([value.lower(), "id", "topic", "text"], rows)
    if novelty is not None and not quiet:
        print(
            f"softtopic: novelty {novelty:.2f}: {100 * novelty:.0f} % of the documents are nearer to a topic than the "
            f"query is{'; no topic may fit it' if novelty > _NOVEL else ''}",
            file=sys.stderr,
        )
