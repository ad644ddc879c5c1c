import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest

from softtopic.errors import AssetError
from softtopic.storage.assets import ASSETS, Asset, AssetFile, asset_path, fetch
from softtopic.storage.cache import cache_dir

CONTENT = {"package/data/one.tab": b"first", "package/two.bin": b"second" * 1000}
FILES = tuple(AssetFile(path, sha256(data).hexdigest(), len(data)) for path, data in CONTENT.items())
SAMPLE = Asset("sample", "sample-package", "1.2", "free", "made up", FILES)


class Installer:
    """Stands in for subprocess.run: unpacks a package into the --target folder, or fails as pip does offline."""

    def __init__(self) -> None:
        self.content = dict(CONTENT)
        self.fails = ""
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **options) -> subprocess.CompletedProcess:
        self.commands.append(command)
        target = Path(command[command.index("--target") + 1])
        for path, data in self.content.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(data)
        return subprocess.CompletedProcess(command, bool(self.fails), stdout="", stderr=self.fails)


@pytest.fixture
def installer(monkeypatch, tmp_path) -> Installer:
    fake = Installer()
    monkeypatch.setattr("softtopic.storage.assets.subprocess.run", fake)
    monkeypatch.setitem(ASSETS, "sample", SAMPLE)
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    return fake


def refusal(name: str = "sample") -> str:
    """The one line with which an asset is refused; nothing of it may be left but the lock."""
    with pytest.raises(AssetError) as caught:
        fetch(name)
    assert "\n" not in str(caught.value)
    left = [path.name for path in cache_dir().rglob("*") if path.name != "assets"]
    assert left == []
    return str(caught.value)


def test_the_named_files_alone_are_published(installer):
    installer.content["package/__init__.py"] = b"raise SystemExit"
    folder = fetch("sample")
    assert folder == asset_path("sample") == cache_dir() / "assets" / "sample-1.2"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "one.tab": b"first",
        "two.bin": b"second" * 1000,
    }
    assert {path.name for path in folder.parent.iterdir()} == {"sample-1.2"}


def test_exactly_one_released_package_is_asked_for(installer):
    fetch("sample")
    [command] = installer.commands
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert {"--no-deps", "--only-binary"} < set(command)
    assert command[-1] == "sample-package==1.2"


def test_what_is_here_is_not_fetched_again(installer):
    assert fetch("sample") == fetch("sample")
    assert len(installer.commands) == 1


def test_what_is_here_is_used_without_a_lock(installer, monkeypatch):
    fetch("sample")
    monkeypatch.setattr("softtopic.storage.assets.locked", None)
    assert fetch("sample").is_dir()


@pytest.mark.parametrize("damage", [lambda file: file.unlink(), lambda file: file.write_bytes(file.read_bytes()[:-9]),
                                    lambda file: file.write_bytes(b"S" + file.read_bytes()[1:])])  # fmt: skip
def test_a_damaged_asset_is_fetched_again(installer, caplog, damage):
    folder = fetch("sample")
    damage(folder / "two.bin")
    assert fetch("sample") == folder
    assert (folder / "two.bin").read_bytes() == CONTENT["package/two.bin"]
    assert "sample is damaged (package/two.bin); fetching it again" in caplog.text
    assert {path.name for path in folder.parent.iterdir()} == {"sample-1.2"}
    # It stays as it is where it cannot be fetched.
    damage(folder / "two.bin")
    installer.fails = "offline"
    with pytest.raises(AssetError, match="check that the package index can be reached"):
        fetch("sample")
    assert (folder / "one.tab").exists()


def test_a_changed_file_is_refused(installer):
    installer.content["package/two.bin"] = b"tampered"
    found, wanted = sha256(b"tampered").hexdigest()[:12], FILES[1].sha256[:12]
    assert refusal() == (
        f"package/two.bin has SHA-256 {found}…, not {wanted}…; it was refused: "
        "fetch sample from the original package index"
    )


def test_a_package_without_the_file_is_refused(installer):
    del installer.content["package/data/one.tab"]
    assert refusal().startswith("sample-package 1.2 holds no package/data/one.tab; expected")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("WARNING: Retrying\nERROR: No matching distribution found for sample-package==1.2\n", "ERROR: No matching "),
        ("\n", "no reason given"),
    ],
)
def test_an_index_out_of_reach_is_one_line_with_the_reason(installer, output, reason):
    installer.fails = output
    message = refusal()
    assert message.startswith(f"sample could not be fetched (sample-package 1.2: {reason}")
    assert message.endswith("check that the package index can be reached and run it again")


def test_a_fetch_that_failed_can_be_run_again(installer):
    installer.fails = "offline"
    refusal()
    installer.fails = ""
    assert fetch("sample").is_dir()


def test_an_unknown_asset_is_refused_with_those_known(installer):
    for use in (fetch, asset_path):
        with pytest.raises(AssetError, match=r"'nonsense' is not known; choose one of smollm2-135m, all-minilm"):
            use("nonsense")
    assert not installer.commands


def test_a_missing_asset_names_the_command_that_fetches_it(installer):
    with pytest.raises(AssetError, match=r"20newsgroups is not on .*; run `softtopic fetch 20newsgroups` \(27 MB\)"):
        asset_path("20newsgroups")
    assert not installer.commands
    assert not cache_dir().exists()


def test_without_pip_uv_fetches_into_this_environment(installer, monkeypatch):
    monkeypatch.setattr("softtopic.storage.assets.find_spec", lambda name: None)
    monkeypatch.setattr("softtopic.storage.assets.shutil.which", lambda name: f"/tools/{name}")
    fetch("sample")
    assert installer.commands[0][:3] == ["/tools/uv", "pip", "install"]
    assert sys.executable in installer.commands[0]


def test_without_pip_and_uv_the_user_is_told(installer, monkeypatch):
    monkeypatch.setattr("softtopic.storage.assets.find_spec", lambda name: None)
    monkeypatch.setattr("softtopic.storage.assets.shutil.which", lambda name: None)
    assert "neither pip nor uv is installed" in refusal()


def test_several_at_once_fetch_once(installer, monkeypatch):
    def slowly(command: list[str], **options) -> subprocess.CompletedProcess:
        time.sleep(0.1)
        return installer(command, **options)

    monkeypatch.setattr("softtopic.storage.assets.subprocess.run", slowly)
    found: list[Path] = []
    threads = [Thread(target=lambda: found.append(fetch("sample"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [asset_path("sample")] * 4
    assert len(installer.commands) == 1


@pytest.mark.parametrize("asset", ASSETS.values(), ids=ASSETS)
def test_every_asset_says_what_it_is(asset):
    assert ASSETS[asset.name] is asset
    assert asset.licence
    assert asset.source
    assert asset.size == sum(file.size for file in asset.files) > 1_000_000
    assert len({Path(file.path).name for file in asset.files}) == len(asset.files)
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) for file in asset.files)
