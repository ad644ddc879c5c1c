"""Documents beside their features: the columns of documents.parquet, and which documents were read."""

import numpy as np
import pyarrow as pa
from jaxtyping import Bool

from softtopic.data.corpus import Corpus
from softtopic.types import DocInt

WasRead = Bool[np.ndarray, " texts"]  # of the distinct texts of a corpus


def mark_read(corpus: Corpus, read: DocInt | None) -> WasRead:
    """Which distinct texts were read, from their positions; None: all."""
    was_read = np.zeros(len(corpus.distinct.texts), dtype=bool)
    was_read[slice(None) if read is None else read] = True
    return was_read


def fingerprint_of_read(corpus: Corpus, was_read: WasRead) -> str:
    """Fingerprint of the part of a corpus that was read."""
    return corpus.fingerprint if was_read.all() else corpus.at(np.sort(corpus.distinct.first[was_read])).fingerprint


def documents_table(corpus: Corpus, was_read: WasRead) -> pa.Table:
    """The columns of the file; those the corpus does not have are left out."""
    columns = {"id": tuple(map(str, corpus.ids)), "text": corpus.texts, "label": corpus.labels, "time": corpus.times}
    kept = {name: pa.array(values, pa.string()) for name, values in columns.items() if values is not None}
    if corpus.ids and all(type(one) is int for one in corpus.ids):
        kept["id"] = pa.array(corpus.ids, pa.int64())
    # Row -1, of blank documents, is the last one.
    return pa.table(kept | {"read": pa.array(np.append(was_read, False)[corpus.distinct.rows])})


def documents_from_table(table: pa.Table) -> tuple[Corpus, WasRead]:
    """The corpus, and which of its distinct texts were read; without that column, which is newer, all."""
    columns = {name: table[name].to_pylist() for name in table.column_names}
    corpus = Corpus.from_texts(
        columns["text"], ids=columns["id"], labels=columns.get("label"), times=columns.get("time")
    )
    was_read = np.ones(len(corpus.distinct.texts), dtype=bool)
    if "read" in columns:
        known = corpus.distinct.rows >= 0
        was_read[corpus.distinct.rows[known]] = np.array(columns["read"], dtype=bool)[known]
    return corpus, was_read
