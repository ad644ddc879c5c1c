"""Atomic files, assets, the cache folder, memory and progress bars."""
