"""Exchange of a task and its result with a method in another environment: files in a folder.

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
    """Wall time and peak memory of the stages of one process."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        _reset_peak()
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.records.append({"stage": name, "seconds": round(seconds, 3), "peak_mib": peak_mib()})


def peak_mib() -> float | None:
    """Peak resident memory of this process, MiB; None where the system does not say."""
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


def _reset_peak() -> None:
    """Reset the peak where the system allows it; elsewhere it is that of the process so far."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Task:
    """One run of a method, read from a folder."""

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
    def from_command_line(cls) -> "Task":
        """The task of the folder named on the command line."""
        return cls(Path(sys.argv[1]))

    @property
    def texts(self) -> list[str]:
        lines = (self.folder / "texts.jsonl").read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines if line]

    @property
    def vectors(self) -> np.ndarray:
        """Sentence vectors of the texts, L2-normalised, of shape (n_documents, width)."""
        return np.load(self.folder / "vectors.npy")

    @property
    def word_vectors(self) -> np.ndarray:
        """Vectors of the words, L2-normalised, of shape (n_words, width)."""
        return np.load(self.folder / "word_vectors.npy")

    def tokens(self, text: str) -> list[str]:
        """The words of a text that are in the vocabulary, in order."""
        known = set(self.words)
        return [word for word in re.findall(self.word_pattern, text.lower()) if word in known]

    def vectorizer(self) -> Any:
        """A `CountVectorizer` with the vocabulary."""
        from sklearn.feature_extraction.text import CountVectorizer

        return CountVectorizer(token_pattern=self.word_pattern, vocabulary=self.words)

    def finish(
        self,
        theta: np.ndarray,
        topics: Sequence[Sequence[str]],
        packages: Sequence[str],
        clusters: np.ndarray | None = None,
    ) -> None:
        """Write the result.

        Parameters
        ----------
        theta : ndarray of shape (n_documents, n_topics)
            Topic mixtures, or weights that are L1-normalised here.
        topics : sequence of sequence of str
            Top words of each topic.
        packages : sequence of str
            Packages whose versions are recorded.
        clusters : ndarray of shape (n_documents,) or None, default=None
            Topic of each document where it is not the one with the largest share.
        """
        np.save(self.folder / "theta.npy", l1_normalize(theta))
        if clusters is not None:
            np.save(self.folder / "clusters.npy", np.asarray(clusters, dtype=np.int64))
        result = {
            "topics": [[str(word) for word in words if word][:TOP_WORDS] for words in topics],
            "stages": self.stages.records,
            "versions": {package: version(package) for package in packages},
        }
        (self.folder / "result.json").write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


def l1_normalize(weights: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, float32; a row without positive weight becomes uniform."""
    weights = np.maximum(np.nan_to_num(np.asarray(weights, dtype=np.float64)), 0)
    weights[~weights.any(axis=1)] = 1.0
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
