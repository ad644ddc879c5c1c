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
from softtopic.storage.atomic import staged_file, staged_folder
from softtopic.storage.cache import cache_dir
from softtopic.teacher.base import BaseTeacher
from softtopic.teacher.demonstrations import with_demonstrations
from softtopic.teacher.local import Teacher
from softtopic.teacher.opening import open_teacher, require_local
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


def teacher_of(run: Run, corpus: Corpus) -> BaseTeacher:
    """The teacher of a run for a corpus, as it is given; its recipe may choose examples for it."""
    asked = {} if run.recipe is None else run.recipe.asks(len(corpus.distinct.texts))
    return open_teacher(run.lm, **asked)


def chosen_teacher(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> BaseTeacher:
    """The teacher of a run with the examples its recipe asks for, as the model itself would ask it."""
    teacher = teacher_of(run, corpus)
    if not (_chooses(run) and isinstance(teacher, Teacher)):
        return teacher
    return with_demonstrations(require_local(teacher, "demonstrations"), corpus, vocabulary)


def teaching_path(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> Path:
    """Where it is kept what reading the corpus, or its sample, took."""
    teacher = teacher_of(run, corpus).fingerprint
    key = [run.read(corpus).fingerprint, vocabulary.fingerprint, teacher, str(_chooses(run))]
    return cache_dir() / "bench" / "teaching" / f"{fingerprint_strings(key)[:32]}.json"


def _chooses(run: Run) -> bool:
    return run.recipe is not None and run.recipe.demonstrations == "auto"


def teach(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> None:
    """Have the corpus, or its sample, read into the cache folder, and keep what it took."""
    path, stages = teaching_path(run, corpus, vocabulary), Stages()
    read = run.read(corpus)
    if path.is_file() and is_cached(read, vocabulary, chosen_teacher(run, corpus, vocabulary)):
        return
    with stages.stage("language model"):
        teacher = chosen_teacher(run, corpus, vocabulary)
        begun = cache_path(read, vocabulary, teacher).exists()
        extract(read, vocabulary, teacher)
    record = stages.records[0] | {"estimated": False}
    if begun:
        # Others, or a run that was stopped, have paid for some of it.
        log.info("the documents were read before; what it takes is estimated from a part of them")
        seconds = (
            estimate(read, vocabulary, teacher, demonstrations=_chooses(run)).seconds
            if isinstance(teacher, Teacher)
            else None
        )
        record |= {"seconds": seconds, "estimated": True}
    with staged_file(path) as staging:
        staging.write_text(json.dumps(record), encoding="utf-8")


def teaching_stage(run: Run, corpus: Corpus, vocabulary: Vocabulary) -> dict[str, Any]:
    """What reading the corpus took."""
    path = teaching_path(run, corpus, vocabulary)
    if not path.is_file():
        raise InputError("what the language model said is gone from the cache folder; run the same command again")
    return json.loads(path.read_text(encoding="utf-8"))
