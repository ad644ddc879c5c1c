"""`softtopic name`: names of a model's topics, or of lists of words from elsewhere."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from softtopic.cli.building import read_documents, save_changed
from softtopic.cli.options import Delimiter, Device, DocumentOptions, Encoding, Format, Json, LmModel, Quiet, Text
from softtopic.cli.output import print_json, print_table, show_messages
from softtopic.errors import InputError
from softtopic.wording import counted

log = logging.getLogger("softtopic")


def name(
    topics: Annotated[
        str,
        typer.Argument(help="Model folder, or a file with the words of one topic in each line; - is standard input."),
    ],
    documents: Annotated[
        str | None,
        typer.Option("--documents", help="File of the training documents, for a model saved without their beginnings."),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option("--server", help="Address of an OpenAI-compatible server that names the topics instead."),
    ] = None,
    lm: Annotated[
        str | None, typer.Option("--lm", help="Language model on this machine; default: that of the fit.")
    ] = None,
    lm_model: LmModel = None,
    language: Annotated[
        str,
        typer.Option(
            "--language", help="Language of the names, by its name or code; auto is that of the documents or words."
        ),
    ] = "auto",
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Name the topics of a model and save the names, or print names for lists of words."""
    from softtopic.storage.atomic import recover_folder

    show_messages(quiet)
    if server is not None and lm is not None:
        raise InputError(f"--lm is {lm!r} and --server is {server!r}; give one of them")
    if server is None and lm_model is not None:
        raise InputError(f"--lm-model is {lm_model!r}, which is for a server; give --server, or leave it out")
    options: dict[str, Any] = {"lm": server or lm, "lm_model": lm_model, "language": language}
    recover_folder(Path(topics).absolute())
    if Path(topics).is_dir():
        texts = None
        if documents is not None:
            texts = read_documents(
                documents, DocumentOptions(text=text, format=format, delimiter=delimiter, encoding=encoding)
            ).texts
        names, words = _name_model(Path(topics), texts, device, options)
    else:
        if documents is not None:
            raise InputError(f"--documents is for a model folder; {topics} is none: leave it out")
        words = read_word_lists(topics)
        from softtopic.pipeline.naming import name_lists

        names = dict(enumerate(name_lists(words, **options)))
    rows = list(zip(names.items(), words, strict=True))
    if as_json:
        print_json({"topics": [{"topic": topic, "name": own, "words": list(said)} for (topic, own), said in rows]})
    else:
        print_table(["topic", "name", "words"], [[str(topic), own, " ".join(said)] for (topic, own), said in rows])


def _name_model(
    path: Path, texts: Sequence[str] | None, device: str, options: dict[str, Any]
) -> tuple[dict[int, str], list[list[str]]]:
    from softtopic.model import TopicModel
    from softtopic.persistence.folder import folder_version

    version = folder_version(path)
    model = TopicModel.load(path, device=device)
    named = model.name_topics(texts, **options)
    if named:
        save_changed(model, path, version)
        log.info("%s in %s", counted(len(named), "name"), path)
    # Topics that keep their names are shown as well.
    names = dict(zip(model.topic_ids_.tolist(), model.topic_names_, strict=True))
    return names, model.topics.top_words(10)


def read_word_lists(file: str) -> list[list[str]]:
    """The words of each topic of a file, a line each: separated by commas, tabs or spaces, or as in 3_car_engine."""
    from softtopic.data.readers import read_corpus

    lists = [split_words(line) for line in read_corpus(file, format="txt").texts if line.strip()]
    if not any(lists):
        raise InputError(f"{file} holds no words; give the words of one topic in each line")
    return [own for own in lists if own]


def split_words(line: str) -> list[str]:
    """The words of a line.

    Examples
    --------
    >>> split_words("machine learning, model"), split_words("3_car_engine"), split_words("car engine")
    (['machine learning', 'model'], ['car', 'engine'], ['car', 'engine'])
    """
    label = re.fullmatch(r"-?\d+_(\S+)", line.strip())
    parts = label[1].split("_") if label else re.split(r"[,\t;]" if re.search(r"[,\t;]", line) else r"\s", line)
    return [part.strip() for part in parts if part.strip()]
