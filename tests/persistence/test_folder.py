import json
import os
from pathlib import Path

import numpy as np
import pytest

from softtopic.errors import DiskError, ModelFileError
from softtopic.persistence.folder import PARTS, VERSION, ModelFiles, check_destination, read_model, write_model


def model(seed: int = 0) -> ModelFiles:
    rng = np.random.default_rng(seed)
    tensors = {
        "weights": rng.normal(size=(3, 4)).astype(np.float32),
        "theta": rng.normal(size=(5, 2)).astype(np.float16).T,
        "rows": np.arange(5),
        "none": np.empty((0, 4), np.float32),
    }
    documents = {"id": ["a", "b"], "text": ["one 🚀", "two\u2028three"]}
    return ModelFiles(
        config={"n_topics": 2, "lm": "tiny é"},
        tensors=tensors,
        topics={"words": ["añejo", "plum"]},
        documents=documents,
        card="# A model\n",
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path) -> Path:
    write_model(tmp_path / "model", model())
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was(folder):
    found, written = read_model(folder), model()
    assert (found.config, found.version) == (written.config, VERSION)
    assert (found.topics, found.documents, found.card) == (written.topics, written.documents, written.card)
    assert found.tensors.keys() == written.tensors.keys()
    for name, value in written.tensors.items():
        assert found.tensors[name].dtype == value.dtype
        np.testing.assert_array_equal(found.tensors[name], value)


def test_a_model_is_six_plain_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([*PARTS, "config.json"])
    config = json.loads((folder / "config.json").read_text())
    assert (config["format"], config["version"]) == ("softtopic-model", VERSION)
    assert config["files"].keys() == set(PARTS)
    assert config["files"]["README.md"]["size"] == len(model().card)


def test_all_files_have_the_same_permissions(folder):
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1


def test_equal_models_are_equal_files(folder, tmp_path):
    write_model(tmp_path / "again", model())
    assert tree(folder) == tree(tmp_path / "again")


def test_an_older_model_gives_way_whole(folder):
    (folder / "notes.txt").write_text("of the old one")
    write_model(folder, model(1))
    assert not (folder / "notes.txt").exists()
    np.testing.assert_array_equal(read_model(folder).tensors["weights"], model(1).tensors["weights"])
    assert {path.name for path in folder.parent.iterdir()} == {"model"}


def test_a_relative_path_and_new_parents_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model("deep/model", model())
    assert read_model("deep/model").topics == model().topics


def test_layout_and_order_of_the_settings_do_not_matter(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(config.items()))))
    assert read_model(folder).config == model().config


def test_a_model_of_a_newer_program_is_refused_with_the_way_out(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(ModelFileError, match=r"model of version 99; this program reads up to 2: upgrade softtopic"):
        read_model(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_named(folder):
    (folder / "topics.json").chmod(0)
    with pytest.raises(ModelFileError, match=r"topics\.json may not be read; change its permissions"):
        read_model(folder)


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "needs more memory than there is"), (OverflowError("too\nlarge"), r"damaged \(too large\)")],
)
def test_whatever_goes_wrong_is_one_line(folder, monkeypatch, error, said):
    def fail(path, size):
        raise error

    monkeypatch.setattr("softtopic.persistence.folder.read_tensors", fail)
    with pytest.raises(ModelFileError, match=rf"model\.safetensors .*{said}") as caught:
        read_model(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"format": "other"}', '{"model_type": "llama"}', "\xff"])
def test_a_folder_of_something_else_is_refused_and_untouched(tmp_path, content):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "model.safetensors").write_text("weights of another program")
    if content is not None:
        (folder / "config.json").write_text(content, encoding="latin-1")
    before = tree(folder)
    with pytest.raises(ModelFileError, match="is not a softtopic model folder"):
        read_model(folder)
    for use in (check_destination, lambda path: write_model(path, model())):
        with pytest.raises(ModelFileError, match="exists and is not a model folder; give a model folder or a new one"):
            use(folder)
    assert tree(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_a_file_is_no_destination(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ModelFileError, match="exists and is not a model folder"):
        write_model(tmp_path / "file", model())
    assert (tmp_path / "file").read_text() == "text"


def test_new_empty_and_model_folders_are_destinations(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (folder, tmp_path / "empty", tmp_path / "new"):
        check_destination(path)
        write_model(path, model())
        assert read_model(path).card == "# A model\n"


def test_a_model_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ModelFileError, match="nothing: no such model folder; make one with `softtopic fit`"):
        read_model(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match="file is a file; give a model folder"):
        read_model(tmp_path / "file")


def test_a_full_disk_leaves_the_old_model(folder, monkeypatch):
    def fill_up(table, where, **options):
        raise OSError(28, "No space left on device")

    before = tree(folder)
    monkeypatch.setattr("softtopic.persistence.formats.pq.write_table", fill_up)
    with pytest.raises(DiskError, match=r"model could not be written \(No space left on device\); free some space"):
        write_model(folder, model(1))
    assert tree(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"model"}


def test_a_model_is_not_written_to_standard_output():
    with pytest.raises(ModelFileError, match=r"cannot be written to standard output \(-\); give a folder"):
        check_destination(Path("-"))
