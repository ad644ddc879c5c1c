"""Names for the values that cross module borders; axes of arrays are words. Checked at run time in the tests only."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

DocVocab = Float[np.ndarray, "docs vocab"]
DocHidden = Float[np.ndarray, "docs width"]
DocTopic = Float[np.ndarray, "docs topics"]
TopicVocab = Float[np.ndarray, "topics vocab"]
DocInt = Int[np.ndarray, " docs"]

# One language, by its name or code, or several.
Languages = str | Sequence[str]

# Places of some documents among others.
ReadRows = Int[np.ndarray, " read"]
TrainRows = Int[np.ndarray, " train"]
