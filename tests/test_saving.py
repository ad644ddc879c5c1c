import numpy as np
import pytest

from softtopic import TopicModel, saving
from softtopic.errors import ModelFileError


def vectors(texts):
    return np.array([[len(text), text.count("e"), text.count(" ")] for text in texts], dtype=np.float32)


def test_words_of_new_documents_are_placed_as_before_saving_or_the_folder_is_refused(texts, tmp_path, monkeypatch):
    model = TopicModel(3, inputs="embedding+words", target="bow", embedder=vectors, features=None).fit(texts)
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
