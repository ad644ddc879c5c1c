"""Settings of the sentence encoder."""

from dataclasses import dataclass

from softtopic.errors import check_whole

SENTENCE_ENCODER = "all-minilm-l6-v2"


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The sentence encoder.

    Parameters
    ----------
    name : str, default="all-minilm-l6-v2"
        The embedded encoder, or a folder that transformers opens.
    max_tokens : int, default=256
        Longer texts are truncated.
    """

    name: str = SENTENCE_ENCODER
    max_tokens: int = 256

    def __post_init__(self) -> None:
        check_whole("encoder max_tokens", self.max_tokens, 1)
