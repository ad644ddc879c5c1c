"""The manifest of a feature folder: what its features depend on, and how many documents a shard has."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import StoreMismatchError
from softtopic.storage.atomic import staged_file

FILE = "manifest.json"
FORMAT = "softtopic-features"
# Version 1 kept distinct documents in the order of the file, and not in that of their hashes.
VERSION = 2


class UnreadableManifestError(StoreMismatchError):
    """A manifest is missing or damaged, and not one of another program or version."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What features depend on; stores with equal manifests hold equal features.

    Parameters
    ----------
    corpus, vocabulary, teacher : str
        Fingerprints of the documents that were read, of the words, and of the teacher.
    rows : int
        Number of distinct documents that were read.
    words : tuple of str
        The vocabulary.
    teacher_description : dict
        The teacher as JSON values.
    shard_rows : int, default 1024
        Number of documents in a shard.
    top_k : int, optional
        Number of words kept of each soft label; None for all.
    """

    corpus: str
    vocabulary: str
    teacher: str
    rows: int
    words: tuple[str, ...]
    teacher_description: dict[str, Any]
    shard_rows: int = 1024
    top_k: int | None = None
    format: str = FORMAT
    version: int = VERSION

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a folder; raises StoreMismatchError where there is none that this version can read."""
        other = f"{folder} is not a feature folder; expected one made by `softtopic teach`"
        try:
            values: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise UnreadableManifestError(other) from None
        if not isinstance(values, dict) or values.get("format") != FORMAT or "version" not in values:
            raise StoreMismatchError(other)
        if (version := values["version"]) != VERSION:
            older = isinstance(version, int) and version < VERSION
            step = "run `softtopic teach` into a new folder" if older else "upgrade softtopic"
            raise StoreMismatchError(
                f"{folder} is a feature folder of version {version}; this program reads {VERSION}: {step}"
            )
        checksum = values.pop("checksum", None)
        try:
            given: dict[str, Any] = values | {"words": tuple(values["words"])}
            found = cls(**given)
        except (TypeError, KeyError):
            found = None
        # Folders of earlier versions have no checksum.
        if found is None or checksum not in (None, found.checksum):
            raise UnreadableManifestError(
                f"{folder / FILE} is damaged; run `softtopic teach` again, it is written anew"
            )
        return found

    def write(self, folder: Path) -> None:
        """Write the manifest of a folder."""
        with staged_file(folder / FILE) as staging:
            values = asdict(self) | {"checksum": self.checksum}
            staging.write_text(json.dumps(values, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @property
    def checksum(self) -> str:
        """SHA-256 of all values."""
        return fingerprint_strings([json.dumps(asdict(self), sort_keys=True)])

    def check(self, expected: "Manifest", folder: Path) -> None:
        """Raise StoreMismatchError unless features of the expected manifest may be kept in the folder of this one."""
        for part, what in (("corpus", "other documents"), ("vocabulary", "another vocabulary"),
                           ("teacher", "another language model, prompt, max_tokens or truncation")):  # fmt: skip
            if getattr(self, part) != getattr(expected, part):
                raise StoreMismatchError(
                    f"{folder} holds features of {what}; give another folder, or run `softtopic teach` into a new one"
                )
        if self.top_k != expected.top_k:
            held, asked = (f"top_k {one.top_k}" if one.top_k else "all words" for one in (self, expected))
            raise StoreMismatchError(
                f"{folder} keeps soft labels of {held}, asked for is {asked}; give another folder or the same top_k"
            )
