"""Settings of a server."""

from dataclasses import dataclass
from ipaddress import ip_address

from softtopic.errors import InputError, check_number, check_whole

HOST, PORT = "127.0.0.1", 8000


@dataclass(frozen=True, kw_only=True)
class ServeConfig:
    """Where a server listens, and what it accepts.

    Parameters
    ----------
    host : str, default="127.0.0.1"
        Address to listen on; others than loopback addresses can be reached from other machines.
    port : int, default=8000
        0 for any that is free.
    read_only : bool, default=False
        Refuse edits.
    max_bytes : int, default=10_000_000
        Size of a request.
    max_texts : int, default=10_000
        Texts of a request.
    max_seconds : float, default=60
        Time of a request, waiting included.
    """

    host: str = HOST
    port: int = PORT
    read_only: bool = False
    max_bytes: int = 10_000_000
    max_texts: int = 10_000
    max_seconds: float = 60

    def __post_init__(self) -> None:
        check_whole("port", self.port, 0, 65535)
        check_whole("max_bytes", self.max_bytes, 1)
        check_whole("max_texts", self.max_texts, 1)
        check_number("max_seconds", self.max_seconds, 0, closed="neither")
        if not self.host.strip():
            raise InputError("host is empty; give an address of this machine, as 127.0.0.1")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host == "localhost" or (is_address(self.host) and ip_address(self.host).is_loopback)


def is_address(host: str) -> bool:
    """Whether a host is an IP address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
