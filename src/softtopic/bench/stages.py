"""What several cells share and is made once: sentence vectors, and the language model's reading of a corpus.

Each is made in a process of its own, so that its memory can be told, and keeps beside it what it took.
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
    """Where the sentence vectors of texts are kept."""
    return cache_dir() / "bench" / "vectors" / fingerprint_strings([SentenceEncoder().fingerprint, *texts])[:32]


def has_vectors(texts: Sequence[str]) -> bool:
    return (vectors_folder(texts) / "stage.json").is_file()


def make_vectors(texts: Sequence[str], name: str) -> None:
    """Sentence vectors of texts, kept."""
    if has_vectors(texts):
        return
    encoder, stages = SentenceEncoder(), Stages()
    with staged_folder(vectors_folder(texts)) as staging:
        with stages.stage(name):
            vectors = encoder(texts)
        np.save(staging / "vectors.npy", vectors)
        (staging / "stage.json").write_text(json.dumps(stages.records[0]), encoding="utf-8")


def read_vectors(texts: Sequence[str]) -> tuple[DocHidden, dict[str, Any]]:
    """Sentence vectors that are kept, and what they took."""
    folder = vectors_folder(texts)
    if not has_vectors(texts):
        raise InputError("the sentence vectors are gone from the cache folder; run the same command again")
    return np.load(folder / "vectors.npy"), json.loads((folder / "stage.json").read_text(encoding="utf-8"))


def plan_of(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> FitPlan:
    """What a model of this run will do; what is read depends on neither the number of topics nor the seed."""
    return run.model(vocabulary).plan(corpus)


def reading_path(plan: FitPlan, corpus: Corpus) -> Path:
    """Where the time and memory that reading took are kept."""
    teacher = "" if plan.teacher is None else plan.teacher.fingerprint
    part = corpus_to_read(plan, corpus)
    key = [part.fingerprint, plan.vocabulary.fingerprint, teacher, str(plan.choose_demonstrations)]
    return cache_dir() / "bench" / "teaching" / f"{fingerprint_strings(key)[:32]}.json"


def read_corpus(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> None:
    """Have the language model read what the run's plan says into the cache folder, and keep what it took."""
    plan = plan_of(run, corpus, vocabulary)
    path, stages, part = reading_path(plan, corpus), Stages(), corpus_to_read(plan, corpus)
    with stages.stage("language model"):
        teacher = prompted_teacher(plan, corpus)
        if teacher is None:
            raise InputError("the method needs no language model")
        if path.is_file() and is_cached(part, vocabulary, teacher):
            return
        begun = cache_path(part, vocabulary, teacher).exists()
        extract(part, vocabulary, teacher)
    record = stages.records[0] | {"estimated": False}
    if begun:
        # Another run, or one that was stopped, has paid for some of it.
        log.info("documents were read before; the time is estimated from a part of them")
        known = isinstance(teacher, Teacher)
        seconds = (
            estimate(part, vocabulary, teacher, demonstrations=plan.choose_demonstrations).seconds if known else None
        )
        record |= {"seconds": seconds, "estimated": True}
    with staged_file(path) as staging:
        staging.write_text(json.dumps(record), encoding="utf-8")


def reading_stage(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    """What reading the corpus took."""
    path = reading_path(plan_of(run, corpus, vocabulary), corpus)
    if not path.is_file():
        raise InputError("features of the language model are gone from the cache folder; run the same command again")
    return json.loads(path.read_text(encoding="utf-8"))
