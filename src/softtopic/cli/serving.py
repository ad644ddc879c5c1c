"""The command that serves a model: `serve`."""

from typing import Annotated

import typer

from softtopic.cli.options import (
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
from softtopic.cli.output import print_json, print_message, show_messages
from softtopic.cli.plotting import classes_and_times


def serve(
    model: Model,
    file: Annotated[
        str | None, typer.Argument(help="The documents of the fit in their order, for --by and --time; default: none.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others than 127.0.0.1 let other machines in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 for any that is free.")] = 8000,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse edits.")] = False,
    max_mb: Annotated[float, typer.Option("--max-mb", min=0.001, help="Size of a request in MB.")] = 10,
    max_texts: Annotated[int, typer.Option("--max-texts", min=1, help="Number of texts of a request.")] = 10_000,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a request may take.")] = 60,
    by: Annotated[str | None, typer.Option("--by", help="Column with classes, to filter by.")] = None,
    time: Time = None,
    time_format: TimeFormat = None,
    title: Annotated[str, typer.Option("--title", help="Title of the page.")] = "Topics",
    text: Text = "text",
    format: Format = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    device: Device = "auto",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show a model as a live page on this machine, with topics of new texts, edits by mouse, and an HTTP API."""
    from softtopic.serve import server
    from softtopic.serve.config import ServeConfig
    from softtopic.serve.live import LiveModel

    show_messages(quiet)
    server.check_installed()

    config = ServeConfig(
        host=host,
        port=port,
        read_only=read_only,
        max_bytes=int(max_mb * 1e6),
        max_texts=max_texts,
        max_seconds=timeout,
    )
    options = DocumentOptions(
        text=text, format=format, delimiter=delimiter, encoding=encoding, label=by, time=time, time_format=time_format
    )
    live = LiveModel(model, device=device, **classes_and_times("serve", file, options))
    listening = server.listen(config)
    if not config.is_local:
        print_message(f"other machines can reach {host}: whoever does can read texts of the model and edit its topics")

    def on_ready(url: str) -> None:
        if as_json:
            print_json({"url": url})
        else:
            print(f"{model} is at {url} (interface: {url}docs). Ctrl-C stops it.", flush=True)
        if open_browser:
            import webbrowser

            webbrowser.open(url)

    server.serve(live, listening, config, title=title, on_ready=on_ready)
