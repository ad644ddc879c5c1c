"""Hyper-parameters of training. Nothing here imports torch, so that a recipe can hold them."""

from dataclasses import dataclass
from typing import final

from softtopic.errors import check_number, check_whole


@final
@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Hyper-parameters of training; the defaults are those of the published distillation code.

    The loss of a document is distillation_weight x (CE(words) + theta_weight x CE(theta)) + the backbone's penalty. CE
    is the cross-entropy against the soft label, and against the target mixture where there is one.

    Parameters
    ----------
    epochs : int, default=100
        Passes over the documents.
    batch_size : int or None, default=64
        Documents per batch, at least 2; batches have nearly equal sizes. None: all documents in one batch.
    min_batches_per_epoch : int, default=1
        Minimum number of batches per epoch; with few documents, batches are smaller than `batch_size`.
    max_batches : int or None, default=None
        Maximum number of batches over all epochs; with many documents there are fewer epochs. None: no limit.
    learning_rate : float, default=0.002
        Learning rate of Adam (Kingma & Ba, 2015).
    betas : pair of float in [0, 1), default=(0.99, 0.99)
        Decay rates of Adam's moment estimates.
    distillation_weight : float, default=1000.0
        Weight of the distillation loss relative to the backbone's penalty. With target "bow" the weight of a document
        is its length instead, so that the loss is the negative log likelihood.
    temperature : float, default=3.0
        Temperature of the soft labels (Hinton et al., 2015).
    top_k : int or None, default=None
        Number of most probable words kept in a soft label. None: all.
    theta_weight : float, default=1.0
        Weight of the cross-entropy of theta against the target mixtures, relative to that of the words.
    patience : int or None, default=None
        Number of epochs without a lower training loss after which training stops. None: no early stopping.

    Raises
    ------
    InputError
        If a value is out of its range.

    References
    ----------
    Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the knowledge in a neural network. arXiv:1503.02531.
    Kingma, D. P., Ba, J. (2015). Adam: a method for stochastic optimization. ICLR.
    """

    epochs: int = 100
    batch_size: int | None = 64
    min_batches_per_epoch: int = 1
    max_batches: int | None = None
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.99, 0.99)
    distillation_weight: float = 1000.0
    temperature: float = 3.0
    top_k: int | None = None
    theta_weight: float = 1.0
    patience: int | None = None

    def __post_init__(self) -> None:
        check_whole("epochs", self.epochs, 1)
        check_whole("min_batches_per_epoch", self.min_batches_per_epoch, 1)
        for name, least in (("batch_size", 2), ("max_batches", 1), ("top_k", 1), ("patience", 1)):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), least)
        for name in ("learning_rate", "distillation_weight", "temperature"):
            check_number(name, getattr(self, name), 0, closed="neither")
        for beta in self.betas:
            check_number("betas", beta, 0, 1)
        check_number("theta_weight", self.theta_weight, 0)

    def n_batches(self, n_documents: int) -> int:
        """Number of batches of an epoch; none has a single document, which BatchNorm could not normalise.

        Examples
        --------
        >>> TrainingConfig(batch_size=64).n_batches(1000)
        16
        """
        n_batches = max(round(n_documents / (self.batch_size or n_documents)), self.min_batches_per_epoch)
        return max(1, min(n_batches, n_documents // 2))

    def n_epochs(self, n_documents: int) -> int:
        """Number of epochs within the limit on batches, at least one; `patience` may end training earlier.

        Examples
        --------
        >>> TrainingConfig(batch_size=64, max_batches=160).n_epochs(1000)
        10
        """
        if self.max_batches is None:
            return self.epochs
        return max(1, min(self.epochs, round(self.max_batches / self.n_batches(n_documents))))
