"""One cell of a comparison: a corpus, a method, a number of topics, a seed and perhaps a changed setting.

Each cell has a file of its own, named by a fingerprint of all that its results depend on; a finished cell is not run
again.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from softtopic.bench.methods import get_method
from softtopic.bench.sources import ReferenceFile, Source
from softtopic.data.corpus import fingerprint_strings
from softtopic.data.vocabulary import VOCABULARY_SIZE
from softtopic.lm.loading import EMBEDDED, is_gguf, language_model_fingerprint
from softtopic.storage.atomic import staged_file
from softtopic.teacher.prompts import read_prompt

# Part of every fingerprint: raise it when the same cell gives other results.
VERSION = 3


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a setting that a comparison changes.

    Parameters
    ----------
    name : str
        "lm", "sample", "vocabulary_size" or a setting of the recipe, such as "training__temperature".
    value : str
        As it stands on the command line.
    """

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, kw_only=True)
class Base:
    """What all cells of a comparison share.

    Parameters
    ----------
    lm : str
        Language model of the methods that need one.
    vocabulary : int, default=2000
        Number of words of the vocabulary.
    language : str, default="auto"
        Language of the stop words.
    reference : ReferenceFile or None, default=None
        Reference corpus of topic coherence; None: coherence is not measured.
    """

    lm: str = EMBEDDED
    vocabulary: int = VOCABULARY_SIZE
    language: str = "auto"
    reference: ReferenceFile | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run.

    Parameters
    ----------
    source : Source
        The documents.
    fingerprint : str
        Of the documents and their labels.
    model : str
        Name of the method.
    topics, seed : int
    setting : Setting or None, default=None
        A setting in which the run departs from the method.
    base : Base
    """

    source: Source
    fingerprint: str
    model: str
    topics: int
    seed: int
    setting: Setting | None = None
    base: Base = Base()

    @property
    def key(self) -> str:
        """SHA-256 of all that the results depend on; where files lie does not count."""
        reference = self.base.reference
        return fingerprint_strings([
            f"version {VERSION}", self.source.name, self.fingerprint, self.model, str(self.topics), str(self.seed),
            str(self.setting), self.base.lm, str(self.base.vocabulary), self.base.language,
            "" if reference is None else reference.fingerprint, repr(get_method(self.model).recipe),
            *filter(None, (_content(name) for name in (self.base.lm, self.setting.value if self.setting else ""))),
        ])  # fmt: skip

    def path(self, out: Path) -> Path:
        """Its file in the folder of a comparison."""
        setting = "" if self.setting is None else f"-{self.setting}"
        name = f"{self.model}{setting}-k{self.topics}-seed{self.seed}-{self.key[:8]}"
        return out / "cells" / _file_name(self.source.name) / f"{_file_name(name)}.json"

    def __str__(self) -> str:
        setting = "" if self.setting is None else f" {self.setting}"
        return f"{self.source.name} {self.model}{setting} K={self.topics} seed {self.seed}"

    @property
    def command(self) -> str:
        """The command line that runs this cell alone."""
        return bench_commands([self], f"repeat-{self.key[:8]}")[0]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Cell":
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Cell":
        """The cell of a record."""
        setting, base = values["setting"], dict(values["base"])
        reference = base.pop("reference")
        return cls(**values | {
            "source": Source(**values["source"]),
            "setting": None if setting is None else Setting(**setting),
            "base": Base(**base, reference=None if reference is None else ReferenceFile(**reference)),
        })  # fmt: skip


def bench_commands(cells: Sequence[Cell], out: str) -> list[str]:
    """The command lines that run some cells, as few as there can be.

    Parameters
    ----------
    cells : sequence of Cell
        The cells of one corpus, method and setting must be every combination of some numbers of topics and consecutive
        seeds.
    out : str
        Folder of the comparison.
    """
    methods: dict[Any, list[Cell]] = {}
    for cell in cells:
        setting = cell.setting.name if cell.setting else ""
        key = (replace(cell.source, data=""), cell.base, setting, cell.source.data, cell.model)
        methods.setdefault(key, []).append(cell)
    corpora: dict[Any, dict[str, list[str]]] = {}
    for (source, base, _, data, model), group in methods.items():
        corpora.setdefault((source, base, _grid(group)), {}).setdefault(data, []).append(model)
    commands: dict[Any, list[str]] = {}
    for key, models in corpora.items():
        for data, names in models.items():
            commands.setdefault((*key, tuple(names)), []).append(data)
    return [
        shlex.join([
            "softtopic", "bench", "--data", ",".join(data), "--models", ",".join(names), *grid,
            *_shared_options(replace(source, data=data[0]), base), "--out", out,
        ])
        for (source, base, grid, names), data in commands.items()
    ]  # fmt: skip


def _grid(cells: Sequence[Cell]) -> tuple[str, ...]:
    """Options that say which cells of a corpus and a method there are."""
    topics, seeds = sorted({cell.topics for cell in cells}), {cell.seed for cell in cells}
    options = ["--topics", ",".join(map(str, topics)), "--first-seed", str(min(seeds)), "--seeds", str(len(seeds))]
    settings = list(dict.fromkeys(cell.setting for cell in cells if cell.setting))
    if settings:
        options += ["--sweep", f"{settings[0].name}={','.join(setting.value for setting in settings)}"]
    return tuple(options)


def _shared_options(source: Source, base: Base) -> list[str]:
    """Options that all cells of a comparison share."""
    values: list[tuple[str, object]] = [
        ("--documents", source.documents), ("--data-dir", source.data_dir),
        *([("--text", source.text), ("--label", source.label)] if source.is_file else []),
        ("--lm", base.lm), ("--vocabulary", base.vocabulary), ("--language", base.language),
        *([("--reference", base.reference.path), ("--reference-text", base.reference.column)]
          if base.reference else []),
    ]  # fmt: skip
    options = [part for name, value in values if value is not None for part in (name, str(value))]
    return [*options, "--duplicates"] if source.duplicates else options


def _content(name: str) -> str:
    """Fingerprint of a prompt's file or a language model, whose content may change; "" for anything else."""
    if name.endswith(".toml") and Path(name).is_file():
        return read_prompt(name).fingerprint
    if (is_gguf(name) and Path(name).is_file()) or (name and (Path(name) / "config.json").is_file()):
        return language_model_fingerprint(name)
    return ""


def _file_name(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.+=-]+", "_", name)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write the file of a cell atomically."""
    with staged_file(path) as staging:
        staging.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> dict[str, Any] | None:
    """The content of a cell's file; None where there is none, or one of another version."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("version") == VERSION else None


def is_finished(path: Path) -> bool:
    """Whether a cell was measured; one that failed is tried again."""
    record = read_record(path)
    return record is not None and record["error"] is None
