"""What the benchmarks share: the command line, the documents they read, and the tables they print."""

import argparse

from softtopic.bench.report import markdown_row
from softtopic.bench.sources import Source
from softtopic.data.corpus import Corpus
from softtopic.data.vocabulary import Vocabulary

# Labelled corpora of English, the last one of French, on which methods are compared.
CORPORA = ("stackoverflow", "20newsgroups", "tweettopic", "biomedical", "googlenews", "reuters-r52", "frenchnews")


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
