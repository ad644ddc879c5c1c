"""What a method is given and what it gives back: files in a folder, and time and memory of each stage.

This module and the scripts beside it import nothing of softtopic: they run where it is not installed.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

TOP_WORDS = 15


class Stages:
    """Wall seconds and peak memory of the steps of one process."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        _forget_peak()
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.records.append({"stage": name, "seconds": round(seconds, 3), "peak_mib": peak_mib()})


def peak_mib() -> float | None:
    """Most memory this process has held (resident), MiB; None where the system does not say."""
    with suppress(OSError, IndexError, ValueError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return round(int(status.split("VmHWM:")[1].split()[0]) / 1024, 1)
    try:
        import resource
    except ImportError:
        return None
    # macOS counts bytes, the others KiB.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def _forget_peak() -> None:
    """Begin the peak anew, where the system allows it; elsewhere it is that of the process so far."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Task:
    """One run of a method: the folder named on the command line, read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        self.method: str = settings["method"]
        self.n_topics: int = settings["n_topics"]
        self.seed: int = settings["seed"]
        self.word_pattern: str = settings["word_pattern"]
        self.words: list[str] = settings["words"]
        self.stages = Stages()

    @classmethod
    def given(cls) -> "Task":
        return cls(Path(sys.argv[1]))

    @property
    def texts(self) -> list[str]:
        lines = (self.folder / "texts.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    @property
    def vectors(self) -> np.ndarray:
        """Of the texts, [documents, width], length 1."""
        return np.load(self.folder / "vectors.npy")

    @property
    def word_vectors(self) -> np.ndarray:
        """Of the words, [words, width], length 1."""
        return np.load(self.folder / "word_vectors.npy")

    def tokens(self, text: str) -> list[str]:
        """The words of the vocabulary in a text, in their order."""
        known = set(self.words)
        return [word for word in re.findall(self.word_pattern, text.lower()) if word in known]

    def vectorizer(self) -> Any:
        """scikit-learn's counter of the words of the vocabulary."""
        from sklearn.feature_extraction.text import CountVectorizer

        return CountVectorizer(token_pattern=self.word_pattern, vocabulary=self.words)

    def finish(
        self,
        theta: np.ndarray,
        topics: Sequence[Sequence[str]],
        packages: Sequence[str],
        clusters: np.ndarray | None = None,
    ) -> None:
        """Write what came of it.

        `theta` [documents, topics] holds shares, or weights that become shares here; a row without any is spread
        evenly. `clusters` is the topic of each document where that is not the largest share.
        """
        np.save(self.folder / "theta.npy", shares(theta))
        if clusters is not None:
            np.save(self.folder / "clusters.npy", np.asarray(clusters, dtype=np.int64))
        result = {
            "topics": [[str(word) for word in words if word][:TOP_WORDS] for words in topics],
            "stages": self.stages.records,
            "versions": {package: version(package) for package in packages},
        }
        (self.folder / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def shares(weights: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, float32; one without weight is spread evenly."""
    weights = np.maximum(np.nan_to_num(np.asarray(weights, dtype=np.float64)), 0)
    weights[~weights.any(axis=1)] = 1.0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
