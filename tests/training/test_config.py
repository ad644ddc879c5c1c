import pytest

from softtopic.errors import InputError
from softtopic.training.config import TrainingConfig


def test_many_documents_have_fewer_epochs():
    config = TrainingConfig(epochs=60, batch_size=512, min_batches_per_epoch=32, max_batches=2000)
    assert [config.n_epochs(documents) for documents in (100, 2000, 16_384, 20_000, 50_000)] == [60, 60, 60, 51, 20]
    assert config.n_epochs(512 * 5000) == 1
    assert TrainingConfig(epochs=7).n_epochs(10**6) == 7


def test_few_documents_are_cut_into_smaller_batches():
    config = TrainingConfig(batch_size=512, min_batches_per_epoch=32)
    assert [config.n_batches(documents) for documents in (2, 5, 64, 2000, 51_200)] == [1, 2, 32, 32, 100]
    assert TrainingConfig(batch_size=None).n_batches(10**6) == 1


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("epochs", 0), ("batch_size", 1), ("min_batches_per_epoch", 0), ("max_batches", 0), ("learning_rate", 0.0),
        ("learning_rate", float("nan")), ("distillation_weight", 0.0), ("temperature", -1.0), ("top_k", 0),
        ("theta_weight", -1.0), ("patience", 0),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(name, wrong):
    with pytest.raises(InputError, match=f"{name} is {wrong}; give a (whole )?number"):
        TrainingConfig(**{name: wrong})


def test_betas_are_decay_rates():
    with pytest.raises(InputError, match=r"betas is 1.0; give a number in \[0, 1\)"):
        TrainingConfig(betas=(0.9, 1.0))
