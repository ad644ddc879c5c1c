"""Settings of inputs made from the documents' words."""

from dataclasses import dataclass

from softtopic.errors import check_number, check_whole


@dataclass(frozen=True, kw_only=True)
class WordInputsConfig:
    """How word counts become inputs.

    Parameters
    ----------
    n_lsa_components : int, default=300
        Dimensions of the input "words" (latent semantic analysis).
    max_lsa_documents : int, default=50_000
        Documents the components of "words" are computed from at most; of more, a sample.
    tf_idf_scale : float, default=5.0
        Factor of the input "tf-idf", square roots of L1-normalised tf-idf, that brings it to about the norm of
        standardised vectors.
    """

    n_lsa_components: int = 300
    max_lsa_documents: int = 50_000
    tf_idf_scale: float = 5.0

    def __post_init__(self) -> None:
        check_whole("n_lsa_components", self.n_lsa_components, 1)
        check_whole("max_lsa_documents", self.max_lsa_documents, 2)
        check_number("tf_idf_scale", self.tf_idf_scale, 0, closed="neither")
