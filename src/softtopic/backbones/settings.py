"""Sizes and hyper-parameters of the backbones.

Nothing here imports torch, so that a recipe can hold the settings of its backbone.
"""

from dataclasses import dataclass, replace
from typing import final

from softtopic.errors import check_number, check_whole


@final
@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Dimensions of a backbone, known only once there are documents.

    Parameters
    ----------
    n_inputs : int
        Columns of the inputs.
    n_topics : int
        Number of topics, at least 2.
    n_words : int
        Words of the vocabulary.
    word_width : int or None, default=None
        Columns of the pre-trained word embeddings that ETM and ECRTM start from. None: there are none, and the width is
        that of the settings.

    Raises
    ------
    InputError
        If a size is not a whole number in its range.
    """

    n_inputs: int
    n_topics: int
    n_words: int
    word_width: int | None = None

    def __post_init__(self) -> None:
        check_whole("n_inputs", self.n_inputs, 1)
        check_whole("n_topics", self.n_topics, 2)
        check_whole("n_words", self.n_words, 1)
        if self.word_width is not None:
            check_whole("word_width", self.word_width, 1)


@dataclass(frozen=True, kw_only=True)
class BackboneSettings:
    """Hyper-parameters of a backbone; each backbone has a subclass of its own."""

    def resolved(self, label_temperature: float) -> "BackboneSettings":
        """The settings with a value in place of every None.

        Parameters
        ----------
        label_temperature : float
            Temperature of the soft labels that the backbone is trained on.

        Returns
        -------
        BackboneSettings
            Of the same class.
        """
        del label_temperature
        return self


@final
@dataclass(frozen=True, kw_only=True)
class ProdLDASettings(BackboneSettings):
    """Hyper-parameters of ProdLDA; the defaults are those of the published distillation code.

    Parameters
    ----------
    n_hidden : int, default=200
        Units of each of the two hidden layers of the inference network.
    dropout : float in [0, 1), default=0.2
        Dropout rate of the last hidden layer and of theta.
    temperature : float or None, default=None
        Divides the word logits. None: the temperature of the soft labels, as in the published method.
    dirichlet_alpha : float, default=1.0
        The learnable prior starts at the Laplace approximation of a symmetric Dirichlet of this concentration.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    n_hidden: int = 200
    dropout: float = 0.2
    temperature: float | None = None
    dirichlet_alpha: float = 1.0

    def __post_init__(self) -> None:
        check_whole("n_hidden", self.n_hidden, 1)
        check_number("dropout", self.dropout, 0, 1)
        if self.temperature is not None:
            check_number("temperature", self.temperature, 0, closed="neither")
        check_number("dirichlet_alpha", self.dirichlet_alpha, 0, closed="neither")

    def resolved(self, label_temperature: float) -> "ProdLDASettings":
        return self if self.temperature is not None else replace(self, temperature=label_temperature)


