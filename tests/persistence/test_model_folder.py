import json
from pathlib import Path

import numpy as np
import pytest

from softtopic.errors import DiskError, ModelFileError
from softtopic.persistence.model_folder import ModelFiles, check_destination, read_model, write_model

PARTS = ["model.safetensors", "topics.json", "documents.parquet", "README.md"]


def model(seed: int = 0) -> ModelFiles:
    chance = np.random.default_rng(seed)
    tensors = {
        "weights": chance.normal(size=(3, 4)).astype(np.float32),
        "theta": chance.normal(size=(5, 2)).astype(np.float16).T,
        "rows": np.arange(5),
        "none": np.empty((0, 4), np.float32),
    }
    documents = {"id": ["a", "b"], "text": ["one 🚀", "two\u2028three"]}
    return ModelFiles({"n_topics": 2, "lm": "tiny é"}, tensors, {"words": ["añejo", "plum"]}, documents, "# A model\n")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path) -> Path:
    write_model(tmp_path / "model", model())
    return tmp_path / "model"


def test_a_model_comes_back_as_it_was(folder):
    found, written = read_model(folder), model()
    assert written.config.items() <= found.config.items()
    assert (found.topics, found.documents, found.card) == (written.topics, written.documents, written.card)
    assert found.tensors.keys() == written.tensors.keys()
    for name, value in written.tensors.items():
        assert found.tensors[name].dtype == value.dtype
        np.testing.assert_array_equal(found.tensors[name], value)


def test_a_model_is_five_plain_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted([*PARTS, "config.json"])
    config = json.loads((folder / "config.json").read_text())
    assert (config["format"], config["version"]) == ("softtopic-model", 1)
    assert config["files"].keys() == set(PARTS)


def test_equal_models_are_equal_files(folder, tmp_path):
    write_model(tmp_path / "again", model())
    assert tree(folder) == tree(tmp_path / "again")


def test_an_older_model_gives_way_whole(folder):
    (folder / "notes.txt").write_text("of the old one")
    write_model(folder, model(1))
    assert not (folder / "notes.txt").exists()
    np.testing.assert_array_equal(read_model(folder).tensors["weights"], model(1).tensors["weights"])
    assert {path.name for path in folder.parent.iterdir()} == {"model", ".model.lock"}


def test_a_relative_path_and_new_parents_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_model("deep/model", model())
    assert read_model("deep/model").topics == model().topics


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [remove, truncate, flip])
@pytest.mark.parametrize("name", PARTS)
def test_a_damaged_part_is_refused_by_name(folder, name, damage):
    damage(folder / name)
    with pytest.raises(ModelFileError, match=rf"{name} is missing or damaged; restore it, or fit the model again"):
        read_model(folder)


def test_a_part_that_lies_about_itself_is_refused(folder):
    """The checksum fits and the content does not."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "topics.json").write_text("{")
    config["files"] = {"README.md": config["files"]["README.md"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match="lacks a part or is damaged"):
        read_model(folder)


def rewrite(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("version", [2, 99, "1", None])
def test_another_version_is_refused_with_the_way_out(folder, version):
    rewrite(folder, version=version)
    with pytest.raises(ModelFileError, match=rf"model of version {version}; this program reads up to 1: upgrade it"):
        read_model(folder)


@pytest.mark.parametrize("files", [None, {}, ["README.md"]])
def test_settings_without_checksums_are_refused(folder, files):
    rewrite(folder, files=files)
    with pytest.raises(ModelFileError, match=r"config\.json is damaged"):
        read_model(folder)


def test_a_flipped_bit_in_the_settings_is_refused_or_changes_a_setting_alone(folder):
    path = folder / "config.json"
    data, whole = path.read_bytes(), read_model(folder)
    for place in range(0, len(data) * 8, 5):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = read_model(folder)
        except ModelFileError:
            continue
        assert (found.topics, found.documents, found.card) == (whole.topics, whole.documents, whole.card)


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
        with pytest.raises(ModelFileError, match="exists and is not a model folder; give a new folder, nothing was"):
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


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_a_model_that_is_not_there_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(ModelFileError, match=f"{name}: no such model folder; make one with `softtopic fit`"):
        read_model(tmp_path / name)


def test_a_full_disk_leaves_the_old_model(folder, monkeypatch):
    def fill_up(table, where, **options):
        raise OSError(28, "No space left on device")

    before = tree(folder)
    monkeypatch.setattr("softtopic.persistence.model_folder.pq.write_table", fill_up)
    with pytest.raises(DiskError, match=r"model could not be written \(No space left on device\); free some space"):
        write_model(folder, model(1))
    assert tree(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"model", ".model.lock"}
