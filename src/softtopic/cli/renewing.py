"""The command that adds documents to a model: `update`."""

from pathlib import Path
from typing import Annotated

import typer

from softtopic.cli.building import read_documents, save_changed
from softtopic.cli.options import (
    OUTPUT,
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
    Time,
    TimeFormat,
)
from softtopic.cli.output import changes_in_words, print_json, print_topics, show_messages, table_records, topic_records
from softtopic.errors import InputError
from softtopic.wording import counted


def update(
    model: Model,
    file: File,
    out: Annotated[Path | None, typer.Option("--out", help="Model folder to write.", rich_help_panel=OUTPUT)] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Replace the model, instead of --out.")] = False,
    min_topic_size: Annotated[
        int, typer.Option("--min-topic-size", help="Number of new documents that a new topic needs.")
    ] = 10,
    text: Text = "text",
    id: Id = None,
    time: Time = None,
    time_format: TimeFormat = None,
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    excerpts: Annotated[bool, typer.Option(help="Store the beginning of each document in the model folder.")] = True,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add documents to a model without forgetting: topics keep numbers, names and edits, and new ones may appear."""
    from softtopic.model import TopicModel
    from softtopic.persistence.folder import check_destination, folder_version
    from softtopic.storage.atomic import sole_writer

    show_messages(quiet)
    if (out is None) != in_place:
        raise InputError("give either --out with a folder to write, or --in-place to replace the model")
    destination = model if out is None else out
    check_destination(destination)
    version = folder_version(destination)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not (quiet or as_json)
    options = DocumentOptions(
        text=text, id=id, time=time, time_format=time_format, format=format, delimiter=delimiter, encoding=encoding
    )
    n_known = len(loaded.state_.ids)
    corpus = read_documents(file, options)
    with sole_writer(destination.absolute()):
        loaded.update(corpus, ids=None if id is None else corpus.ids, min_topic_size=min_topic_size)
        save_changed(loaded, destination, version, excerpts=excerpts)
    changes, n_new = loaded.changes_, len(loaded.state_.ids) - n_known
    if as_json:
        changed = [] if changes is None else table_records(changes)
        print_json({"model": str(destination), "documents": n_new, "topics": topic_records(loaded), "changes": changed})
        return
    print_topics(loaded)
    if changes is not None:
        print(f"\n{counted(n_new, 'more document')}. Topics: {changes_in_words(changes)}.")
    print(f"The model is in {destination}.")
