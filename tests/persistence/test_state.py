from dataclasses import replace

import numpy as np
import pytest
from corruptions import edit_tensor
from states import PARAMETERS, STATES, assert_equal, default_state, edits_of_all_kinds, fast_state, save_again

from softtopic import persistence
from softtopic.errors import InputError, ModelFileError
from softtopic.inputs.registry import Inputs
from softtopic.pipeline.predict import infer
from softtopic.topics.edits import Drop, apply


def tree(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_state_comes_back_bit_for_bit(state, tmp_path):
    persistence.save(state, PARAMETERS, tmp_path / "model")
    saved_model = persistence.load(tmp_path / "model")
    found, parameters = saved_model.state, saved_model.parameters
    assert_equal(found, state)
    assert parameters == PARAMETERS


def test_loading_and_saving_again_gives_equal_files(state, tmp_path):
    persistence.save(state, PARAMETERS, tmp_path / "0")
    for number in range(2):
        save_again(persistence.load(tmp_path / str(number)), tmp_path / str(number + 1))
        assert tree(tmp_path / str(number)) == tree(tmp_path / str(number + 1))


def test_without_excerpts_saving_again_gives_equal_files(texts, tmp_path):
    persistence.save(default_state(texts), PARAMETERS, tmp_path / "0", excerpts=False)
    save_again(persistence.load(tmp_path / "0"), tmp_path / "1")
    assert tree(tmp_path / "0") == tree(tmp_path / "1")


def test_a_teacher_of_the_users_own_class_is_not_stored(texts, tmp_path):
    persistence.save(replace(default_state(texts), teacher={"mine": 1}), PARAMETERS, tmp_path / "model")
    assert persistence.load(tmp_path / "model").state.teacher is None


@pytest.mark.parametrize("name", STATES)
def test_a_loaded_state_infers_the_same_mixtures(name, texts, tmp_path):
    state = STATES[name](texts)
    persistence.save(state, PARAMETERS, tmp_path / "model")
    saved_model = persistence.load(tmp_path / "model")
    found, _ = saved_model.state, saved_model.parameters
    n_inputs = sum(found.widths.values())
    inputs = np.random.default_rng(0).normal(size=(len(texts), n_inputs)).astype(np.float32)
    theta = infer(found.weights, found.recipe.backbone, Inputs({"hidden": inputs}))
    np.testing.assert_array_equal(theta, state.theta)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_topics": 4}, "n_topics is 4, the model was fitted with 3; set it to that"),
        ({"random_state": 0}, "random_state is 0, the model was fitted with 5; set it to that"),
        ({"sample": 2.0}, "sample is 2.0; give a number"),
        ({"recipe": "secret"}, "recipe 'secret' is not known"),
    ],
)
def test_parameters_changed_after_the_fit_are_not_saved(texts, tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        persistence.save(default_state(texts), PARAMETERS | changes, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_could_not_be_loaded_is_not_saved(texts, tmp_path):
    state = default_state(texts)
    weights = state.weights | {"beta": np.full_like(state.weights["beta"], np.nan)}
    with pytest.raises(InputError, match="not finite"):
        persistence.save(replace(state, weights=weights), PARAMETERS, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_device_is_the_callers(texts, tmp_path):
    persistence.save(default_state(texts), PARAMETERS, tmp_path / "model")
    with pytest.raises((InputError, RuntimeError), match="abacus"):
        persistence.load(tmp_path / "model", device="abacus")


def test_ids_that_are_whole_numbers_stay_whole_numbers(texts, tmp_path):
    state = replace(default_state(texts), ids=tuple(range(100, 112)))
    persistence.save(state, PARAMETERS, tmp_path / "model")
    assert persistence.load(tmp_path / "model").state.ids == state.ids


def test_edits_come_back_and_the_state_stays_as_fitted(texts, tmp_path):
    state = default_state(texts)
    done = edits_of_all_kinds(state)
    persistence.save(state, PARAMETERS, tmp_path / "model", edits=done)
    saved = persistence.load(tmp_path / "model")
    assert saved.edits == done
    assert_equal(saved.state, state)
    assert_equal(apply(saved.state, saved.edits).state, apply(state, done).state)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "formula 1" in card
    assert "Küche" in (tmp_path / "model" / "edits.json").read_text()
    save_again(saved, tmp_path / "again")
    assert tree(tmp_path / "model") == tree(tmp_path / "again")


def test_edits_of_another_state_are_not_saved(texts, tmp_path):
    with pytest.raises(InputError, match="topic 9 does not exist"):
        persistence.save(default_state(texts), PARAMETERS, tmp_path / "model", edits=(Drop((9,)),))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tokenizer", lambda array: array[:-1]),
        ("tokenizer", lambda array: array[:0]),
        ("tokenizer", lambda array: array + np.uint8(128)),
        ("tokenizer", lambda array: array.astype(np.float32)),
        ("tokens", lambda array: array[::-1]),
        ("tokens", lambda array: array[1:]),
        ("tokens", lambda array: array + np.int32(8)),
        ("tokens", lambda array: array - np.int32(2)),
        ("tokens", lambda array: array.astype(np.int64)),
        ("vectors", lambda array: array[:, 1:]),
        ("vectors", lambda array: array[1:]),
        ("vectors", lambda array: array[0]),
        ("vectors", lambda array: array * np.float16(np.nan)),
        ("vectors", lambda array: array.astype(np.float32)),
    ],
)
def test_a_damaged_static_encoder_is_refused(texts, tmp_path, name, change):
    persistence.save(fast_state(texts), PARAMETERS, tmp_path / "model")
    edit_tensor(f"static.{name}", change)(tmp_path / "model")
    with pytest.raises(ModelFileError, match="not a sound model"):
        persistence.load(tmp_path / "model")


@pytest.mark.parametrize("change", [{"static": None}, {"encoder": "all-minilm-l6-v2"}])
def test_a_static_encoder_is_an_input_or_there_is_none(texts, tmp_path, change):
    with pytest.raises(InputError):
        persistence.save(replace(fast_state(texts), **change), PARAMETERS, tmp_path / "model")
    static = fast_state(texts).static
    with pytest.raises(InputError, match="static is not used"):
        persistence.save(replace(default_state(texts), static=static), PARAMETERS, tmp_path / "model")
