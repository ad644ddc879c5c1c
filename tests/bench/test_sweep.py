import pytest

from softtopic.bench.cells import Base, Setting
from softtopic.bench.methods import METHODS, get_method
from softtopic.bench.sweep import SETTINGS, check_sweep, parse_sweep, run_of
from softtopic.data.corpus import Corpus
from softtopic.errors import InputError

VALUES = {
    "tau": "0.5,1", "top_k": "20,all", "calibration": "none,corpus", "prompt": "tag,four-shot", "lm": "a,b",
    "loss_weight": "1,1000", "target": "soft,bow,soft+bow", "inputs": "hidden,hidden+embedding",
    "vocabulary_size": "500,4000", "sample": "0.2,0.5",
}  # fmt: skip


def test_every_setting_is_parsed():
    assert set(VALUES) == set(SETTINGS)
    for name, values in VALUES.items():
        assert parse_sweep(f"{name}={values}") == [Setting(name, value) for value in values.split(",")]
    assert parse_sweep(None) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("tau", "give NAME=VALUE"), ("heat=1", "give NAME=VALUE"), ("tau=warm", "not a number above 0"),
        ("tau=0", "not a number above 0"), ("tau=nan", "not a number above 0"), ("tau=1,", "not a number above 0"),
        ("top_k=1.5", "not a whole number"), ("vocabulary_size=1", "at least 2"), ("prompt=x", "choose one of"),
        ("prompt=gone.toml", "no such file"), ("target=x", "choose of soft, bow"), ("inputs=x", "choose of hidden"),
        ("calibration=x", "choose one of none"), ("lm=", "empty value"),
        ("sample=1.5", "more than all"), ("sample=some", "not a number"), ("tau=1,1", "names a value twice"),
    ],
)  # fmt: skip
def test_a_sweep_that_makes_no_sense(given, said):
    with pytest.raises(InputError, match=said):
        parse_sweep(given)


def test_what_a_setting_changes():
    base, method = Base(), get_method("dsl")
    assert run_of(method, None, base).recipe == method.recipe
    recipes = {name: run_of(method, Setting(name, VALUES[name].split(",")[-1]), base) for name in SETTINGS}
    assert recipes["tau"].recipe.training.temperature == 1
    assert recipes["top_k"].recipe.training.top_k is None
    assert recipes["loss_weight"].recipe.training.distillation_weight == 1000
    assert recipes["inputs"].recipe.inputs == "hidden+embedding"
    assert recipes["target"].recipe.target == "soft+bow"
    assert recipes["calibration"].recipe.calibration == "corpus"
    assert recipes["prompt"].recipe.prompts == ("four-shot",)
    assert recipes["lm"].lm == "b"
    assert recipes["vocabulary_size"].vocabulary == 4000
    assert recipes["sample"].sample == 0.5


def test_a_part_of_the_documents_is_read_where_it_is_asked_for():
    corpus = Corpus.from_texts([f"text {n}" for n in range(10)])
    whole = run_of(get_method("default"), None, Base())
    assert whole.read(corpus).texts == corpus.distinct.texts
    assert run_of(get_method("default"), Setting("inputs", "hidden"), Base()).sample == 1
    half = run_of(get_method("default"), Setting("sample", "0.5"), Base())
    assert half.read(corpus).texts == corpus.sample(5).texts


def test_methods_say_what_may_be_swept():
    check_sweep(parse_sweep("vocabulary_size=500"), list(METHODS.values()))
    check_sweep(parse_sweep("tau=1"), [get_method("dsl"), get_method("soft-labels")])
    check_sweep(parse_sweep("sample=0.2"), [get_method("default")])
    with pytest.raises(InputError, match="light has no setting sample"):
        check_sweep(parse_sweep("sample=0.2"), [get_method("light")])
    with pytest.raises(InputError, match="lda, prodlda has no setting tau"):
        check_sweep(parse_sweep("tau=1"), [get_method("lda"), get_method("dsl"), get_method("prodlda")])
