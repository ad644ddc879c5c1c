"""Settings of a teacher, of the choice of demonstrations, and of the names of topics."""

from dataclasses import dataclass

from softtopic.errors import InputError, check_number, check_whole
from softtopic.teacher.chunking import check_truncation
from softtopic.teacher.prompts import Prompt


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """Settings of `Teacher` besides its language model; see there."""

    prompts: tuple[Prompt, ...]
    max_tokens: int
    truncation: str
    max_windows: int
    beam_width: int
    content_free: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, least in (("max_tokens", 1), ("beam_width", 0), ("max_windows", 1)):
            check_whole(name, getattr(self, name), least)
        for name in ("prompts", "content_free"):
            if not getattr(self, name):
                raise InputError(f"{name} is empty; give at least one")
        check_truncation(self.truncation)


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


@dataclass(frozen=True, kw_only=True)
class NamingConfig:
    """Settings of the names of topics.

    Parameters
    ----------
    n_documents : int, default 8
        Representative documents of each topic that the language model reads.
    max_tokens : int, default 40
        Tokens read of each document.
    contrast : float, default 0.7
        Share of the mean log probability over documents of other topics that is subtracted.
    beam_width : int, default 3
        Hypotheses followed at a time.
    max_words : int, default 4
        Words of a name.
    phrase_tokens : int, default 5
        Tokens of a name.
    plausibility_log_ratio : float, default -3.0
        A token whose mean log probability is further below that of the most probable token is left out.
    end_log_probability : float, default -2.5
        A phrase with a smaller mean log probability of ending where it does is left out.
    phrase_documents : int, default 40
        Representative documents of each topic in which frequent phrases are looked for.
    n_phrases : int, default 10
        Frequent phrases of each topic that are candidates.
    n_words : int, default 5
        First words of each topic that are candidates.
    word_weight, document_weight : float, default 0.5 and 1.0
        Weights of the cosines of a candidate to the topic's words and to the mean of its documents.
    topic_weight : float, default 0.1
        Weight of the log probability of the topic, among all, given the candidate.
    inverse_temperature : float, default 20.0
        Factor of cosines in that probability.
    decoder_weight : float, default 0.05
        Weight of the score of the language model; frequent phrases have the lowest of the topic.
    similarity_weight : float, default 0.05
        Weight of the cosine to the most similar name of another topic, which is subtracted.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    n_documents: int = 8
    max_tokens: int = 40
    contrast: float = 0.7
    beam_width: int = 3
    max_words: int = 4
    phrase_tokens: int = 5
    plausibility_log_ratio: float = -3.0
    end_log_probability: float = -2.5
    phrase_documents: int = 40
    n_phrases: int = 10
    n_words: int = 5
    word_weight: float = 0.5
    document_weight: float = 1.0
    topic_weight: float = 0.1
    inverse_temperature: float = 20.0
    decoder_weight: float = 0.05
    similarity_weight: float = 0.05

    def __post_init__(self) -> None:
        for name in ("n_documents", "max_tokens", "beam_width", "max_words", "phrase_tokens", "phrase_documents"):
            check_whole(name, getattr(self, name), 1)
        for name in ("n_phrases", "n_words"):
            check_whole(name, getattr(self, name), 0)
        for name in ("contrast", "word_weight", "document_weight", "topic_weight", "inverse_temperature",
                     "decoder_weight", "similarity_weight"):  # fmt: skip
            check_number(name, getattr(self, name), 0)
        for name in ("plausibility_log_ratio", "end_log_probability"):
            check_number(name, getattr(self, name), -float("inf"), 0, closed="right")
