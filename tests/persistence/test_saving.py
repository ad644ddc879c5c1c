from dataclasses import replace

import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import ModelFileError
from softtopic.persistence import saving
from softtopic.recipes import get_recipe


def vectors(texts):
    return np.array([[len(text), text.count("e"), text.count(" ")] for text in texts], dtype=np.float32)


@pytest.mark.parametrize("inputs", ["embedding+words", "embedding+tf-idf"])
def test_words_of_new_documents_are_placed_as_before_saving_or_the_folder_is_refused(
    texts, tmp_path, monkeypatch, inputs
):
    model = TopicModel(3, inputs=inputs, target="bow", embedder=vectors, features=None).fit(texts)
    model.save(tmp_path / "model")
    loaded = TopicModel.load(tmp_path / "model")
    np.testing.assert_allclose(
        loaded.transform(texts[:4], embeddings=vectors(texts[:4])), model.probabilities_[:4], atol=1e-6
    )
    files = saving.read_model(tmp_path / "model")
    del files.tensors["words.axes"]
    monkeypatch.setattr(saving, "read_model", lambda path: files)
    with pytest.raises(ModelFileError, match=r"does not fit together .*words\.axes"):
        TopicModel.load(tmp_path / "model")


def test_a_model_asked_by_a_prompt_file_outlives_the_file(texts, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('instruction = "Name it."\n[[demonstrations]]\ntext = "a text"\ntopic = "word"\n')
    recipe = replace(get_recipe("default"), prompts=("published", str(mine)))
    model = TopicModel(3, recipe=recipe, inputs="embedding", target="bow", embedder=vectors, features=None).fit(texts)
    model.save(tmp_path / "model")
    mine.unlink()
    assert TopicModel.load(tmp_path / "model").recipe_.prompts == model.recipe_.prompts


def test_numbers_of_numpy_are_numbers(texts, tmp_path):
    settings = {"inputs": "embedding", "target": "bow", "embedder": vectors, "features": None}
    given = TopicModel(np.int64(3), random_state=np.int64(1), **settings).fit(texts)
    given.save(tmp_path / "model")
    plain = TopicModel(3, random_state=1, **settings).fit(texts)
    np.testing.assert_array_equal(TopicModel.load(tmp_path / "model").probabilities_, plain.probabilities_)
