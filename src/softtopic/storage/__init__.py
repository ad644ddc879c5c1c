"""Files, assets, the cache folder, progress."""
