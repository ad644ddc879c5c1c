"""The cache folder: assets, converted models, features, sentence vectors and whatever else is costly to make twice."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """The cache folder, which need not exist yet.

    Returns
    -------
    Path
        The environment variable SOFTTOPIC_CACHE where it is set, else the user's cache folder for softtopic.

    """
    from platformdirs import user_cache_path

    return Path(os.environ.get("SOFTTOPIC_CACHE") or user_cache_path("softtopic"))
