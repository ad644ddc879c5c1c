import subprocess
import sys
import textwrap

import pytest

from softtopic.storage import memory

# Blocks below glibc's threshold for maps of their own; every sixteenth stays, so that the heap's end cannot move down.
FREED = """
    from pathlib import Path
    from softtopic.storage.memory import release_memory

    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    blocks = [b"x" * 60_000 for _ in range(4000)]
    kept = blocks[::16]
    del blocks
    before = resident()
    print(release_memory(), before - resident())
"""


@pytest.mark.skipif(not memory.release_memory(), reason="the C library gives nothing back")
def test_what_was_freed_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FREED)], check=True, stdout=subprocess.PIPE, text=True)
    gave, freed = done.stdout.split()
    assert gave == "True"
    assert int(freed) > 150e6


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.release_memory()
