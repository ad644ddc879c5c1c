"""Models on the Hugging Face Hub, by a server on this machine that speaks its protocol."""

import json

import numpy as np
import pytest
from hub_server import SHA, TOKEN, Hub, running
from huggingface_hub import constants

from softtopic import TopicModel
from softtopic.errors import HubError, ModelFileError


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """An empty Hub, and nothing in the cache."""
    found = Hub()
    with running(found) as address:
        for name, value in {
            "ENDPOINT": address,
            "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_CACHE": str(tmp_path / "hub"),
            "HF_TOKEN_PATH": str(tmp_path / "token"),
        }.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield found


@pytest.fixture(scope="module")
def model(texts):
    words = ["sql", "table", "orbit", "telescope", "bread", "flour", "taxes", "lens", "photos", "light"]
    return TopicModel(2, recipe="prodlda", vocabulary=words, features=None).fit(texts).rename({1: "second"})


def test_a_model_goes_to_the_hub_and_comes_back(hub, model, texts):
    address = model.push_to_hub("me/topics", token=TOKEN, private=True)
    assert address.endswith(f"/me/topics/commit/{SHA}")
    assert hub.private == {"me/topics": True}
    assert hub.messages == ["Topic model"]
    files = hub.repositories["me/topics"]
    assert sorted(files) == ["README.md", "config.json", "documents.parquet", "edits.json", "model.safetensors",
                             "topics.json"]  # fmt: skip
    assert hub.lfs == {"documents.parquet", "model.safetensors"}
    loaded = TopicModel.from_pretrained("me/topics", token=TOKEN)
    np.testing.assert_array_equal(loaded.transform(texts), model.transform(texts))
    assert loaded.topic_names_ == model.topic_names_
    # No text of a document leaves this machine unless it is asked for.
    assert not any(text.encode() in data for text in texts for data in files.values())
    assert set(loaded.state_.excerpts) == {""}
    model.push_to_hub("me/topics", token=TOKEN, excerpts=True, message="With texts")
    assert hub.messages[-1] == "With texts"


def test_a_model_that_was_fetched_is_there_without_a_network(hub, model, monkeypatch):
    model.push_to_hub("me/topics", token=TOKEN)
    TopicModel.from_pretrained("me/topics")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    assert TopicModel.from_pretrained("me/topics").topic_names_ == model.topic_names_
    with pytest.raises(HubError, match="other/topics: the Hub could not be used"):
        TopicModel.from_pretrained("other/topics")
    assert hub.requests == []


def test_what_comes_from_the_hub_is_checked(hub, model):
    model.push_to_hub("me/topics", token=TOKEN)
    files = hub.repositories["me/topics"]
    files["topics.json"] = files["topics.json"].replace(b"sql", b"SQL")
    with pytest.raises(ModelFileError, match=r"topics\.json is damaged \(its checksum"):
        TopicModel.from_pretrained("me/topics")
    hub.repositories["me/bert"] = {"config.json": b'{"model_type": "bert"}', "code.py": b"raise SystemExit"}
    with pytest.raises(ModelFileError, match="is not a softtopic model folder"):
        TopicModel.from_pretrained("me/bert", revision="main")
    assert not any("code.py" in request for request in hub.requests)


def test_a_local_folder_is_loaded_as_it_is(model, tmp_path):
    model.save(tmp_path / "m")
    assert TopicModel.from_pretrained(str(tmp_path / "m")).topic_names_ == model.topic_names_


@pytest.mark.parametrize(
    ("name", "token", "said"),
    [
        ("no such//name", TOKEN, r"'no such//name' is no name of a model on the Hub .*; give owner/name"),
        ("me/nothing", TOKEN, "me/nothing is not there, or is private; check its name and revision, or give token="),
        ("me/secret", None, "me/secret is not yours or not there; check its name, and give token= or log in"),
    ],
)
def test_models_that_cannot_be_fetched_are_one_line(hub, name, token, said):
    hub.repositories["me/secret"], hub.private["me/secret"] = {}, True
    with pytest.raises(HubError, match=said) as caught:
        TopicModel.from_pretrained(name, token=token)
    assert "\n" not in str(caught.value)


def test_models_that_cannot_be_sent_are_one_line(hub, model, monkeypatch):
    with pytest.raises(HubError, match=r"me/topics is not yours or not there; .*give token=") as caught:
        model.push_to_hub("me/topics", token="wrong")
    assert "\n" not in str(caught.value)
    with pytest.raises(HubError, match="is no name of a model on the Hub"):
        model.push_to_hub("a/b/c", token=TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="me/topics: the Hub could not be used") as caught:
        model.push_to_hub("me/topics", token=TOKEN)
    assert "\n" not in str(caught.value)
    assert json.dumps(hub.repositories) == "{}"
