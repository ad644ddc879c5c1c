"""Removal of the language model's prior over words.

A small LM likes some words whatever it has read. Subtracting each word's mean log probability over the corpus leaves
what this document adds (pointwise, as in contextual calibration; Zhao et al., 2021, with the corpus as the context).
"""

import numpy as np
from jaxtyping import Float

from softtopic.types import DocVocab


def corpus_prior(log_probs: DocVocab) -> Float[np.ndarray, " vocab"]:
    """Mean log probability of each word over the documents, in nats, float32."""
    return log_probs.mean(axis=0, dtype=np.float64).astype(np.float32)
