"""Settings that a comparison changes: which methods have them, what a value may be, and what it does to a run."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from softtopic.bench.cells import Base, Setting
from softtopic.bench.methods import Method
from softtopic.data.vocabulary import Vocabulary
from softtopic.errors import InputError, check_whole
from softtopic.model import TopicModel
from softtopic.pipeline.sampling import check_sample
from softtopic.recipes import Recipe, get_recipe

# Settings of a run that are not the recipe's.
RUN_SETTINGS = ("lm", "sample", "vocabulary_size")

# Settings that matter only to methods with a language model.
_LM_SETTINGS = ("lm", "sample", "training__temperature", "training__top_k")


@dataclass(frozen=True)
class Run:
    """A method with the settings of a cell.

    Parameters
    ----------
    recipe : Recipe or None
        None: the method is not one of softtopic's models.
    lm : str
        Language model.
    vocabulary_size : int
    sample : float or None, default=None
        Share of the documents that the language model reads; None: as the recipe says.
    """

    recipe: Recipe | None
    lm: str
    vocabulary_size: int
    sample: float | None = None

    def model(self, vocabulary: Vocabulary, n_topics: int = 2, seed: int = 0, **options: Any) -> TopicModel:
        """The model of a run, not yet fitted; what it reads depends on neither the number of topics nor the seed."""
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


def parse_sweep(text: str | None) -> list[Setting]:
    """The settings of e.g. "training__temperature=1,3".

    Raises
    ------
    InputError
        If the text is not NAME=VALUE,… with different values.
    """
    if text is None:
        return []
    name, _, values = (part.strip() for part in text.partition("="))
    settings = [Setting(name, value.strip()) for value in values.split(",")]
    if not name or not all(setting.value for setting in settings):
        raise InputError(f"--sweep {text!r} has no name or an empty value; give NAME=VALUE,…")
    if len(set(settings)) < len(settings):
        raise InputError(f"--sweep {text!r} names a value twice; give each once")
    return settings


def check_settings(settings: Sequence[Setting], methods: Sequence[Method]) -> None:
    """Raise InputError where a method has no such setting, or it cannot have such a value."""
    for setting in settings:
        lacking = [method.name for method in methods if not has_setting(method, setting.name)]
        if lacking:
            raise InputError(f"{', '.join(lacking)} has no setting {setting.name}; leave it out of --models or --sweep")
        for method in methods:
            run_of(method, setting, Base())


def has_setting(method: Method, name: str) -> bool:
    """Whether a setting changes anything of a method."""
    if name == "vocabulary_size":
        return True
    if method.recipe is None:
        return False
    if name == "sample":
        return method.needs_lm and method.trained and "hidden" not in method.recipe.inputs
    return method.needs_lm if name in _LM_SETTINGS or name.startswith("read__") else method.trained


def run_of(method: Method, setting: Setting | None, base: Base) -> Run:
    """The method with a setting; raises InputError where the value is not one of the setting."""
    run = Run(method.recipe, base.lm, base.vocabulary)
    if setting is None:
        return run
    try:
        return _with_setting(run, setting)
    except InputError as error:
        raise InputError(f"--sweep {setting}: {error}") from None


def vectors_needed(method: Method, run: Run) -> tuple[str, ...]:
    """What a run needs sentence vectors of: "texts", "words"."""
    own = ("texts",) if run.recipe is not None and "embedding" in run.recipe.inputs else ()
    return tuple(dict.fromkeys([*method.vectors, *own]))


def _with_setting(run: Run, setting: Setting) -> Run:
    name, value = setting.name, setting.value
    if name == "lm":
        return replace(run, lm=value)
    if name == "vocabulary_size":
        size = _parsed(value, int)
        check_whole(name, size, 2)
        return replace(run, vocabulary_size=size)
    if name == "sample":
        sample = _parsed(value, float)
        check_sample(sample)
        return replace(run, sample=sample)
    recipe = run.recipe or Recipe()
    changed = get_recipe(recipe, value) if name == "backbone" else _replaced(recipe, name, value)
    return replace(run, recipe=changed)


def _replaced(config: Any, name: str, value: str) -> Any:
    """A recipe, or settings in it, with one value changed to what a text stands for."""
    head, _, rest = name.partition("__")
    kinds = get_type_hints(type(config))
    if head not in kinds:
        known = [*sorted(kinds), *(RUN_SETTINGS if isinstance(config, Recipe) else ())]
        raise InputError(f"{type(config).__name__} has no setting {head!r}; choose from {', '.join(known)}")
    if not rest:
        return replace(config, **{head: _parsed(value, kinds[head])})
    if not is_dataclass(getattr(config, head)):
        raise InputError(f"{head} of this method has no settings")
    return replace(config, **{head: _replaced(getattr(config, head), rest, value)})


def _parsed(value: str, kind: Any) -> Any:
    """The value of a type that a text stands for: "none" for None, "default" for settings as they are by default."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if value == "none" and NoneType in kinds:
        return None
    if bool in kinds and value in ("true", "false"):
        return value == "true"
    for one in kinds:
        if one in (int, float):
            with suppress(ValueError):
                return one(value)
        if value == "default" and is_dataclass(one) and isinstance(one, type):
            return one()
    if str in kinds:
        return value
    names = ["none" if one is NoneType else "default" if is_dataclass(one) else one.__name__ for one in kinds]
    raise InputError(f"{value!r} is not one of its values; give {' or '.join(names)}")
