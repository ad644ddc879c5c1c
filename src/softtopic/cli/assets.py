"""`softtopic fetch`: what is downloaded."""

from typing import Annotated

import typer

from softtopic.cli.options import Json, Quiet
from softtopic.cli.output import print_json, show_messages


def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            help="smollm2-135m, all-minilm-l6-v2, multilingual (the encoder of other languages than English), a sample "
            "corpus, or a Hugging Face id."
        ),
    ],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download language models, sentence encoders or sample corpora."""
    from softtopic.lm.config import ENCODERS, encoder_name
    from softtopic.lm.encoder import fetch_encoder
    from softtopic.lm.loading import fetch_language_model
    from softtopic.storage.assets import ASSETS
    from softtopic.storage.assets import fetch as fetch_asset

    show_messages(quiet)
    fetched = []
    for name in names:
        is_data = name in ASSETS and not ASSETS[name].is_language_model
        fetch_one = (
            fetch_encoder if encoder_name(name) in ENCODERS else fetch_asset if is_data else fetch_language_model
        )
        path = fetch_one(name)
        fetched.append({"name": name, "path": str(path)})
        if not as_json:
            print(path)
    if as_json:
        print_json({"fetched": fetched})
