"""The processes of a comparison: `python -m softtopic.bench.worker vectors|teach|cell CELL FILE`.

CELL is a file that holds a cell; FILE is where its record goes.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from softtopic import __version__
from softtopic.bench.baselines import kmeans_topics
from softtopic.bench.cells import VERSION, Cell, write_record
from softtopic.bench.environments import SCRIPTS
from softtopic.bench.measure import Outcome, measured
from softtopic.bench.methods import Method, get_method
from softtopic.bench.packages.exchange import TOP_WORDS, Stages
from softtopic.bench.sources import labelled_fingerprint
from softtopic.bench.stages import make_vectors, plan_of, read_corpus, read_vectors, reading_stage
from softtopic.bench.sweep import Run, run_of, vectors_read
from softtopic.data.corpus import Corpus
from softtopic.data.tokenizer import TOKEN_PATTERN, compile_token_pattern
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, SofttopicError
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.pipeline.read import read_documents
from softtopic.pipeline.sources import Source
from softtopic.pipeline.targets import calibrate
from softtopic.training.objective import soft_labels


@dataclass(frozen=True)
class Bench:
    """A cell with what it works on."""

    cell: Cell
    method: Method
    run: Run
    corpus: Corpus
    vocabulary: Vocabulary

    @classmethod
    def of(cls, cell: Cell) -> "Bench":
        corpus = cell.source.read()
        if labelled_fingerprint(corpus) != cell.fingerprint:
            raise InputError(f"the documents of {cell.source.name} changed since the run began; run it again")
        method = get_method(cell.model)
        run = run_of(method, cell.setting, cell.base)
        words = Vocabulary.from_texts(corpus.texts, size=run.vocabulary, language=cell.base.language)
        return cls(cell, method, run, corpus, words)


@dataclass(frozen=True)
class Ran:
    """What a run gave, and what it took."""

    outcome: Outcome
    stages: list[dict[str, Any]]
    versions: dict[str, str]


def main(step: str, given: str, out: str) -> None:
    """Run one step of a cell."""
    bench = Bench.of(Cell.from_json(Path(given).read_text(encoding="utf-8")))
    if step == "vectors":
        _vectors(bench)
    elif step == "teach":
        read_corpus(bench.run, bench.corpus, bench.vocabulary)
    else:
        write_record(Path(out), _record(bench))


def _vectors(bench: Bench) -> None:
    needed = vectors_read(bench.method, bench.run)
    if "texts" in needed:
        make_vectors(bench.corpus.texts, "sentence vectors")
    if "words" in needed:
        make_vectors(bench.vocabulary.words, "vectors of words")


def _record(bench: Bench) -> dict[str, Any]:
    cell, corpus, method = bench.cell, bench.corpus, bench.method
    shared = _shared(bench)
    if method.environment is not None:
        ran = _elsewhere(bench)
    elif method.name == "kmeans":
        ran = _kmeans(bench)
    elif method.name == "soft-labels":
        ran = _labels(bench)
    else:
        ran = _ours(bench)
    named = cell.base.reference
    reference = None if named is None else named.read()
    return {
        "version": VERSION,
        "cell": json.loads(cell.to_json()),
        "error": None,
        "corpus": {
            "name": cell.source.name,
            "documents": len(corpus),
            "labels": len(set(corpus.labels or ()) - {""}),
            "words": len(bench.vocabulary),
            "fingerprint": cell.fingerprint,
        },
        "metrics": measured(ran.outcome, corpus, reference),
        "reference": None if reference is None else {
            "name": reference.name, "documents": reference.n_documents, "words": reference.n_tokens,
        },
        "stages": shared + ran.stages,
        "versions": {"softtopic": __version__, "python": sys.version.split()[0]} | ran.versions,
        "topics": [list(words) for words in ran.outcome.topics],
        "command": cell.command,
    }  # fmt: skip


def _shared(bench: Bench) -> list[dict[str, Any]]:
    """What was made once for all cells, and this one needs too."""
    needed, recipe = vectors_read(bench.method, bench.run), bench.run.recipe
    sources = {"texts": bench.corpus.texts, "words": bench.vocabulary.words}
    found = [read_vectors(sources[name])[1] for name in needed]
    if recipe is not None and recipe.needs_lm:
        found.append(reading_stage(bench.run, bench.corpus, bench.vocabulary))
    return [stage | {"shared": True} for stage in found]


def _ours(bench: Bench) -> Ran:
    cell, recipe = bench.cell, bench.run.recipe
    if recipe is None:
        raise InputError(f"{cell.model} has no recipe; choose another model")
    stages = Stages()
    vectors = read_vectors(bench.corpus.texts)[0] if "embedding" in recipe.inputs else None
    # The vectors come from the encoder named, which has some for words too.
    encoder = None if vectors is None else SENTENCE_ENCODER
    model = bench.run.model(bench.vocabulary, cell.topics, cell.seed, embedder=encoder)
    with stages.stage("fit"):
        model.fit(bench.corpus, embeddings=vectors)
    outcome = Outcome(model.probabilities_, model.topics.top_words(TOP_WORDS))
    return Ran(outcome, stages.records, {"torch": torch.__version__})


def _kmeans(bench: Bench) -> Ran:
    stages, vectors = Stages(), read_vectors(bench.corpus.texts)[0]
    with stages.stage("fit"):
        theta, topics = kmeans_topics(vectors, bench.corpus.texts, bench.vocabulary, bench.cell.topics, bench.cell.seed)
    return Ran(Outcome(theta, topics), stages.records, {"scikit-learn": version("scikit-learn")})


def _labels(bench: Bench) -> Ran:
    stages, source = Stages(), Source(corpus=bench.corpus)
    plan = plan_of(bench.run, bench.corpus, bench.vocabulary)
    teacher, features = read_documents(plan, source)
    if features is None:
        raise InputError("soft labels need a recipe with a language model; choose another model")
    with stages.stage("calibrate"):
        calibration = calibrate(plan, features, teacher)
        prior = None if calibration is None else torch.from_numpy(calibration.offset)
        training = plan.recipe.training
        labels = soft_labels(
            torch.from_numpy(features.log_probs), temperature=training.temperature, top_k=training.top_k, prior=prior
        )
    theta = labels.numpy()[bench.corpus.distinct.rows]
    return Ran(Outcome(theta, clustered=False), stages.records, {"torch": torch.__version__})


def _elsewhere(bench: Bench) -> Ran:
    """A method of another package, in its environment."""
    environment = bench.method.environment
    if environment is None or not environment.is_whole:
        raise InputError(f"{bench.method.name} has no environment here; add --install")
    with TemporaryDirectory(prefix="softtopic-bench-") as name:
        folder = Path(name)
        _hand_over(bench, folder)
        script = str(SCRIPTS / bench.method.script)
        done = subprocess.run([str(environment.python), script, name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SofttopicError(_reason(done))
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        clusters = folder / "clusters.npy"
        outcome = Outcome(
            np.load(folder / "theta.npy"), result["topics"], np.load(clusters) if clusters.exists() else None
        )
    return Ran(outcome, result["stages"], result["versions"])


def _hand_over(bench: Bench, folder: Path) -> None:
    texts, words = bench.corpus.texts, bench.vocabulary.words
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    (folder / "texts.jsonl").write_text(lines, encoding="utf-8")
    if "texts" in bench.method.vectors:
        np.save(folder / "vectors.npy", read_vectors(texts)[0])
    if "words" in bench.method.vectors:
        np.save(folder / "word_vectors.npy", read_vectors(words)[0])
    settings = {
        "method": bench.method.name, "n_topics": bench.cell.topics, "seed": bench.cell.seed,
        "word_pattern": compile_token_pattern(TOKEN_PATTERN).pattern, "words": list(words),
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"its process was ended by signal {-done.returncode}, as happens where memory runs out"
    return next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no reason given")


if __name__ == "__main__":
    main(*sys.argv[1:4])
