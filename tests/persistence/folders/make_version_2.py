"""Makes the folders v2-*; to be run again only as long as version 2 has not been released.

PYTHONPATH=../../../src python make_version_2.py
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from conftest import TEXTS

from softtopic import TopicModel
from softtopic.backbones.settings import ETMSettings, PLSASettings, ProdLDASettings
from softtopic.inputs.word_vectors import WordVectors
from softtopic.recipes import get_recipe

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
QUICK = {"training__epochs": 8, "training__batch_size": 4}

rng = np.random.default_rng(0)
HIDDEN = rng.normal(size=(12, 6)).astype(np.float32)
SOFT = np.log(rng.dirichlet(np.ones(11), size=12)).astype(np.float32)
VECTORS = WordVectors(tuple(WORDS), rng.normal(size=(11, 4)).astype(np.float32))


def lengths(texts):
    return np.array([[len(text), text.count(" "), text.count("e") - 2.0] for text in texts], dtype=np.float32)


def keep(name, model, theta, *, excerpts=True):
    model.save(f"v2-{name}", excerpts=excerpts)
    Path(f".v2-{name}.lock").unlink(missing_ok=True)
    np.save(f"v2-{name}.npy", theta)


recipe = get_recipe("prodlda", ProdLDASettings(n_hidden=8), **QUICK)
model = TopicModel(3, recipe=recipe, vocabulary=WORDS, random_state=1).fit(TEXTS)
keep("prodlda", model, model.transform(TEXTS))

recipe = get_recipe("etm", ETMSettings(n_hidden=8), **QUICK)
model = TopicModel(3, recipe=recipe, vocabulary=WORDS, word_vectors=VECTORS).fit(TEXTS)
keep("etm", model, model.transform(TEXTS))

recipe = get_recipe("default", PLSASettings(n_hidden=8), **QUICK)
model = TopicModel(3, recipe=recipe, vocabulary=WORDS, embedder=lengths)
model.fit(TEXTS, soft_labels=SOFT, hidden=HIDDEN, embeddings=lengths(TEXTS))
keep("default", model, model.transform(TEXTS, embeddings=lengths(TEXTS)), excerpts=False)

recipe = get_recipe("light", ProdLDASettings(n_hidden=8), **QUICK)
model = TopicModel(3, recipe=recipe, vocabulary=WORDS).fit(soft_labels=SOFT, hidden=HIDDEN)
keep("light", model, model.transform(hidden=HIDDEN))
