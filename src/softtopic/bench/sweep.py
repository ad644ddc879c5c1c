"""Settings that --sweep changes: what a value may be, and what it does to a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from softtopic.bench.cells import Base, Setting
from softtopic.bench.methods import ANY, SAMPLED, TAUGHT, TRAINED, Method
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError
from softtopic.model import TopicModel
from softtopic.recipes import Recipe

SETTINGS = (*TAUGHT, *SAMPLED, *TRAINED, *ANY)

# Settings of the recipe that a sweep changes, by their names there.
_NUMBERS = {"tau": "training__temperature", "loss_weight": "training__distillation_weight"}
_NAMES = {"inputs": "inputs", "target": "target", "calibration": "read__calibration"}


@dataclass(frozen=True)
class Run:
    """A method as a cell runs it."""

    recipe: Recipe | None
    lm: str
    vocabulary: int
    sample: float | None = None  # of the documents, read by the language model; None: as the recipe has it

    def model(self, vocabulary: Vocabulary, n_topics: int = 2, seed: int = 0, **options: Any) -> TopicModel:
        """The model of a run, not yet fitted; its plan says what the language model reads."""
        if self.recipe is None:
            raise InputError("the method has no recipe; choose another")
        return TopicModel(
            n_topics,
            recipe=self.recipe,
            lm=self.lm,
            sample=self.sample,
            vocabulary=vocabulary,
            random_state=seed,
            **options,
        )


def parse_sweep(given: str | None) -> list[Setting]:
    """The settings of e.g. "tau=1,3"; raises InputError for a name or a value that is not known."""
    if given is None:
        return []
    name, equals, values = given.partition("=")
    if name not in SETTINGS or not equals:
        raise InputError(f"--sweep {given!r} is not known; give NAME=VALUE,… with a name of {', '.join(SETTINGS)}")
    settings = [Setting(name, value.strip()) for value in values.split(",")]
    for setting in settings:
        # Any recipe will do to see whether the value is one.
        _changed(Run(Recipe(), "", 2), setting)
    if len({setting.value for setting in settings}) < len(settings):
        raise InputError(f"--sweep {given!r} names a value twice; give each once")
    return settings


def check_sweep(settings: Sequence[Setting], methods: Sequence[Method]) -> None:
    """Raise InputError where a method has no such setting."""
    for setting in settings[:1]:
        wrong = [method.name for method in methods if setting.name not in method.settings]
        if wrong:
            raise InputError(f"{', '.join(wrong)} has no setting {setting.name}; leave it out of --models or --sweep")


def run_of(method: Method, setting: Setting | None, base: Base) -> Run:
    """The method with the setting."""
    run = Run(method.recipe, base.lm, base.vocabulary)
    return run if setting is None else _changed(run, setting)


def vectors_read(method: Method, run: Run) -> tuple[str, ...]:
    """What sentence vectors a run reads, of "texts" and of "words"; a swept setting may ask for some."""
    swept = ("texts",) if run.recipe is not None and "embedding" in run.recipe.inputs else ()
    return tuple(dict.fromkeys([*method.vectors, *swept]))


def _changed(run: Run, setting: Setting) -> Run:
    name, value = setting.name, setting.value
    if name == "vocabulary_size":
        return replace(run, vocabulary=_number(setting, int, least=2))
    if name == "lm":
        return replace(run, lm=_named(setting))
    if name == "prompt":
        if not value.endswith(".toml") or Path(value).is_file():
            # A prompt that is named stays as it is.
            recipe = run.recipe or Recipe()
            return replace(run, recipe=replace(recipe, read=replace(recipe.read, prompts=value, demonstrations=None)))
        raise InputError(f"--sweep prompt={value}: no such file; give a prompt's name or a .toml file")
    if name == "sample":
        share = _number(setting, float)
        if share > 1:
            raise InputError(f"--sweep {setting}: {value!r} is more than all; give shares of at most 1")
        return replace(run, sample=share)
    recipe = run.recipe or Recipe()
    if name == "top_k":
        # None keeps all words, and is no option left alone.
        top_k = None if value == "all" else _number(setting, int, least=1)
        return replace(run, recipe=replace(recipe, training=replace(recipe.training, top_k=top_k)))
    if name in _NUMBERS:
        return replace(run, recipe=recipe.with_options(**{_NUMBERS[name]: _number(setting, float)}))
    return replace(run, recipe=recipe.with_options(**{_NAMES[name]: value}))


def _named(setting: Setting) -> str:
    if not setting.value:
        raise InputError(f"--sweep {setting} has an empty value; give a name for each")
    return setting.value


def _number(setting: Setting, kind: Callable[[str], float], least: int = 0) -> float | int:
    try:
        value = kind(setting.value)
    except ValueError:
        value = None
    if value is None or not value >= least or value in (0, float("inf")):
        what = f"a whole number of at least {least}" if kind is int else "a number above 0"
        raise InputError(f"--sweep {setting}: {setting.value!r} is not {what}")
    return value
