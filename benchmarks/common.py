"""What the benchmarks share: the command line, the documents they read, and the tables they print."""

import argparse
import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from softtopic.bench.report import markdown_row
from softtopic.bench.sources import Source
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary
from softtopic.storage.cache import cache_dir

# Labelled corpora of English, the last one of French, on which methods are compared.
CORPORA = ("stackoverflow", "20newsgroups", "tweettopic", "biomedical", "googlenews", "reuters-r52", "frenchnews")

# Environment variables that restrict what a processor computes with.
RESTRICTIONS = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE")


def parser(about: str | None, *, data: bool = True) -> argparse.ArgumentParser:
    """A command line with a script's docstring as its help, and --data-dir where it reads sample corpora."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    if data:
        options.add_argument("--data-dir", required=True, help="folder of the sample corpora")
    return options


def sample(name: str, data_dir: str, documents: int | None = None) -> tuple[Corpus, Vocabulary]:
    """Distinct documents of a corpus at equal distances, and the words of the whole corpus."""
    whole = Source(data=name, data_dir=data_dir).read()
    words = Vocabulary.from_texts(whole.texts)
    return (whole if documents is None else Source(data=name, data_dir=data_dir, documents=documents).read()), words


def print_head(*names: str) -> None:
    print_row(*names)
    print_row(*["---"] * len(names))


def print_row(*cells: object) -> None:
    """A line of a Markdown table, at once: the next one may take long."""
    print(markdown_row([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells]), flush=True)


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median (least to most)."""
    median, least, most = (f"{x:,.{digits}f}" for x in (statistics.median(values), min(values), max(values)))
    return f"{median} ({least} to {most})"


def make_empty_cache(cache: Path, *linked: str) -> None:
    """Create a cache folder that holds nothing but links to these folders of the user's own."""
    cache.mkdir(parents=True)
    for part in linked:
        if (cache_dir() / part).exists():
            (cache / part).symlink_to(cache_dir() / part)


def processor() -> str:
    """Name of this machine's processor, its widest vectors, and what restricts it."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        cpuinfo = ""
    return describe_processor(cpuinfo, os.environ)


def describe_processor(cpuinfo: str, environment: Mapping[str, str]) -> str:
    """The same from the content of /proc/cpuinfo, which may be empty, and environment variables."""
    name = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", cpuinfo, re.MULTILINE)
    known = set(flags.group(1).split()) if flags else set()
    widest = {"amx_tile": "AMX", "avx512f": "AVX-512", "avx2": "AVX2 alone"}
    vectors = next((title for flag, title in widest.items() if flag in known), "no AVX2")
    parts = [name.group(1) if name else platform.processor() or platform.machine(), f"{os.cpu_count()} cores"]
    restrictions = [f"{one}={environment[one]}" for one in RESTRICTIONS if one in environment]
    return ", ".join([*parts, *([vectors] if flags else []), *restrictions])
