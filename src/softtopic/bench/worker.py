"""The processes of a comparison: `python -m softtopic.bench.worker vectors|read|cell CELL RECORD`.

CELL is a file with a cell; RECORD is the file that the step "cell" writes.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
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
from softtopic.bench.measure import Outcome, measure_outcome
from softtopic.bench.methods import Method, get_method
from softtopic.bench.packages.exchange import TOP_WORDS, Stages
from softtopic.bench.runner import failure_reason
from softtopic.bench.sources import Source, labelled_fingerprint
from softtopic.bench.stages import make_vectors, plan_of, read_vectors, read_with_lm, reading_record
from softtopic.bench.sweep import Run, run_of, vectors_needed
from softtopic.data.corpus import Corpus
from softtopic.data.tokenizer import TOKEN_PATTERN, compile_token_pattern
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, SofttopicError
from softtopic.lm.config import SENTENCE_ENCODER
from softtopic.pipeline import sources
from softtopic.pipeline.read import read_documents
from softtopic.pipeline.targets import calibrate
from softtopic.training.objective import soft_labels


@dataclass(frozen=True)
class Experiment:
    """A cell with its method, its documents and its vocabulary."""

    cell: Cell
    method: Method
    run: Run
    corpus: Corpus
    vocabulary: Vocabulary

    @classmethod
    def from_cell(cls, cell: Cell) -> "Experiment":
        """Read the documents; raises InputError where they are not those of the cell."""
        corpus = _read(cell.source)
        if labelled_fingerprint(corpus) != cell.fingerprint:
            raise InputError(f"the documents of {cell.source.name} changed since the run began; run it again")
        method = get_method(cell.model)
        run = run_of(method, cell.setting, cell.base)
        words = Vocabulary.from_texts(corpus.texts, size=run.vocabulary_size, language=cell.base.language)
        return cls(cell, method, run, corpus, words)


@dataclass(frozen=True)
class Result:
    """The outcome of a run, its stages, and the versions of the packages that it used."""

    outcome: Outcome
    stages: list[dict[str, Any]]
    versions: dict[str, str]


@lru_cache(maxsize=1)
def _read(source: Source) -> Corpus:
    """The cells of a corpus follow each other."""
    return source.read()


def run_step(step: str, cell: Cell, path: Path) -> None:
    """Run one step of a cell in this process: "vectors", "read", or "cell", which writes the record."""
    experiment = Experiment.from_cell(cell)
    if step == "vectors":
        _make_vectors(experiment)
    elif step == "read":
        read_with_lm(experiment.run, experiment.corpus, experiment.vocabulary)
    else:
        write_record(path, _record(experiment))


def _make_vectors(experiment: Experiment) -> None:
    needed = vectors_needed(experiment.method, experiment.run)
    if "texts" in needed:
        make_vectors(experiment.corpus.texts, "sentence vectors")
    if "words" in needed:
        make_vectors(experiment.vocabulary.words, "vectors of words")


def _record(experiment: Experiment) -> dict[str, Any]:
    cell, corpus, method = experiment.cell, experiment.corpus, experiment.method
    shared = _shared_stages(experiment)
    if method.environment is not None:
        result = _run_package(experiment)
    elif method.name == "kmeans":
        result = _run_kmeans(experiment)
    elif method.name == "soft-labels":
        result = _run_soft_labels(experiment)
    else:
        result = _run_softtopic(experiment)
    reference = None if cell.base.reference is None else cell.base.reference.read()
    return {
        "version": VERSION,
        "cell": json.loads(cell.to_json()),
        "error": None,
        "corpus": {
            "name": cell.source.name,
            "documents": len(corpus),
            "labels": len(set(corpus.labels or ()) - {""}),
            "words": len(experiment.vocabulary),
            "fingerprint": cell.fingerprint,
        },
        "metrics": measure_outcome(result.outcome, corpus, reference),
        "reference": None if reference is None else {
            "name": reference.name, "documents": reference.n_documents, "words": reference.n_tokens,
        },
        "stages": shared + result.stages,
        "versions": {"softtopic": __version__, "python": sys.version.split()[0]} | result.versions,
        "topics": [list(words) for words in result.outcome.topics],
        "command": cell.command,
    }  # fmt: skip


def _shared_stages(experiment: Experiment) -> list[dict[str, Any]]:
    """Records of the stages that the cell shares with others."""
    run, corpus, vocabulary = experiment.run, experiment.corpus, experiment.vocabulary
    texts = {"texts": corpus.texts, "words": vocabulary.words}
    records = [read_vectors(texts[name])[1] for name in vectors_needed(experiment.method, run)]
    if run.recipe is not None and run.recipe.needs_lm:
        records.append(reading_record(run, corpus, vocabulary))
    return [record | {"shared": True} for record in records]


def _run_softtopic(experiment: Experiment) -> Result:
    cell, run, stages = experiment.cell, experiment.run, Stages()
    embeds = run.recipe is not None and "embedding" in run.recipe.inputs
    vectors = read_vectors(experiment.corpus.texts)[0] if embeds else None
    # The encoder is named beside the vectors because the ranking of words needs vectors of words too.
    model = run.model(experiment.vocabulary, cell.topics, cell.seed, embedder=SENTENCE_ENCODER if embeds else None)
    with stages.stage("fit"):
        model.fit(experiment.corpus, embeddings=vectors)
    outcome = Outcome(model.probabilities_, model.topics.top_words(TOP_WORDS))
    return Result(outcome, stages.records, {"torch": torch.__version__})


def _run_kmeans(experiment: Experiment) -> Result:
    cell, texts, stages = experiment.cell, experiment.corpus.texts, Stages()
    vectors = read_vectors(texts)[0]
    with stages.stage("fit"):
        theta, topics = kmeans_topics(vectors, texts, experiment.vocabulary, cell.topics, cell.seed)
    return Result(Outcome(theta, topics), stages.records, {"scikit-learn": version("scikit-learn")})


def _run_soft_labels(experiment: Experiment) -> Result:
    corpus, stages = experiment.corpus, Stages()
    plan = plan_of(experiment.run, corpus, experiment.vocabulary)
    teacher, features = read_documents(plan, sources.Source(corpus=corpus))
    if features is None:
        raise InputError("soft labels need a recipe with a language model; choose another model")
    with stages.stage("calibrate"):
        calibration = calibrate(plan, features, teacher)
        prior = None if calibration is None else torch.from_numpy(calibration.offset)
        training = plan.recipe.training
        labels = soft_labels(
            torch.from_numpy(features.log_probs), temperature=training.temperature, top_k=training.top_k, prior=prior
        )
    theta = labels.numpy()[corpus.distinct.rows]
    return Result(Outcome(theta, clustered=False), stages.records, {"torch": torch.__version__})


def _run_package(experiment: Experiment) -> Result:
    """Run a method of another package in its environment."""
    environment = experiment.method.environment
    if environment is None or not environment.is_complete:
        raise InputError(f"{experiment.method.name} has no environment on this machine; add --install")
    with TemporaryDirectory(prefix="softtopic-bench-") as name:
        folder = Path(name)
        _write_task(experiment, folder)
        script = str(SCRIPTS / experiment.method.script)
        done = subprocess.run([str(environment.python), script, name], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SofttopicError(failure_reason(done.returncode, done.stderr))
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        clusters = folder / "clusters.npy"
        outcome = Outcome(
            np.load(folder / "theta.npy"), result["topics"], np.load(clusters) if clusters.exists() else None
        )
    return Result(outcome, result["stages"], result["versions"])


def _write_task(experiment: Experiment, folder: Path) -> None:
    """Write what `exchange.Task` reads."""
    cell, method = experiment.cell, experiment.method
    texts, words = experiment.corpus.texts, experiment.vocabulary.words
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    (folder / "texts.jsonl").write_text(lines, encoding="utf-8")
    if "texts" in method.vectors:
        np.save(folder / "vectors.npy", read_vectors(texts)[0])
    if "words" in method.vectors:
        np.save(folder / "word_vectors.npy", read_vectors(words)[0])
    settings = {
        "method": method.name, "n_topics": cell.topics, "seed": cell.seed,
        "word_pattern": compile_token_pattern(TOKEN_PATTERN).pattern, "words": list(words),
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


if __name__ == "__main__":
    _, _step, _cell, _path = sys.argv
    run_step(_step, Cell.from_json(Path(_cell).read_text(encoding="utf-8")), Path(_path))
