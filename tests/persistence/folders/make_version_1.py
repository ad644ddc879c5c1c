"""Makes the folders v1-* with the code of commit be977f4.

PYTHONPATH=<its src> python make_version_1.py <its tests>
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, sys.argv[1])

from conftest import TEXTS

from softtopic import Prompt, TopicModel
from softtopic import model as model_module
from softtopic.inputs.word_vectors import WordVectors
from softtopic.recipes import RECIPES
from softtopic.teacher.base import TeacherOutput
from softtopic.teacher.local import Teacher

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]

# Small layers make small folders; version 1 stores their size beside the recipe.
settings_of = model_module.settings_of


def small(name, offered):
    hidden = {} if name == "fastopic" else {"n_hidden": 8}
    return settings_of(name, offered) | hidden


model_module.settings_of = small

rng = np.random.default_rng(0)
HIDDEN = rng.normal(size=(12, 6)).astype(np.float32)
SOFT = np.log(rng.dirichlet(np.ones(11), size=12)).astype(np.float32)


def lengths(texts):
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


def quick(name, **changes):
    recipe = RECIPES[name]
    return replace(recipe, training=replace(recipe.training, epochs=8, batch_size=4), **changes)


def keep(name, model, theta, *, excerpts=True):
    model.save(f"v1-{name}", excerpts=excerpts)
    Path(f".v1-{name}.lock").unlink(missing_ok=True)
    np.save(f"v1-{name}.npy", theta)


def chosen(teacher, corpus, vocabulary, *, progress):
    return teacher.asking(*teacher.prompts, Prompt("Name it.", [(" ".join(TEXTS[2].split()[:8]), "bread")]))


def read(self, texts, vocabulary, progress=None):
    rows = [TEXTS.index(text) for text in texts]
    return TeacherOutput(SOFT[rows].astype(np.float16), HIDDEN[rows].astype(np.float16))


for name in ("prodlda", "etm", "ecrtm", "fastopic"):
    vectors = WordVectors(tuple(WORDS), rng.normal(size=(11, 4)).astype(np.float32)) if name == "etm" else None
    inputs = "bow" if name == "fastopic" else None
    model = TopicModel(3, recipe=quick(name), inputs=inputs, vocabulary=WORDS, word_vectors=vectors, random_state=1)
    keep(name, model.fit(TEXTS), model.transform(TEXTS))

model = TopicModel(3, recipe=quick("light"), vocabulary=WORDS).fit(soft_labels=SOFT, hidden=HIDDEN)
keep("light", model, model.transform(hidden=HIDDEN))

model = TopicModel(3, recipe=quick("default"), vocabulary=WORDS)
model.fit(TEXTS, soft_labels=SOFT, hidden=HIDDEN, embeddings=lengths(TEXTS))
keep("default", model, model.transform(TEXTS, hidden=HIDDEN, embeddings=lengths(TEXTS)), excerpts=False)

# The language model reads a part, with examples from the corpus. It is a stand-in: none is loaded.
model_module.with_demonstrations = chosen
Teacher.read = read
Teacher.fingerprint = "stand-in"
recipe = quick("default", read_at_most=8, demonstrations="auto")
model = TopicModel(3, recipe=recipe, lm="tiny-lm", embedder=lengths, vocabulary=WORDS, features=None).fit(TEXTS)
keep("sampled", model, model.transform(TEXTS, embeddings=lengths(TEXTS)))
