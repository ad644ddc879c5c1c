"""Wall time, processor time and peak memory of a command, as JSON on standard output.

    python benchmarks/timed.py COMMAND [ARGUMENT ...]

What the command prints goes to standard error. Linux counts the memory of the process that starts a command as the
command's own, so this one imports nothing large.
"""

import argparse
import json
import resource
import subprocess
import sys
import time


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("command", nargs=argparse.REMAINDER)
    command = options.parse_args().command or options.error("give a command")
    start = time.perf_counter()
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    # macOS counts bytes, the others KiB.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    record = {
        "exit_code": done.returncode,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "peak_mib": round(usage.ru_maxrss / unit, 1),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
