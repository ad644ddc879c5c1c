"""Documents: corpora, readers and writers of files, tokens and vocabularies."""
