"""Tables in the container that scikit-learn's `set_output` asks for."""

import logging
from typing import Any

import numpy as np

log = logging.getLogger(__name__)


def in_container(array: np.ndarray, X: Any, estimator: Any) -> Any:
    """The array, or a pandas or polars table of it with the estimator's feature names, by its `set_output`.

    scikit-learn has no public function for that; where its own is not as expected, the array is returned and a message
    says so.
    """
    try:
        from sklearn.utils._set_output import _wrap_data_with_container as wrap
    except ImportError:
        log.warning("set_output has no effect with this version of scikit-learn; an array is returned")
        return array
    return wrap("transform", array, X, estimator)
