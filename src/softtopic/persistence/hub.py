"""Model folders on the Hugging Face Hub. Nothing is sent or fetched unless these functions are called."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sklearn.exceptions import NotFittedError

from softtopic.errors import HubError, SofttopicError
from softtopic.persistence.folder import CONFIG, PARTS, one_line
from softtopic.storage.atomic import recover_folder

# What is wrong by the status of an answer, and the next step.
_REASONS = {
    401: "is not yours or not there; check its name, and give token= or log in by `hf auth login`",
    403: "may not be used with this token; give token= one that may",
    404: "is not there, or is private; check its name and revision, or give token=",
}


def push_model(
    save: Callable[[Path], None],
    repo_id: str,
    *,
    private: bool | None = None,
    revision: str | None = None,
    message: str = "Topic model",
    token: str | None = None,
) -> str:
    """Upload a model folder to the Hub, in one commit.

    Parameters
    ----------
    save : callable
        Writes the model folder at a path.
    repo_id : str
        Owner and name, such as "me/space-topics"; the repository is created where there is none.
    private : bool or None, default=None
        Whether a new repository is private; None: as the owner's account has it.
    revision : str or None, default=None
        Branch; None: main.
    message : str, default="Topic model"
        Of the commit.
    token : str or None, default=None
        Access token; None: that of `hf auth login` or the environment variable HF_TOKEN.

    Returns
    -------
    str
        Address of the commit.

    Raises
    ------
    HubError
        If the Hub cannot be reached or refuses the model.
    """
    with _explained(repo_id) as hub, TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "model"
        save(path)
        # The documents of a model are no data set.
        warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
        api = hub.HfApi(token=token)
        repository = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
        files = [hub.CommitOperationAdd(name, path / name) for name in (CONFIG, *PARTS)]
        return str(api.create_commit(repository, files, commit_message=message, revision=revision).commit_url)


def pull_model(repo_id: str, *, revision: str | None = None, token: str | None = None) -> Path:
    """Folder of a model of the Hub, in the cache of `huggingface_hub`; only the files of a model are fetched.

    Parameters
    ----------
    repo_id : str
        Owner and name; or a local folder, which is returned as it is.
    revision : str or None, default=None
        Branch, tag or commit; None: main.
    token : str or None, default=None
        See `push_model`.

    Raises
    ------
    HubError
        If there is no such model, or the Hub cannot be reached and the model was not fetched before.
    """
    recover_folder(Path(repo_id).absolute())
    if Path(repo_id).is_dir():
        return Path(repo_id)
    with _explained(repo_id) as hub:
        names = [CONFIG, *PARTS]
        return Path(hub.HfApi(token=token).snapshot_download(repo_id, revision=revision, allow_patterns=names))


@contextmanager
def _explained(repo_id: str) -> Iterator[Any]:
    """The package `huggingface_hub`; whatever goes wrong with the Hub is one line."""
    try:
        import huggingface_hub
    except ImportError:
        raise HubError("huggingface_hub is not installed; pip install softtopic[hub]") from None
    try:
        yield huggingface_hub
    except (SofttopicError, NotFittedError):
        raise
    except (huggingface_hub.errors.HFValidationError, huggingface_hub.errors.HfUriError) as error:
        raise HubError(f"{repo_id!r} is no name of a model on the Hub ({one_line(error)}); give owner/name") from None
    except Exception as error:
        # A cache without the model hides why it could not be fetched.
        cause = error.__cause__ if isinstance(error, huggingface_hub.errors.LocalEntryNotFoundError) else error
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in _REASONS:
            raise HubError(f"{repo_id} {_REASONS[status]}") from None
        reason = one_line(cause if isinstance(cause, Exception) else error)
        raise HubError(
            f"{repo_id}: the Hub could not be used ({reason}); check the network, or HF_HUB_OFFLINE"
        ) from None
