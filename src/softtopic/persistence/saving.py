"""Save and load fitted models."""

from pathlib import Path
from typing import Any

from softtopic.errors import InputError, ModelFileError
from softtopic.lm.devices import pick_device
from softtopic.persistence.folder import one_line, read_model, write_model
from softtopic.persistence.migration import migrate
from softtopic.persistence.state import files_of, state_of
from softtopic.state import FittedState


def save(state: FittedState, parameters: dict[str, Any], path: str | Path, *, excerpts: bool = True) -> None:
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
    excerpts : bool, default=True
        Store at most the first 300 characters of each document. With False no text of a document is stored: neither
        excerpts nor representative documents, nor demonstrations that were chosen from the documents.

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
    write_model(path, files_of(state, parameters, excerpts=excerpts))


def load(path: str | Path, *, device: str = "auto") -> tuple[FittedState, dict[str, Any]]:
    """Read a model folder of this or an earlier version; no language model and no encoder is loaded.

    Parameters
    ----------
    path : str or Path
        A folder written by `save`.
    device : str, default="auto"
        Device of a language model among the parameters.

    Returns
    -------
    state : FittedState
        As it was saved, but for the training report. Arrays are equal bit for bit.
    parameters : dict
        Parameters of the estimator; `NotSaved` where one could not be stored.

    Raises
    ------
    ModelFileError
        If the folder is not a model folder, newer than this program, or damaged in whatever way.

    Examples
    --------
    >>> state, parameters = load("model/")  # doctest: +SKIP
    >>> state.theta.shape  # doctest: +SKIP
    (1000, 50)
    """
    pick_device(device)
    files = read_model(path)
    try:
        return state_of(migrate(files), device=device)
    except Exception as error:
        reason = one_line(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
        raise ModelFileError(f"{path} is not a sound model ({reason}); restore it, or fit the model again") from None
