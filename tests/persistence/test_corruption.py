"""No damaged or tampered folder loads, hangs, or ends in anything but one line of ModelFileError.

Folders are loaded in a process of their own, without the run-time types of the other tests, which would find some of
the damage before the code does.
"""

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from corruptions import all_corruptions, of_version_1, seal
from states import PARAMETERS, default_state, edits_of_all_kinds

from softtopic import persistence
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import ModelFileError
from softtopic.persistence.folder import CONFIG, read_model

OLD = Path(__file__).parent / "folders" / "v1-sampled"

LOADER = """
import json, signal, sys, time
from pathlib import Path
from softtopic import persistence

def ring(*_):
    raise BaseException("took too long")

signal.signal(signal.SIGALRM, ring)
for folder in sorted(Path(sys.argv[1]).iterdir()):
    signal.alarm(20)
    start = time.perf_counter()
    try:
        persistence.load(folder, device="cpu")
        found = ["loaded", ""]
    except BaseException as error:
        found = [type(error).__name__, str(error)]
    signal.alarm(0)
    print(json.dumps([folder.name, *found, time.perf_counter() - start]), flush=True)
"""


@pytest.fixture(scope="module")
def sound(texts, tmp_path_factory) -> Path:
    state = default_state(texts)
    parameters = PARAMETERS | {"recipe": state.recipe, "vocabulary": Vocabulary(state.vocabulary.words)}
    folder = tmp_path_factory.mktemp("sound") / "model"
    persistence.save(state, parameters, folder, edits=edits_of_all_kinds(state))
    return folder


@pytest.fixture(scope="module")
def outcomes(sound, tmp_path_factory) -> dict[str, tuple[str, str, float]]:
    """What loading each corrupted folder ends in: error, message, seconds."""
    root = tmp_path_factory.mktemp("corrupted")
    cases = [(sound, name, corrupt) for name, corrupt in all_corruptions(sound).items()]
    cases += [(OLD, name, corrupt) for name, corrupt in of_version_1(OLD)]
    names = {}
    for number, (whole, name, corrupt) in enumerate(cases):
        folder = root / f"{number:04}"
        shutil.copytree(whole, folder)
        corrupt(folder)
        names[folder.name] = name
    done = subprocess.run([sys.executable, "-c", LOADER, str(root)], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    found = {names[name]: tuple(outcome) for name, *outcome in map(json.loads, done.stdout.splitlines())}
    shutil.rmtree(root)
    assert found.keys() == set(names.values())
    return found


def test_every_corruption_is_refused_in_one_line(outcomes):
    assert len(outcomes) > 800
    loaded = [name for name, (error, *_) in outcomes.items() if error == "loaded"]
    assert loaded == []
    other = {name: outcome for name, outcome in outcomes.items() if outcome[0] != "ModelFileError"}
    assert other == {}
    assert [name for name, (_, message, _) in outcomes.items() if "\n" in message or not message] == []


def test_no_corruption_takes_long(outcomes):
    assert {name: seconds for name, (*_, seconds) in outcomes.items() if seconds > 5} == {}


def test_messages_name_the_next_step(outcomes):
    steps = ("fit the model again", "made by `softtopic fit`", "upgrade softtopic", "with `softtopic fit`")
    assert {name: message for name, (_, message, _) in outcomes.items() if not message.endswith(steps)} == {}


def assert_loads_as(sound, folder):
    """The folder holds the model of another one."""
    expected, found = persistence.load(sound), persistence.load(folder)
    np.testing.assert_array_equal(found.state.theta, expected.state.theta)
    assert found.state.recipe == expected.state.recipe
    assert found.state.vocabulary == expected.state.vocabulary
    assert (found.parameters, found.edits) == (expected.parameters, expected.edits)


def test_what_was_not_corrupted_loads(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "model")
    seal(tmp_path / "model")
    (tmp_path / "model" / "notes.txt").write_text("files of others are ignored")
    assert_loads_as(sound, tmp_path / "model")


def test_a_flipped_bit_of_the_settings_is_refused_or_changes_nothing(sound, tmp_path):
    """Such as the e of 1e-06, or nothing at all."""
    shutil.copytree(sound, tmp_path / "model")
    path, expected = tmp_path / "model" / CONFIG, read_model(sound).config
    data = path.read_bytes()
    for place in range(0, len(data) * 8, 97):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(ModelFileError):
            assert read_model(tmp_path / "model").config == expected


def test_a_link_to_a_regular_file_is_a_file(sound, tmp_path):
    (tmp_path / "model").mkdir()
    for file in sound.iterdir():
        (tmp_path / "model" / file.name).symlink_to(file)
    assert_loads_as(sound, tmp_path / "model")
