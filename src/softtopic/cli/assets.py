"""`softtopic fetch`: what is downloaded."""

from typing import Annotated

import typer

from softtopic.cli.output import show_messages


def fetch(
    names: Annotated[
        list[str], typer.Argument(help="smollm2-135m, all-minilm-l6-v2, a sample corpus, or a Hugging Face id.")
    ],
) -> None:
    """Download language models, the sentence encoder or sample corpora."""
    from softtopic.lm.loading import fetch_language_model
    from softtopic.storage.assets import ASSETS
    from softtopic.storage.assets import fetch as fetch_asset

    show_messages(quiet=False)
    for name in names:
        is_data = name in ASSETS and not ASSETS[name].is_language_model
        print(fetch_asset(name) if is_data else fetch_language_model(name))
