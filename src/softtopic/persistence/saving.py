"""Save and load fitted models."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from softtopic.errors import InputError, ModelFileError
from softtopic.lm.config import check_device
from softtopic.persistence.download import local_copy
from softtopic.persistence.edits import edits_of
from softtopic.persistence.folder import one_line, read_model, write_model
from softtopic.persistence.migration import migrate
from softtopic.persistence.state import files_of, state_of
from softtopic.state import FittedState
from softtopic.topics.edits import Edit


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedModel:
    """What a model folder holds.

    Attributes
    ----------
    state : FittedState
        As it was saved, but for the training report. Arrays are equal bit for bit.
    parameters : dict
        Parameters of the estimator; `NotSaved` where one could not be stored.
    edits : tuple of Edit
        Edits of the topics, in order.
    """

    state: FittedState
    parameters: dict[str, Any]
    edits: tuple[Edit, ...]


def save(
    state: FittedState,
    parameters: dict[str, Any],
    path: str | Path,
    *,
    edits: tuple[Edit, ...] = (),
    excerpts: bool = True,
    check: Callable[[], None] | None = None,
) -> str:
    """Write a model folder: JSON, safetensors and Parquet, with a checksum of each file.

    Equal models give equal files. The folder appears whole or not at all; a model that was there is replaced.

    Parameters
    ----------
    state : FittedState
        What was fitted.
    parameters : dict
        Parameters of the estimator, as ``TopicModel.get_params(deep=False)`` returns them. Functions and vectorizers
        are replaced by `NotSaved`.
    path : str or Path
        A new or empty folder, or one with a model.
    edits : tuple of Edit, default=()
        Edits of the topics, in order; the state is stored without them.
    excerpts : bool, default=True
        Store at most the first 300 characters of each document. With False no text of a document is stored: neither
        excerpts nor representative documents, nor demonstrations that were chosen from the documents.
    check : callable or None, default=None
        Called while no other process can write the folder; nothing is written if it raises.

    Returns
    -------
    str
        Digest of the folder, by which `folder.check_version` knows whether another process has changed it since.

    Raises
    ------
    ModelFileError
        If something that is not a model folder is at `path`.
    DiskError
        If the folder cannot be written.
    InputError
        If the state is not sound, or `n_topics` or `random_state` were changed after the fit.

    Examples
    --------
    >>> save(model.state_, model.get_params(deep=False), "model/")  # doctest: +SKIP
    """
    if isinstance(parameters.get("random_state"), np.random.RandomState):
        # The seed that was drawn: the generator has gone on.
        parameters = parameters | {"random_state": state.seed}
    return write_model(path, files_of(state, parameters, edits, excerpts=excerpts), check=check)


def load(path: str | Path, *, device: str = "auto") -> SavedModel:
    """Read a model folder of this or an earlier version; no language model and no encoder is loaded.

    Parameters
    ----------
    path : str or Path
        A folder written by `save`.
    device : str, default="auto"
        Device of a language model among the parameters.

    Returns
    -------
    SavedModel

    Raises
    ------
    ModelFileError
        If the folder is not a model folder, newer than this program, or damaged in whatever way.

    Examples
    --------
    >>> load("model/").state.theta.shape  # doctest: +SKIP
    (1000, 50)
    """
    check_device(device)
    files = read_model(local_copy(path))
    try:
        current = migrate(files)
        state, parameters = state_of(current, device=device)
        return SavedModel(state=state, parameters=parameters, edits=edits_of(current.edits, state))
    except Exception as error:
        reason = one_line(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
        raise ModelFileError(f"{path} is not a sound model ({reason}); restore it, or fit the model again") from None
