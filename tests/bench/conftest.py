import gzip
import json

import pytest

from softtopic.bench.cells import Base, Cell
from softtopic.bench.sources import Source


@pytest.fixture
def documents(texts, tmp_path):
    """A file of documents with labels; one stands twice and one is blank."""
    path = tmp_path / "posts.jsonl.gz"
    groups = ["data", "space", "food", "state", "photo", "data", "space", "food", "state", "photo", "data", "space"]
    rows = [*zip(texts, groups, strict=True), (texts[0], "other"), ("  ", "food")]
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps({"text": text, "label": group}) + "\n" for text, group in rows)
    return path


@pytest.fixture
def cell(documents):
    return Cell(source=Source(data=str(documents)), fingerprint="f" * 64, model="lda", topics=3, seed=1, base=Base())
