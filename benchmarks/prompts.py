"""What the teacher is asked, how words are scored, calibrated and softened: agreement of topics with labels, and NPMI.

    python benchmarks/prompts.py --data-dir FOLDER [--only CORPUS] [--rows prompts|labels|long] [--seeds 3]

Distinct documents at equal distances, the same for every row; recipe light but for what a row says. Labels are read
after training alone. Features are kept in the cache folder, so a run that is stopped goes on.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from scoring import MEASURES, over_seeds, shown, spread

from softtopic import Corpus, Prompt, Teacher, TopicModel
from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.features.extraction import extract
from softtopic.metrics.coherence import coherence
from softtopic.metrics.reference import Reference
from softtopic.recipes import RECIPES, Recipe
from softtopic.teacher.demonstrations import with_demonstrations
from softtopic.teacher.prompts import PROMPTS

# Documents, topics.
CORPORA = {"stackoverflow": (2000, 50), "tweettopic": (1500, 25), "20newsgroups": (800, 50), "reuters-r52": (800, 50)}

THREE = [Prompt(prompt.instruction, document_first=True) for name, prompt in PROMPTS.items() if name in
         ("published", "theme", "single-label")]  # fmt: skip
ASKED = {
    "published": Prompt(),
    "single-label": PROMPTS["single-label"],
    "four-shot": PROMPTS["four-shot"],
    "published, after 12 tokens of keywords": Prompt(rationale="Keywords:", rationale_tokens=12),
    "three instructions after the document, mean": THREE,
    "auto": None,
}


class Row(NamedTuple):
    prompt: str
    beam_width: int = 4
    calibration: str = "corpus"
    temperature: float = 3.0
    truncation: str = "head"


ROWS = {
    "prompts": [
        *(Row(name) for name in ASKED),
        *(Row(name, beam_width=0) for name in ("published", "auto")),
        *(Row("auto", calibration=kind) for kind in ("none", "content-free")),
        *(Row("auto", temperature=value) for value in (1.0, 5.0)),
    ],
    # Where "auto" keeps the given prompt, its rows say nothing new.
    "labels": [
        *(Row(name) for name in ("published", "single-label")),
        Row("published", beam_width=0),
        *(Row("published", calibration=kind) for kind in ("none", "content-free")),
        *(Row("published", temperature=value) for value in (1.0, 5.0)),
    ],
    "long": [Row("published", beam_width=0, truncation=truncation) for truncation in ("head", "head-tail", "windows")],
}


def teacher_of(row: Row, corpus: Corpus, vocabulary: Vocabulary) -> Teacher:
    prompt = ASKED[row.prompt]
    teacher = Teacher(prompt=prompt or Prompt(), beam_width=row.beam_width, truncation=row.truncation)
    return teacher if prompt else with_demonstrations(teacher, corpus, vocabulary)


def recipe_of(row: Row) -> Recipe:
    known = RECIPES["light"]
    training = replace(known.training, temperature=row.temperature)
    return replace(known, training=training, calibration=row.calibration, demonstrations="none")


def measure(row: Row, corpus: Corpus, topics: int, seeds: int, reference: Reference) -> dict[str, str | float]:
    vocabulary = Vocabulary.build(2000, corpus.distinct.texts)
    start = time.perf_counter()
    teacher = teacher_of(row, corpus, vocabulary)
    extract(corpus, vocabulary, teacher)
    seconds = time.perf_counter() - start
    models = (
        TopicModel(topics, recipe=recipe_of(row), lm=teacher, random_state=seed).fit(corpus) for seed in range(seeds)
    )

    def npmi(model: TopicModel) -> dict[str, float]:
        return {"npmi": coherence(model.topics.top_words(10), reference, "npmi").mean}

    scores = over_seeds(models, corpus, npmi)
    return shown(scores, (*MEASURES, "npmi")) | {"reading_s": round(seconds, 1)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--only", help="one corpus", choices=list(CORPORA))
    options.add_argument("--rows", default="prompts", choices=list(ROWS))
    options.add_argument("--seeds", type=int, default=3)
    given = options.parse_args()
    reference = Reference.read(Path(given.data_dir) / "wiki_en_ref.jsonl.gz")
    wanted = ("20newsgroups", "reuters-r52") if given.rows == "long" else list(CORPORA)[:3]
    for name in wanted:
        if given.only not in (None, name):
            continue
        documents, topics = CORPORA[name]
        corpus = spread(load(name, data_dir=given.data_dir), documents)
        for row in ROWS[given.rows]:
            found = measure(row, corpus, topics, given.seeds, reference)
            told = {"corpus": name, "documents": len(corpus), "topics": topics, "seeds": given.seeds}
            print(json.dumps(told | row._asdict() | found), flush=True)


if __name__ == "__main__":
    main()
