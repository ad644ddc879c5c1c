"""Stages that several cells share: sentence vectors, and the language model's reading of a corpus.

Each runs once, in a process of its own, so that its peak memory is known, and records its time and memory.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from softtopic.bench.packages.exchange import Stages
from softtopic.bench.sweep import Run
from softtopic.data.corpus import Corpus, fingerprint_strings
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.features.estimate import estimate
from softtopic.features.extraction import cache_path, extract, is_cached
from softtopic.lm.encoder import SentenceEncoder
from softtopic.pipeline.plan import FitPlan
from softtopic.pipeline.read import corpus_to_read, prompted_teacher
from softtopic.storage.atomic import staged_file, staged_folder
from softtopic.storage.cache import cache_dir
from softtopic.teacher.local import Teacher
from softtopic.types import DocHidden

log = logging.getLogger(__name__)


def vectors_folder(texts: Sequence[str]) -> Path:
    """Folder in the cache for the sentence vectors of texts."""
    return cache_dir() / "bench" / "vectors" / fingerprint_strings([SentenceEncoder().fingerprint, *texts])[:32]


def has_vectors(texts: Sequence[str]) -> bool:
    return (vectors_folder(texts) / "stage.json").is_file()


def make_vectors(texts: Sequence[str], name: str) -> None:
    """Encode texts into the cache folder unless that was done before; `name` is that of the stage."""
    if has_vectors(texts):
        return
    encoder, stages = SentenceEncoder(), Stages()
    with staged_folder(vectors_folder(texts)) as staging:
        with stages.stage(name):
            vectors = encoder(texts)
        np.save(staging / "vectors.npy", vectors)
        (staging / "stage.json").write_text(json.dumps(stages.records[0]), encoding="utf-8")


def read_vectors(texts: Sequence[str]) -> tuple[DocHidden, dict[str, Any]]:
    """Sentence vectors in the cache folder, and the record of their stage."""
    folder = vectors_folder(texts)
    if not has_vectors(texts):
        raise InputError("the sentence vectors are missing from the cache folder; run the same command again")
    return np.load(folder / "vectors.npy"), json.loads((folder / "stage.json").read_text(encoding="utf-8"))


def plan_of(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> FitPlan:
    """The plan of a run; what is read depends on neither the number of topics nor the seed.

    Raises
    ------
    InputError
        If documents are chosen by their sentence vectors and these have not been made.
    """
    plan = run.model(vocabulary).plan(corpus)
    if plan.read is not None:
        return plan
    return plan.choose_documents(read_vectors(corpus.texts)[0][corpus.distinct.first])


def reading_path(plan: FitPlan, corpus: Corpus) -> Path:
    """File in the cache folder with the record of the language model's reading."""
    teacher = "" if plan.teacher is None else plan.teacher.fingerprint
    part = corpus_to_read(plan, corpus)
    key = [part.fingerprint, plan.vocabulary.fingerprint, teacher, str(plan.choose_demonstrations)]
    return cache_dir() / "bench" / "reading" / f"{fingerprint_strings(key)[:32]}.json"


def is_read(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> bool:
    """Whether the cache folder holds all that the language model says of a corpus."""
    plan = plan_of(run, corpus, vocabulary)
    if plan.teacher is None:
        return True
    return not plan.choose_demonstrations and is_cached(corpus_to_read(plan, corpus), vocabulary, plan.teacher)


def read_with_lm(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> None:
    """Let the language model read what the plan of a run says into the cache folder, and record the stage."""
    plan = plan_of(run, corpus, vocabulary)
    path, stages, part = reading_path(plan, corpus), Stages(), corpus_to_read(plan, corpus)
    with stages.stage("language model"):
        teacher = prompted_teacher(plan, corpus)
        if teacher is None:
            raise InputError("the method has no language model; choose another")
        if path.is_file() and is_cached(part, vocabulary, teacher):
            return
        started = cache_path(part, vocabulary, teacher).exists()
        extract(part, vocabulary, teacher)
    record = stages.records[0] | {"estimated": False}
    if started:
        log.info("some documents were read earlier; the time of all is estimated from a sample")
        record |= {"seconds": None, "estimated": True}
        if isinstance(plan.teacher, Teacher):
            choose = plan.choose_demonstrations
            record["seconds"] = estimate(part, vocabulary, plan.teacher, demonstrations=choose).seconds
    with staged_file(path) as staging:
        staging.write_text(json.dumps(record), encoding="utf-8")


def reading_record(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    """The record of the language model's reading."""
    path = reading_path(plan_of(run, corpus, vocabulary), corpus)
    if not path.is_file():
        raise InputError("the language model's output is missing from the cache folder; run the same command again")
    return json.loads(path.read_text(encoding="utf-8"))
