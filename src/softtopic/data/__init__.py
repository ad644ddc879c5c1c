"""Documents: corpora, files, words."""
