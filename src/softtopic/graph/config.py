"""Settings of the document graph, of label propagation and of the initial groups."""

from dataclasses import dataclass, field

from softtopic.errors import InputError, check_number, check_whole


@dataclass(frozen=True, kw_only=True)
class WhiteningConfig:
    """Within-class covariance normalisation of the views.

    Parameters
    ----------
    n_classes : int, default=100
        Number of preliminary groups within which covariances are estimated.
    min_class_size : int, default=15
        Mean number of documents in such a group; fewer documents get fewer groups.
    min_documents : int, default=500
        Below this number of documents views are left as they are: covariances of few documents are too noisy, and
        normalising by them lowers precision.
    max_documents : int, default=5000
        Size of the sample on which preliminary groups and covariances are estimated.
    """

    n_classes: int = 100
    min_class_size: int = 15
    min_documents: int = 500
    max_documents: int = 5000

    def __post_init__(self) -> None:
        for name in ("n_classes", "min_class_size", "min_documents", "max_documents"):
            check_whole(f"whitening {name}", getattr(self, name), 1)


@dataclass(frozen=True, kw_only=True)
class AgreementConfig:
    """Weights of the views by their agreement with each other.

    Parameters
    ----------
    power : float, default=4.0
        Power of a view's agreement, relative to the largest, by which its weight is multiplied; 0 for no effect.
    n_neighbors : int, default=15
        Number of neighbours that are compared with groups.
    max_documents : int, default=2000
        Size of the sample on which agreement is measured.
    """

    power: float = 4.0
    n_neighbors: int = 15
    max_documents: int = 2000

    def __post_init__(self) -> None:
        check_number("agreement power", self.power, 0)
        for name in ("n_neighbors", "max_documents"):
            check_whole(f"agreement {name}", getattr(self, name), 1)


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """Similarity graph of documents, and label propagation over it.

    Parameters
    ----------
    n_neighbors : int, default=25
        Number of neighbours of each document; fewer if an average topic has fewer documents.
    inverse_temperature : float, default=10.0
        Cosines are multiplied by this before the softmax that makes them edge weights.
    n_steps : int, default=4
        Steps of label propagation.
    restart : float in [0, 1], default=0.1
        Weight of a document's own label at each step.
    embedding_weight : float, default=1.0
        Weight of the cosine of sentence vectors.
    hidden_weight : float, default=0.75
        Weight of the cosine of the language model's hidden states.
    words_weight : float, default=0.75
        Weight of the cosine of the documents' words in an LSA space, multiplied by the share of the squared norm of
        tf-idf vectors that the LSA explains.
    n_word_components : int, default=100
        Number of components of that LSA.
    agreement : AgreementConfig or None, default=None
        Weights of the views are multiplied by their agreement with each other; None keeps them as they are.
    whitening : WhiteningConfig or None
        Within-class covariance normalisation of the views; None for no normalisation.
    """

    n_neighbors: int = 25
    inverse_temperature: float = 10.0
    n_steps: int = 4
    restart: float = 0.1
    embedding_weight: float = 1.0
    hidden_weight: float = 0.75
    words_weight: float = 0.75
    n_word_components: int = 100
    agreement: AgreementConfig | None = None
    whitening: WhiteningConfig | None = field(default_factory=WhiteningConfig)

    def __post_init__(self) -> None:
        check_whole("n_neighbors", self.n_neighbors, 1)
        check_whole("n_steps", self.n_steps, 0)
        check_whole("n_word_components", self.n_word_components, 1)
        check_number("restart", self.restart, 0, 1, closed="both")
        for name in ("inverse_temperature", "embedding_weight", "hidden_weight", "words_weight"):
            check_number(name, getattr(self, name), 0, closed="neither")

    def view_weight(self, view: str) -> float:
        """Weight of a view's cosine: of "embedding", "hidden" or "words"."""
        return getattr(self, f"{view}_weight")


@dataclass(frozen=True, kw_only=True)
class GuidesConfig:
    """How topics that a user names in advance are found.

    Parameters
    ----------
    seed_share : float in (0, 1], default=0.25
        Documents that stand for a guided topic, as a share of those of an average topic.
    anchor_weight : float, default=1.0
        Weight of their mean among the documents of the topic, in documents of an average topic.
    words_weight : float, default=1.0
        Weight of a guide's words, counted and expected by the language model, beside the cosine of sentence vectors.
    """

    seed_share: float = 0.25
    anchor_weight: float = 1.0
    words_weight: float = 1.0

    def __post_init__(self) -> None:
        check_number("guides seed_share", self.seed_share, 0, 1, closed="right")
        for name in ("anchor_weight", "words_weight"):
            check_number(f"guides {name}", getattr(self, name), 0)


@dataclass(frozen=True, kw_only=True)
class GroupsConfig:
    """Clustering of propagated labels into the groups that initialise the topics.

    Parameters
    ----------
    n_components : int, default=100
        Number of dimensions to which square-root transformed labels are reduced before k-means; at least one per group.
    n_init : int, default=3
        Number of k-means runs with different initial centres.
    mean_max_share : float in (0, 1), default=0.6
        How far the largest share of a document lies, on average, from the uniform mixture (0) to a single topic (1).
        The inverse temperature of the target mixtures follows from it.
    min_inverse_temperature, max_inverse_temperature : float, default=15.0 and 200.0
        Bounds of that inverse temperature.
    calibration_size : int, default=5000
        Number of documents from which it is determined.
    word_power : float, default=2.5
        A document's words count for a topic with its share in the topic to this power.
    guides : GuidesConfig
        Topics that a user names in advance.
    """

    n_components: int = 100
    n_init: int = 3
    mean_max_share: float = 0.6
    min_inverse_temperature: float = 15.0
    max_inverse_temperature: float = 200.0
    calibration_size: int = 5000
    word_power: float = 2.5
    guides: GuidesConfig = field(default_factory=GuidesConfig)

    def __post_init__(self) -> None:
        for name in ("n_components", "n_init", "calibration_size"):
            check_whole(f"groups {name}", getattr(self, name), 1)
        check_number("mean_max_share", self.mean_max_share, 0, 1, closed="both")
        for name in ("min_inverse_temperature", "word_power"):
            check_number(name, getattr(self, name), 0, closed="neither")
        if not self.min_inverse_temperature <= self.max_inverse_temperature < float("inf"):
            raise InputError(
                f"max_inverse_temperature is {self.max_inverse_temperature}; give a finite number of at least "
                f"min_inverse_temperature, {self.min_inverse_temperature}"
            )


@dataclass(frozen=True, kw_only=True)
class ImputationConfig:
    """Ridge regression that predicts what the language model would have said of documents it did not read.

    Parameters
    ----------
    alpha : float, default=0.3
        Penalty, for L2-normalised inputs and outputs of unit variance.
    label_scale : float, default=10.0
        Factor that brings square-root transformed labels to about the variance of standardised hidden states.
    words_weight : float, default=0.25
        Weight of tf-idf vectors beside sentence vectors.
    """

    alpha: float = 0.3
    label_scale: float = 10.0
    words_weight: float = 0.25

    def __post_init__(self) -> None:
        for name in ("alpha", "label_scale", "words_weight"):
            check_number(f"imputation {name}", getattr(self, name), 0, closed="neither")
