"""Nearest neighbours of topic mixtures: exact by blocks, or approximate over a graph; kept on disk, memory-mapped."""