@final
@dataclass(frozen=True, kw_only=True)
class ETMSettings(BackboneSettings):
    """Hyper-parameters of ETM; the defaults are the published ones.

    Parameters
    ----------
    n_hidden : int, default=200
        Units of each of the two hidden layers of the inference network.
    dropout : float in [0, 1), default=0.5
        Dropout rate of the last hidden layer.
    word_width : int, default=300
        Columns of the word and topic embeddings where no pre-trained word embeddings are given.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    n_hidden: int = 200
    dropout: float = 0.5
    word_width: int = 300

    def __post_init__(self) -> None:
        check_whole("n_hidden", self.n_hidden, 1)
        check_number("dropout", self.dropout, 0, 1)
        check_whole("word_width", self.word_width, 1)


@final
@dataclass(frozen=True, kw_only=True)
class ECRTMSettings(BackboneSettings):
    """Hyper-parameters of ECRTM; the defaults are the published ones.

    Parameters
    ----------
    n_hidden, dropout, word_width : default=200, 0.0 and 200
        As in `ETMSettings`.
    beta_temperature : float, default=0.2
        Temperature of the softmax over topics that assigns each word to the topics near it.
    clustering_weight : float, default=100.0
        Weight of the embedding clustering regularisation, i.e. of the transport cost between topics and words.
    sinkhorn_alpha : float, default=20.0
        Inverse of the entropic regularisation of that transport.
    sinkhorn_tolerance : float, default=0.005
        Sinkhorn's algorithm stops once the summed error of the column masses is below this share of the total mass.
    sinkhorn_max_iterations : int, default=1000
        Limit on its number of iterations.
    dirichlet_alpha : float, default=1.0
        The prior is the Laplace approximation of a symmetric Dirichlet of this concentration.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    n_hidden: int = 200
    dropout: float = 0.0
    word_width: int = 200
    beta_temperature: float = 0.2
    clustering_weight: float = 100.0
    sinkhorn_alpha: float = 20.0
    sinkhorn_tolerance: float = 5e-3
    sinkhorn_max_iterations: int = 1000
    dirichlet_alpha: float = 1.0

    def __post_init__(self) -> None:
        for name in ("n_hidden", "word_width", "sinkhorn_max_iterations"):
            check_whole(name, getattr(self, name), 1)
        check_number("dropout", self.dropout, 0, 1)
        for name in ("clustering_weight", "sinkhorn_tolerance"):
            check_number(name, getattr(self, name), 0)
        for name in ("beta_temperature", "sinkhorn_alpha", "dirichlet_alpha"):
            check_number(name, getattr(self, name), 0, closed="neither")


@final
@dataclass(frozen=True, kw_only=True)
class FASTopicSettings(BackboneSettings):
    """Hyper-parameters of FASTopic; the defaults are the published ones but for the tolerance.

    Parameters
    ----------
    doc_topic_alpha : float, default=3.0
        Inverse of the entropic regularisation of the transport between documents and topics.
    topic_word_alpha : float, default=2.0
        The same of the transport between topics and words.
    sinkhorn_tolerance, sinkhorn_max_iterations : default=0.0001 and 1000
        As in `ECRTMSettings`. The published code tests for .005, but at every 50th iteration only, and is far below it
        by then.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    doc_topic_alpha: float = 3.0
    topic_word_alpha: float = 2.0
    sinkhorn_tolerance: float = 1e-4
    sinkhorn_max_iterations: int = 1000

    def __post_init__(self) -> None:
        check_number("doc_topic_alpha", self.doc_topic_alpha, 0, closed="neither")
        check_number("topic_word_alpha", self.topic_word_alpha, 0, closed="neither")
        check_number("sinkhorn_tolerance", self.sinkhorn_tolerance, 0)
        check_whole("sinkhorn_max_iterations", self.sinkhorn_max_iterations, 1)


@final
@dataclass(frozen=True, kw_only=True)
class PLSASettings(BackboneSettings):
    """Hyper-parameters of PLSA with an inference network.

    Parameters
    ----------
    n_hidden : int, default=256
        Units of each of the two hidden layers of the inference network.
    dropout : float in [0, 1), default=0.2
        Dropout rate of the last hidden layer. Inputs get multiplicative noise of the same variance instead.
    tail_weight : float in [0, 1], default=0.1
        Weight of the second softmax in the inferred theta,
        (1 - tail_weight) softmax(z) + tail_weight softmax(z / tail_temperature).
        Where one topic takes nearly all of softmax(z), the shares of the others are too small to tell documents of that
        topic apart; the second softmax raises them.
    tail_temperature : float, default=3.0
        Temperature of that softmax.
    init_smoothing : float, default=1e-6
        Added to the initial topic-word probabilities before their logarithm, so that a word of probability 0 can
        still be learned.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    n_hidden: int = 256
    dropout: float = 0.2
    tail_weight: float = 0.1
    tail_temperature: float = 3.0
    init_smoothing: float = 1e-6

    def __post_init__(self) -> None:
        check_whole("n_hidden", self.n_hidden, 1)
        check_number("dropout", self.dropout, 0, 1)
        check_number("tail_weight", self.tail_weight, 0, 1, closed="both")
        check_number("tail_temperature", self.tail_temperature, 0, closed="neither")
        check_number("init_smoothing", self.init_smoothing, 0, closed="neither")
