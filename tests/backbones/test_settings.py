import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from softtopic.backbones.registry import (
    BACKBONES,
    check_backbone,
    default_settings,
    name_of,
    settings_class,
)
from softtopic.backbones.settings import BackboneSettings, ProdLDASettings, Sizes
from softtopic.errors import InputError

SIZES = {"n_inputs": 3, "n_topics": 2, "n_words": 4}

# Values that are out of range for a setting of this name in any backbone.
WRONG = {
    "n_hidden": (0,),
    "word_width": (0,),
    "dropout": (-0.1, 1.0, float("nan")),
    "temperature": (0.0, float("inf")),
    "tail_weight": (-0.1, 1.1),
    "tail_temperature": (0.0,),
    "init_smoothing": (0.0,),
    "beta_temperature": (0.0,),
    "clustering_weight": (-1.0, float("inf")),
    "sinkhorn_alpha": (0.0,),
    "sinkhorn_tolerance": (-1.0,),
    "sinkhorn_max_iterations": (0,),
    "dirichlet_alpha": (0.0,),
    "doc_topic_alpha": (0.0,),
    "topic_word_alpha": (0.0,),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_settings_are_found_by_name_and_know_it(name):
    settings = default_settings(name)
    assert name_of(settings) == name == check_backbone(name)
    assert type(settings) is settings_class(name)
    assert settings == settings_class(name)()
    with pytest.raises(FrozenInstanceError):
        settings.dropout = 0.5


@pytest.mark.parametrize("name", BACKBONES)
def test_every_setting_has_a_range(name):
    for field in fields(settings_class(name)):
        for wrong in WRONG[field.name]:
            with pytest.raises(InputError, match=f"{field.name} is {wrong}; give a (whole )?number"):
                settings_class(name)(**{field.name: wrong})


@pytest.mark.parametrize("name", BACKBONES)
def test_resolved_settings_have_no_none_and_stay_as_they_are(name):
    resolved = default_settings(name).resolved(2.0)
    assert all(getattr(resolved, field.name) is not None for field in fields(resolved))
    assert resolved.resolved(5.0) == resolved
    assert name_of(resolved) == name


def test_the_temperature_of_the_labels_is_prodldas():
    assert ProdLDASettings().resolved(2.0) == ProdLDASettings(temperature=2.0)


@pytest.mark.parametrize("wrong", [{"n_topics": 1}, {"n_inputs": 0}, {"n_words": 0}, {"word_width": 0}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is"):
        Sizes(**SIZES | wrong)


def test_unknown_names_and_settings_are_refused():
    for find in (check_backbone, settings_class, default_settings):
        with pytest.raises(InputError, match="backbone 'lda' is not known; choose one of prodlda, etm"):
            find("lda")
    with pytest.raises(InputError, match="BackboneSettings belongs to no backbone"):
        name_of(BackboneSettings())


def test_settings_and_registry_import_no_torch():
    code = "import softtopic.backbones.registry, softtopic.training.config, softtopic.training.report, sys\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
