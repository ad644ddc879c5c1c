"""Made-up records of cells."""

import json

from softtopic.bench.cells import VERSION, Cell


def record(cell: Cell, **metrics) -> dict:
    """The record of a finished cell; metrics by name."""
    stages = [
        {"stage": "sentence vectors", "seconds": 5.0, "peak_mib": 700.0, "shared": True},
        {"stage": "fit", "seconds": 2.5, "peak_mib": 300.4},
    ]
    return {
        "version": VERSION,
        "cell": json.loads(cell.to_json()),
        "error": None,
        "corpus": {"name": cell.source.name, "documents": 12, "labels": 5, "words": 40, "fingerprint": "f" * 64},
        "metrics": metrics or {"purity": 0.5 + cell.seed / 10, "precision_at_5": 0.4, "inverted_rbo": 0.99},
        "reference": {"name": "wiki.jsonl", "documents": 6477, "words": 16_000_000},
        "stages": stages,
        "versions": {"softtopic": "0"},
        "topics": [["red", "apple"]],
        "command": cell.command,
    }
