"""One cell of a comparison: a corpus, a method, a number of topics, a seed and perhaps a swept setting.

Each has a file of its own, named by all that its figures depend on. What is there is never measured again.
"""

import json
import re
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from softtopic.bench.methods import get_method
from softtopic.bench.sources import ReferenceFile, Source
from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import VOCABULARY_SIZE
from softtopic.lm.loading import is_gguf, language_model_fingerprint
from softtopic.storage.atomic import staged_file
from softtopic.teacher.prompts import read_prompt

# Raise it when the same cell would be given other figures.
VERSION = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a swept setting, as it was written."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, kw_only=True)
class Base:
    """What all cells of a comparison share.

    Args:
        lm: the teacher.
        vocabulary: so many words.
        language: whose stop words are left out.
        reference: of coherence; None: it is not measured.

    """

    lm: str = "smollm2-135m"
    vocabulary: int = VOCABULARY_SIZE
    language: str = "english"
    reference: ReferenceFile | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is run once. `fingerprint` is that of the documents and their labels."""

    source: Source
    fingerprint: str
    model: str
    topics: int
    seed: int
    setting: Setting | None = None
    base: Base = Base()

    @property
    def key(self) -> str:
        """All that the figures depend on; where files lie is no part of it."""
        reference = self.base.reference
        return fingerprint_strings([
            f"version {VERSION}", self.source.name, self.fingerprint, self.model, str(self.topics), str(self.seed),
            str(self.setting), self.base.lm, str(self.base.vocabulary), self.base.language,
            "" if reference is None else reference.fingerprint, repr(get_method(self.model).recipe),
            *filter(None, (_content(name) for name in (self.base.lm, self.setting.value if self.setting else ""))),
        ])  # fmt: skip

    def path(self, out: Path) -> Path:
        """Its file in the folder of a comparison."""
        swept = "" if self.setting is None else f"-{self.setting}"
        name = f"{self.model}{swept}-k{self.topics}-seed{self.seed}-{self.key[:8]}"
        return out / "cells" / _plain(self.source.name) / f"{_plain(name)}.json"

    def __str__(self) -> str:
        swept = "" if self.setting is None else f" {self.setting}"
        return f"{self.source.name} {self.model}{swept} K={self.topics} seed {self.seed}"

    @property
    def command(self) -> str:
        """The command line that runs this cell alone."""
        source, base = self.source, self.base
        given: list[tuple[str, object]] = [
            ("--data", source.data), ("--models", self.model), ("--topics", self.topics),
            ("--first-seed", self.seed), ("--seeds", 1), ("--sweep", self.setting),
            ("--documents", source.documents), ("--data-dir", source.data_dir),
            *([("--text", source.text), ("--label", source.label)] if source.is_file else []),
            ("--lm", base.lm), ("--vocabulary", base.vocabulary), ("--language", base.language),
            *([("--reference", base.reference.path), ("--reference-text", base.reference.column)]
              if base.reference else []),
        ]  # fmt: skip
        options = [part for name, value in given if value is not None for part in (name, str(value))]
        flags = ["--duplicates"] if source.duplicates else []
        return shlex.join(["softtopic", "bench", *options, *flags, "--out", f"repeat-{self.key[:8]}"])

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Cell":
        given = json.loads(text)
        base = given.pop("base")
        reference = base.pop("reference")
        return cls(
            source=Source(**given.pop("source")),
            setting=None if (setting := given.pop("setting")) is None else Setting(**setting),
            base=Base(**base, reference=None if reference is None else ReferenceFile(**reference)),
            **given,
        )


def _content(name: str) -> str:
    """What is in a prompt's file or a language model's, that may change where it lies; "" for anything else."""
    if name.endswith(".toml") and Path(name).is_file():
        return read_prompt(name).fingerprint
    if (is_gguf(name) and Path(name).is_file()) or (name and (Path(name) / "config.json").is_file()):
        return language_model_fingerprint(name)
    return ""


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.+=-]+", "_", name)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """The file of a cell, whole or not at all."""
    with staged_file(path) as staging:
        staging.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> dict[str, Any] | None:
    """What a cell's file says; None where there is none, or one of another version."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("version") == VERSION else None


def is_finished(path: Path) -> bool:
    """Whether a cell was measured; one that failed is tried again."""
    record = read_record(path)
    return record is not None and record["error"] is None
