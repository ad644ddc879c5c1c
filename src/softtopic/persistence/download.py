"""Model folders in object stores: copied to the cache, once for each machine."""

import hashlib
import logging
from pathlib import Path

from softtopic.errors import ModelFileError
from softtopic.persistence.folder import CONFIG, PARTS, read_model
from softtopic.storage.addresses import address_of
from softtopic.storage.atomic import locked, staged_folder
from softtopic.storage.cache import cache_dir
from softtopic.storage.folders.base import BaseFolder, open_folder

log = logging.getLogger(__name__)

# Folder of the cache.
DOWNLOADS = "downloads"


def local_copy(path: str | Path) -> Path:
    """Path of a model folder on this machine; one in an object store is downloaded unless that was done before.

    The copy has the name of its checksums: where the model is replaced, it is downloaded again.

    Parameters
    ----------
    path : str or Path
        Model folder, or an address such as "s3://bucket/model"; a path on this machine is returned as it is.

    Raises
    ------
    ModelFileError
        If it is not a model folder, newer than this program, or damaged.
    InputError
        If the store cannot be read.
    DiskError
        If the cache cannot be written.
    """
    address = address_of(path)
    if address is None:
        return Path(path)
    folder = open_folder(address)
    try:
        config = folder.read(CONFIG)
    except FileNotFoundError:
        raise ModelFileError(f"{folder.path}: no such model folder; copy one there that `softtopic fit` made") from None
    copy = cache_dir() / DOWNLOADS / hashlib.sha256(config).hexdigest()[:32]
    if not copy.is_dir():
        with locked(copy):
            if not copy.is_dir():
                _download(folder, config, copy)
    return copy


def _download(folder: BaseFolder, config: bytes, copy: Path) -> None:
    size = len(config)
    with staged_folder(copy) as staging:
        (staging / CONFIG).write_bytes(config)
        for name in PARTS:
            try:
                data = folder.read(name)
            except FileNotFoundError:
                continue  # one that the model has to have is named below
            size += len(data)
            (staging / name).write_bytes(data)
        try:
            read_model(staging)
        except ModelFileError as error:
            raise ModelFileError(str(error).replace(str(staging), str(folder.path))) from None
    log.info("downloaded the model %s (%.1f MB) to the cache", folder.path, size / 1e6)
