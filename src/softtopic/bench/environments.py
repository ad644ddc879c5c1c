"""Virtual environments of other packages, in the cache folder; a stamp marks those that are complete."""

import logging
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from softtopic.data.corpus import fingerprint_strings
from softtopic.errors import AssetError
from softtopic.storage.atomic import locked, staged_file
from softtopic.storage.cache import cache_dir

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent / "packages"


@dataclass(frozen=True)
class Environment:
    """A virtual environment with pinned packages.

    Parameters
    ----------
    name : str
        Of the list of requirements beside the scripts.
    size : int
        About how much it takes on disk, MB.
    resolved : tuple of str, default=()
        Packages whose own requirements pip resolves, for they differ from machine to machine.
    """

    name: str
    size: int
    resolved: tuple[str, ...] = ()

    @cached_property
    def requirements(self) -> tuple[str, ...]:
        return tuple((SCRIPTS / f"{self.name}.txt").read_text(encoding="utf-8").split())

    @property
    def folder(self) -> Path:
        """Named by a fingerprint of its packages and the Python version."""
        key = fingerprint_strings(
            [*self.requirements, *self.resolved, f"{sys.version_info.major}.{sys.version_info.minor}"]
        )
        return cache_dir() / "bench" / "environments" / f"{self.name}-{key[:12]}"

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def is_complete(self) -> bool:
        return (self.folder / _STAMP).is_file() and self.python.exists()

    def make(self) -> None:
        """Create it unless it is complete; an incomplete one is removed first."""
        if self.is_complete:
            return
        with locked(self.folder):
            if self.is_complete:
                return
            if self.folder.exists():
                shutil.rmtree(self.folder)
            log.info("creating the environment %s (about %d MB): %s", self.name, self.size, self.folder)
            self._run(sys.executable, "-m", "venv", str(self.folder))
            install = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            pinned = str(SCRIPTS / f"{self.name}.txt")
            for package in self.resolved:
                self._run(*install, package, "--constraint", pinned)
            self._run(*install, "--no-deps", "--only-binary", ":all:", "--requirement", pinned)
            with staged_file(self.folder / _STAMP) as staging:
                staging.write_text("\n".join(self.requirements), encoding="utf-8")

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            output = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            errors = [line for line in output if line.startswith("ERROR")]
            reason = (errors or output[-1:] or ["no reason given"])[0]
            raise AssetError(
                f"the environment {self.name} could not be created ({reason}); "
                "check that the package index can be reached, then run the command again"
            )


_STAMP = "requirements.installed"

ENVIRONMENTS = {
    environment.name: environment
    for environment in (
        Environment("lda", size=200),
        Environment("bertopic", size=700),
        Environment("neural", size=1500, resolved=("torch==2.13.0",)),
    )
}
