"""`softtopic fetch`: what is downloaded."""

import logging
from typing import Annotated

import typer

from softtopic.cli.options import Json, Quiet
from softtopic.cli.output import print_json, show_messages

log = logging.getLogger("softtopic")


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
        log.info("%s", next_step(name))
        if not as_json:
            print(path)
    if as_json:
        print_json({"fetched": fetched})


def next_step(name: str) -> str:
    """What an asset or model is for, and the command that uses it."""
    from softtopic.lm.config import ENCODERS, LANGUAGE_MODEL, MULTILINGUAL_ENCODER, encoder_name
    from softtopic.storage.assets import ASSETS

    name = encoder_name(name)
    if name == MULTILINGUAL_ENCODER:
        return f"{name} encodes about 100 languages; fits of documents that are not English use it: softtopic fit FILE"
    if name in ENCODERS:
        return f"{name} encodes English documents; fits use it: softtopic fit FILE"
    if name == LANGUAGE_MODEL:
        return f"{name} reads documents; fits use it: softtopic fit FILE"
    if name in ASSETS:
        return f"{name} is a sample corpus: softtopic bench --data {name}"
    return f"{name} reads documents where it is named: softtopic fit FILE --lm {name}"
