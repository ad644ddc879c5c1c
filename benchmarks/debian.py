"""Makes three labelled corpora from files of Debian, on which no setting of a recipe was chosen.

    python benchmarks/debian.py descriptions PACKAGES TRANSLATION LANGUAGE > packages.jsonl
    python benchmarks/debian.py fortunes FOLDER [FOLDER ...] > fortunes.jsonl

PACKAGES is a package index, as `apt-cache dumpavail` prints it, TRANSLATION the long descriptions in LANGUAGE
(Translation-en, unpacked): a document for each source package, its section is the label. FOLDER holds texts of the
program fortune, as in the packages `fortunes` and `fortunes-min`: a document for each quotation, its file is the label.
At most 200 documents of a label, drawn with a fixed seed.
"""

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from common import parser

MAX_DOCUMENTS = 200
SECTIONS = [
    "admin", "comm", "database", "editors", "education", "electronics", "fonts", "games", "gnome", "graphics",
    "hamradio", "httpd", "kde", "kernel", "lisp", "localization", "mail", "math", "net", "news", "otherosfs",
    "science", "sound", "tex", "text", "vcs", "video", "web",
]  # fmt: skip
# Files that are not about one subject.
MIXED = [
    "ascii-art", "cookie", "debian", "disclaimer", "ethnic", "fortunes", "goedel", "humorists", "knghtbrd",
    "linuxcookie", "miscellaneous", "paradoxum", "people", "pratchett", "riddles", "translate-me", "zippy",
]  # fmt: skip


def descriptions(packages: Path, translation: Path, language: str) -> Iterable[tuple[str, str]]:
    """Text and section of the first package of each source in one of the sections."""
    fields = re.compile(r"^(Package|Section|Source): (\S+)", re.MULTILINE)
    known = [dict(fields.findall(block)) for block in packages.read_text(encoding="utf-8").split("\n\n")]
    index = {one["Package"]: one for one in known if "Package" in one}
    described = re.compile(rf"^Description-{language}: (.*(?:\n .*)*)", re.MULTILINE)
    texts = {}
    for block in translation.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        name, found = re.search(r"^Package: (.*)$", block, re.MULTILINE), described.search(block)
        if name and found:
            texts[name.group(1)] = " ".join(re.sub(r"\n \.(?=\n|$)", "\n", found.group(1)).split())
    seen = set()
    for name, text in sorted(texts.items()):
        section = index.get(name, {}).get("Section", "")
        source = index.get(name, {}).get("Source", name)
        if section in SECTIONS and source not in seen and len(text) > 80:
            seen.add(source)
            yield text, section


def fortunes(folders: Iterable[Path]) -> Iterable[tuple[str, str]]:
    """Text and file of each quotation."""
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if "." in path.name or path.name in MIXED:
            continue
        quotations = path.read_text(encoding="utf-8", errors="replace").split("\n%\n")
        texts = dict.fromkeys(" ".join(quotation.split()) for quotation in quotations)
        yield from ((text, path.name) for text in texts if len(text) > 40)


def balanced(documents: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """At most MAX_DOCUMENTS of each label, in a random order."""
    groups = defaultdict(list)
    for text, label in documents:
        groups[label].append((text, label))
    kept = [one for group in groups.values() for one in random.Random(0).sample(group, min(len(group), MAX_DOCUMENTS))]
    random.Random(1).shuffle(kept)
    return kept


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("kind", choices=("descriptions", "fortunes"))
    options.add_argument("paths", nargs="+")
    arguments = options.parse_args()
    if arguments.kind == "fortunes":
        documents = fortunes(map(Path, arguments.paths))
    elif len(arguments.paths) == 3:
        packages, translation, language = arguments.paths
        documents = descriptions(Path(packages), Path(translation), language)
    else:
        options.error("descriptions need PACKAGES, TRANSLATION and LANGUAGE")
    for text, label in balanced(documents):
        sys.stdout.write(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
