"""Hosts on one machine: network namespaces with addresses of their own, joined by a bridge."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

# For documentation (RFC 5737): no network uses it.
_NETWORK = "192.0.2"


@dataclass(frozen=True)
class Host:
    """A network namespace."""

    name: str
    address: str

    def command(self, *arguments: object) -> list[str]:
        """A command that runs on it."""
        return ["ip", "netns", "exec", self.name, *map(str, arguments)]

    def disconnect(self) -> None:
        _ip("-n", self.name, "link", "set", "eth0", "down")

    def kill_all(self) -> None:
        """End all of its processes."""
        found = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        for number in found.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)


def why_not() -> str | None:
    """Why there can be no hosts here; None if there can, unless the kernel refuses."""
    if os.name != "posix" or os.geteuid() != 0:
        return "network namespaces need root"
    return None if shutil.which("ip") else "network namespaces need the command ip"


@contextmanager
def hosts(n: int) -> Iterator[list[Host]]:
    """So many hosts that reach each other and nothing else; all that runs on them is ended with them.

    Raises CalledProcessError where the kernel refuses.
    """
    # A name of an interface has at most 15 characters; those of hosts that ended a moment ago may still be taken.
    mark = f"st{uuid4().hex[:8]}"
    with ExitStack() as end:
        _ip("link", "add", f"{mark}b", "type", "bridge")
        end.callback(_ip, "link", "del", f"{mark}b")
        _ip("link", "set", f"{mark}b", "up")
        found = []
        for number in range(n):
            host = Host(f"{mark}-{number}", f"{_NETWORK}.{number + 1}")
            _ip("netns", "add", host.name)
            end.callback(_ip, "netns", "del", host.name)
            end.callback(host.kill_all)
            link = f"{mark}v{number}"
            _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("link", "set", link, "master", f"{mark}b", "up")
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.name, "link", "set", "eth0", "up")
            _ip("-n", host.name, "link", "set", "lo", "up")
            found.append(host)
        yield found


def _ip(*arguments: str) -> None:
    _run(["ip", *arguments])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
