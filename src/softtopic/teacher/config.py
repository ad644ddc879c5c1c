"""Settings of the choice of demonstrations."""

from dataclasses import dataclass

from softtopic.errors import InputError, check_number, check_whole


@dataclass(frozen=True, kw_only=True)
class DemonstrationConfig:
    """Settings of the choice of demonstrations.

    Parameters
    ----------
    sizes : tuple of int, default (4, 8)
        Numbers of demonstrations in a prompt.
    draws : tuple of int, default (3, 2)
        Candidates drawn of each size, by round: in the first, words are those the given prompt makes probable, in
        later ones those of the best candidate so far.
    max_words : int, default 30
        Words of a document shown as a demonstration; longer ones cost reading for every document.
    max_tokens : int, default 96
        Tokens read of each document of the sample.
    reading_share : float, default 0.5
        Tokens read for all candidates together, as a share of those of the corpus.
    min_sample_tokens, max_sample_tokens : int, default 4000 and 16000
        Bounds of the tokens read for each candidate.
    min_gain : float, default 0.03
        A candidate must score so much more than the given prompts to be chosen; smaller gains did not help topics.
    pool_size : int, default 20000
        Documents among which neighbours are searched.
    n_components : int, default 100
        Dimension of the latent semantic space in which they are.
    min_document_count : int, default 2
        Words in fewer documents are left out there.
    max_document_frequency : float, default 0.3
        Words in a larger share of the documents are left out there.
    n_neighbors : int, default 3
        Neighbours of each document of the sample.
    neighborhood : float, default 0.005
        Share of the pool from which neighbours are drawn: documents on one subject, not with one wording.
    min_similarity, max_similarity : float, default 0.1 and 0.95
        Cosine similarity of neighbours; above, documents are near duplicates.
    min_documents : int, default 32
        Minimum number of documents whose neighbours are drawn.
    n_random : int, default 50
        Random documents that each pair of neighbours is compared with.
    min_pairs : int, default 20
        With fewer pairs of neighbours the given prompt stays.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    sizes: tuple[int, ...] = (4, 8)
    draws: tuple[int, ...] = (3, 2)
    max_words: int = 30
    max_tokens: int = 96
    reading_share: float = 0.5
    min_sample_tokens: int = 4_000
    max_sample_tokens: int = 16_000
    min_gain: float = 0.03
    pool_size: int = 20_000
    n_components: int = 100
    min_document_count: int = 2
    max_document_frequency: float = 0.3
    n_neighbors: int = 3
    neighborhood: float = 0.005
    min_similarity: float = 0.1
    max_similarity: float = 0.95
    min_documents: int = 32
    n_random: int = 50
    min_pairs: int = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))
        object.__setattr__(self, "draws", tuple(self.draws))
        for name, least in (("sizes", 1), ("draws", 0)):
            if min(values := getattr(self, name), default=least - 1) < least:
                raise InputError(f"{name} is {values}; give at least one number of at least {least}")
        for name in ("max_words", "max_tokens", "min_sample_tokens", "pool_size", "n_components", "n_neighbors",
                     "min_document_count", "min_documents", "n_random", "min_pairs"):  # fmt: skip
            check_whole(name, getattr(self, name), 1)
        check_whole("max_sample_tokens", self.max_sample_tokens, self.min_sample_tokens)
        check_number("reading_share", self.reading_share, 0, closed="neither")
        check_number("min_gain", self.min_gain, 0, 1, closed="both")
        for name in ("max_document_frequency", "neighborhood"):
            check_number(name, getattr(self, name), 0, 1, closed="right")
        check_number("min_similarity", self.min_similarity, -1, 1)
        check_number("max_similarity", self.max_similarity, self.min_similarity, 1, closed="right")

    @property
    def n_candidates(self) -> int:
        """Number of candidates: the given prompt, four-shot, and those with demonstrations from the corpus."""
        return 2 + sum(self.draws) * len(self.sizes)
