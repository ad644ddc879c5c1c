"""A saved model is loaded, shown, edited and applied to vectors where torch and transformers cannot be imported."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from softtopic import SentenceEncoder, Teacher, TopicModel
from softtopic.recipes import RECIPES

WORDS = ["sql", "table", "query", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
HEAVY = ("torch", "transformers", "accelerate", "gguf")

BLOCKED = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocked())
"""

# Loads a model, applies it to texts, edits and saves it, and prints the processor time for 1,000 documents.
SCRIPT = """
import json, sys, time
import numpy as np
import softtopic.model

folder, kind = sys.argv[1:]
start = time.process_time()
model = softtopic.load(folder)
given = np.load(folder + ".npz")
options = {"embeddings": given["vectors"]} if kind == "default" else {}
texts = json.loads(given["texts"].item())
theta = model.transform(texts, **options)
seconds = time.process_time() - start
assert type(model) is softtopic.TopicModel
np.testing.assert_array_equal(theta, given["theta"])
assert len(model.get_topic_info()) == 3
assert len(model.get_document_info()) == 12
assert model.get_topic_tree([2])
model.rename({0: "first"}).merge_topics([1, 2]).undo()
largest = int(model.get_topic_info()["Topic"][0])
few = {key: value[:5] for key, value in options.items()}
assert model.split_topic(largest).transform(texts[:5], **few).shape == (5, 4)
if not options:
    assert model.find_topics("sql table")[0]
    assert len(model.search("sql table", k=3)) == 3
model.save(folder)
print(json.dumps({"seconds": seconds, "heavy": [name for name in HEAVY if name in sys.modules]}), file=sys.stderr)
""".replace("HEAVY", repr(HEAVY))

# Commands that read and edit a model; the last one needs torch, and says so.
COMMANDS = """
from softtopic.cli import main
for command in (["topics"], ["topics", "--tree"], ["documents", "--topic", "0"], ["edit", "--rename", "1=second"]):
    try: main([command[0], folder, *command[1:]])
    except SystemExit as left: assert not left.code, command
if options:
    try: model.transform(["a text"])
    except ImportError as error: assert "torch is blocked" in str(error)
    else: raise AssertionError("a text was encoded without torch")
"""


@pytest.fixture(scope="module", params=["default", "fast"])
def saved(request, texts, tiny_encoder, tiny_lm, tmp_path_factory):
    """A model with the language model and the sentence encoder among its parameters, and 1,000 documents."""
    kind, folder = request.param, tmp_path_factory.mktemp("saved")
    options = {"encoder__name": tiny_encoder, "training__epochs": 2, "training__batch_size": 4}
    if kind == "fast":
        options |= {"target": "bow", "static__n_batches": 5, "max_training_documents": 9}
    lm = {"lm": Teacher(tiny_lm, device="cpu", dtype="float32")} if kind == "default" else {}
    encoder = SentenceEncoder(tiny_encoder, device="cpu", dtype="float32")
    recipe = RECIPES[kind].with_options(**options)
    model = TopicModel(3, recipe=recipe, embedder=encoder, vocabulary=WORDS, features=None, **lm).fit(texts)
    model.save(folder / "model")
    many = [f"{text} {number}" for number in range(84) for text in texts][:1000]
    vectors = encoder(many)
    theta = model.transform(many, **({"embeddings": vectors} if kind == "default" else {}))
    np.savez(folder / "model.npz", texts=json.dumps(many), vectors=vectors, theta=theta)
    return folder / "model", kind


def run(code, saved, tmp_path):
    folder, kind = saved
    copy = shutil.copytree(folder, tmp_path / "model")
    shutil.copy(f"{folder}.npz", tmp_path)
    done = subprocess.run([sys.executable, "-c", code, str(copy), kind], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


def test_a_saved_model_does_not_import_torch(saved, tmp_path):
    _, found = run(SCRIPT, saved, tmp_path)
    assert found["heavy"] == []
    # For 1,000 documents; a tenth of it on a machine that does nothing else.
    assert found["seconds"] < 2


def test_a_saved_model_needs_no_torch(saved, tmp_path):
    printed, found = run(BLOCKED + SCRIPT + COMMANDS, saved, tmp_path)
    assert found["heavy"] == []
    assert "second" in printed
