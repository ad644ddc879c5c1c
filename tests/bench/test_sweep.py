import pytest

from softtopic.backbones.settings import ETMSettings
from softtopic.bench.cells import Base, Setting
from softtopic.bench.methods import METHODS, get_method
from softtopic.bench.sweep import RUN_SETTINGS, check_settings, has_setting, parse_sweep, run_of
from softtopic.errors import InputError
from softtopic.graph.config import GroupsConfig


def changed(method, name, value):
    return run_of(get_method(method), Setting(name, value), Base())


def test_a_sweep_is_a_name_and_values():
    assert parse_sweep(None) == []
    assert parse_sweep("sample=0.2, 0.5") == [Setting("sample", "0.2"), Setting("sample", "0.5")]


@pytest.mark.parametrize("text", ["tau", "=1", "lm=", "sample=1,"])
def test_a_sweep_without_name_or_values_is_an_error(text):
    with pytest.raises(InputError, match="give NAME=VALUE"):
        parse_sweep(text)


def test_a_value_that_stands_twice_is_an_error():
    with pytest.raises(InputError, match="names a value twice"):
        parse_sweep("sample=1,1")


def test_a_setting_changes_one_value_of_a_run():
    method = get_method("default")
    assert run_of(method, None, Base()).recipe == method.recipe
    assert changed("default", "lm", "b").lm == "b"
    assert changed("default", "vocabulary_size", "4000").vocabulary_size == 4000
    assert changed("default", "sample", "0.5").sample == 0.5
    for name, value, options in (
        ("training__temperature", "0.5", {"training__temperature": 0.5}),
        ("training__top_k", "20", {"training__top_k": 20}),
        ("graph__n_steps", "0", {"graph__n_steps": 0}),
        ("standardize", "false", {"standardize": False}),
        ("inputs", "hidden+embedding", {"inputs": "hidden+embedding"}),
        ("target", "soft", {"target": "soft"}),
        ("read__prompts", "four-shot", {"read__prompts": "four-shot"}),
        ("read__calibration", "none", {"read__calibration": "none"}),
        ("ranking__order", "probability", {"ranking__order": "probability"}),
        ("backbone__dropout", "0.5", {"backbone__dropout": 0.5}),
        ("backbone", "etm", {"backbone": ETMSettings()}),
    ):
        assert changed("default", name, value).recipe == method.recipe.with_options(**options), name


def test_none_and_default_switch_parts_off_and_on():
    assert changed("default", "groups", "none").recipe.groups is None
    assert changed("light", "groups", "default").recipe.groups == GroupsConfig()
    assert changed("default", "graph__whitening", "none").recipe.graph.whitening is None
    assert changed("dsl", "training__top_k", "none").recipe.training.top_k is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("heat", "1", "choose from .* sample, vocabulary_size"),
        ("training__heat", "1", "TrainingConfig has no setting 'heat'"),
        ("groups__n_init", "2", "groups of this method has no settings"),
        ("inputs__x", "2", "inputs of this method has no settings"),
        ("training__temperature", "warm", "'warm' is not one of its values; give float"),
        ("training__temperature", "0", "temperature is 0"),
        ("training__temperature", "nan", "temperature is nan"),
        ("training__top_k", "1.5", "give int or none"),
        ("graph", "1", "give default"),
        ("vocabulary_size", "1", "at least 2"),
        ("sample", "1.5", "at most 1"),
        ("sample", "some", "give float"),
        ("read__prompts", "x", "choose one of"),
        ("read__prompts", "gone.toml", "gone.toml"),
        ("read__calibration", "x", "choose one of none"),
        ("target", "x", "choose from soft, bow"),
        ("inputs", "x", "choose from hidden"),
        ("backbone", "x", "choose one of prodlda"),
    ],
)
def test_an_impossible_value_is_an_error(name, value, message):
    with pytest.raises(InputError, match=rf"^--sweep {name}={value}: .*{message}"):
        changed("light", name, value)


def test_methods_have_the_settings_that_change_something():
    assert all(has_setting(method, "vocabulary_size") for method in METHODS.values())
    for method, present, absent in (
        ("default", ("sample", "lm", "read__prompts", "graph__n_steps", "training__epochs"), ()),
        ("light", ("lm", "inputs"), ("sample",)),
        ("soft-labels", ("lm", "read__calibration", "training__temperature"), ("sample", "graph__n_steps")),
        ("prodlda", ("training__epochs", "target"), ("lm", "sample", "training__temperature")),
        ("lda", (), ("lm", "target", *RUN_SETTINGS[:2])),
    ):
        assert all(has_setting(get_method(method), name) for name in present), method
        assert not any(has_setting(get_method(method), name) for name in absent), method


def test_methods_without_a_setting_are_named():
    check_settings(parse_sweep("training__temperature=1"), [get_method("dsl"), get_method("soft-labels")])
    with pytest.raises(InputError, match="lda, prodlda has no setting lm"):
        check_settings(parse_sweep("lm=x"), [get_method("lda"), get_method("dsl"), get_method("prodlda")])
