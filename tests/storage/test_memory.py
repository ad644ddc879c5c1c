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

# Arrays of 12 megabytes, each made where the one before it lay: 3,000 pages.
REUSED = """
    import resource
    import numpy as np
    from softtopic.storage.memory import reuse_memory

    print(reuse_memory())
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones((3, 1_000_000), np.float32)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not memory.release_memory(), reason="the C library gives nothing back")
def test_what_was_freed_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(FREED)], check=True, stdout=subprocess.PIPE, text=True)
    gave, freed = done.stdout.split()
    assert gave == "True"
    assert int(freed) > 150e6


@pytest.mark.skipif(not memory.release_memory(), reason="the C library has no such setting")
def test_new_arrays_use_memory_that_was_freed():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REUSED)], check=True, stdout=subprocess.PIPE, text=True
    )
    kept, faults = done.stdout.split()
    assert kept == "True"
    assert int(faults) < 1000


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not memory.release_memory()
    assert not memory.reuse_memory.__wrapped__()
