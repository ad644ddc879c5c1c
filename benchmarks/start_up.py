"""Time to import the package and to print help, medians of whole processes."""

import json
import statistics
import subprocess
import sys
import time

COMMANDS = (
    ("import softtopic", [sys.executable, "-c", "import softtopic"], 1.0),
    ("softtopic --help", [sys.executable, "-m", "softtopic.cli", "--help"], 0.5),
)


def main() -> None:
    for name, command, target in COMMANDS:
        seconds = []
        for _ in range(9):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"what": name, "seconds": round(statistics.median(seconds), 3), "target": target}))


if __name__ == "__main__":
    main()
