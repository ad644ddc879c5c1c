"""Commands that draw: `plot`, `report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softtopic.cli.building import parse_bins, parse_numbers, read_documents
from softtopic.cli.options import (
    OUTPUT,
    Delimiter,
    Device,
    DocumentOptions,
    Encoding,
    Format,
    Json,
    Model,
    Quiet,
    Text,
    Time,
    TimeFormat,
)
from softtopic.cli.output import print_json, show_messages
from softtopic.errors import InputError
from softtopic.plots.registry import PLOTS

if TYPE_CHECKING:
    from softtopic.model import TopicModel


# Kinds that use an option, by its parameter; the others show the documents of the model.
_USED_BY = {
    "by": "per-class",
    "time": "over-time",
    "time_format": "over-time",
    "bins": "over-time",
    "document": "distribution",
    "other": "stability",
}


def plot(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="Documents for over-time and per-class; default: those of the model.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help=f"What to draw: {', '.join(PLOTS)}.")] = "topics",
    out: Annotated[
        Path, typer.Option("--out", help="File to write: .html, .svg, .png or .pdf.", rich_help_panel=OUTPUT)
    ] = Path("topics.html"),
    topics: Annotated[str | None, typer.Option("--topics", help="Numbers of the topics, e.g. 3,17.")] = None,
    top: Annotated[int | None, typer.Option("--top", help="Number of topics, the largest; default: by kind.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Column with the classes, for per-class.")] = None,
    time: Time = None,
    time_format: TimeFormat = None,
    bins: Annotated[
        str | None, typer.Option("--bins", help="Number of periods, or hour, day, week, month, quarter, year.")
    ] = None,
    document: Annotated[str | None, typer.Option("--document", help="Text of the document of distribution.")] = None,
    other: Annotated[
        list[Path] | None, typer.Option("--other", help="Model folder of another fit, for stability; repeatable.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the figure.")] = None,
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the topics of a model."""
    from softtopic.model import TopicModel
    from softtopic.plots.images import check_image, write_figure
    from softtopic.plots.style import graph_objects
    from softtopic.storage.atomic import check_writable

    show_messages(quiet)
    _check_used(kind, file, by=by, time=time, time_format=time_format, bins=bins, document=document, other=other)
    graph_objects()
    check_image(out)
    check_writable(out)
    loaded = TopicModel.load(model, device=device)
    loaded.progress = not quiet
    documents = DocumentOptions(
        text=text, format=format, delimiter=delimiter, encoding=encoding, label=by, time=time, time_format=time_format
    )
    given: dict[str, Any] = _selection(kind, topics, top)
    if kind == "over-time":
        given["topics_over_time"] = _over_time(loaded, file, documents, bins)
    elif kind == "per-class":
        given["topics_per_class"] = _per_class(loaded, file, documents)
    elif kind == "distribution":
        given["document"] = _needed("--document", kind, document)
    elif kind == "stability":
        given["others"] = [TopicModel.load(path) for path in _needed("--other", kind, other)]
    if title is not None:
        from softtopic.plots.style import plain

        given |= {"title": {"text": plain(title)}, "margin": {"t": 60}}
    write_figure(getattr(loaded, PLOTS[kind])(**given), out)
    if as_json:
        print_json({"kind": kind, "out": str(out)})
    else:
        print(f"The figure is in {out}.")


def report(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="The documents of the fit in their order, for --by and --time; default: none.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Page to write: .html.", rich_help_panel=OUTPUT)] = Path(
        "topics.html"
    ),
    by: Annotated[str | None, typer.Option("--by", help="Column with classes, to filter by.")] = None,
    time: Time = None,
    time_format: TimeFormat = None,
    title: Annotated[str, typer.Option("--title", help="Title of the page.")] = "Topics",
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write one HTML page to explore the topics and documents of a model, without any network."""
    from softtopic.model import TopicModel
    from softtopic.storage.atomic import check_writable

    show_messages(quiet)
    options = DocumentOptions(
        text=text, format=format, delimiter=delimiter, encoding=encoding, label=by, time=time, time_format=time_format
    )
    given = classes_and_times("report", file, options)
    check_writable(out)
    TopicModel.load(model).report(out, title=title, **given)
    if as_json:
        print_json({"out": str(out), "bytes": out.stat().st_size})
    else:
        print(f"The page is in {out} ({out.stat().st_size / 1e6:.1f} MB); open it in a browser.")


def _check_used(kind: str, file: str | None, **options: Any) -> None:
    """Raise InputError for an unknown kind of figure, and for what this kind does not use."""
    if kind not in PLOTS:
        raise InputError(f"--kind is {kind!r}; give one of {', '.join(PLOTS)}")
    if file is not None and kind not in ("over-time", "per-class"):
        step = f"did you mean --kind {file}?" if file in PLOTS else "leave it out"
        raise InputError(f"documents, here {file}, are for --kind over-time or per-class, and --kind is {kind}; {step}")
    for name, value in options.items():
        if value is not None and value != [] and kind != _USED_BY[name]:
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} is of --kind {_USED_BY[name]}, and --kind is {kind}; leave it out")


def classes_and_times(command: str, file: str | None, options: DocumentOptions) -> dict[str, Any]:
    """Classes and times of the training documents, from a file of them; none without a file."""
    if (file is None) != (options.label is None and options.time is None):
        raise InputError(f"a file goes together with --by COLUMN, --time COLUMN or both; see softtopic {command} -h")
    if file is None:
        return {}
    corpus = read_documents(file, options)
    return {"classes": corpus.labels, "times": corpus.times}


def _selection(kind: str, topics: str | None, top: int | None) -> dict[str, Any]:
    """Which topics are shown, for kinds that show a selection."""
    given: dict[str, Any] = {}
    if topics is not None:
        given["topics"] = parse_numbers("--topics", topics)
    if top is not None:
        given["top_n_topics"] = top
    neither = ("distribution", "selection", "stability")
    without_top = (*neither, "documents", "term-rank")
    for name, option, refused in (("topics", "--topics", neither), ("top_n_topics", "--top", without_top)):
        if name in given and kind in refused:
            raise InputError(f"{option} is no option of --kind {kind}; leave it out")
    return given


def _needed(option: str, kind: str, value: Any) -> Any:
    if not value:
        raise InputError(f"--kind {kind} needs {option}; see softtopic plot -h")
    return value


def _over_time(model: "TopicModel", file: str | None, options: DocumentOptions, bins: str | None) -> Any:
    if (file is None) != (options.time is None):
        raise InputError("a file and --time COLUMN go together; leave out both for the times kept by fit --time")
    periods = parse_bins(bins)
    if file is None:
        return model.topics_over_time(bins=periods)
    corpus = read_documents(file, options)
    return model.topics_over_time(corpus.times, bins=periods, docs=corpus.texts, theta=model.transform(corpus))


def _per_class(model: "TopicModel", file: str | None, options: DocumentOptions) -> Any:
    if file is None or options.label is None:
        raise InputError("--kind per-class needs a file of documents and --by COLUMN; see softtopic plot -h")
    corpus = read_documents(file, options)
    return model.topics_per_class(corpus.labels or (), docs=corpus.texts, theta=model.transform(corpus))
