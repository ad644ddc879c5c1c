"""Time to import the package and to print help: medians of whole processes.

python benchmarks/start_up.py [--rounds 9]
"""

import statistics
import subprocess
import sys
import time

from common import parser, print_head, print_row

COMMANDS = {
    "import softtopic": ([sys.executable, "-c", "import softtopic"], "≤ 1 s"),
    "softtopic --help": ([sys.executable, "-m", "softtopic.cli", "--help"], "≤ 0.5 s"),
}


def main() -> None:
    options = parser(__doc__, data=False)
    options.add_argument("--rounds", type=int, default=9)
    arguments = options.parse_args()
    print_head("command", "seconds", "target")
    for name, (command, target) in COMMANDS.items():
        seconds = []
        for _ in range(arguments.rounds):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
        print_row(name, f"{statistics.median(seconds):.3f}", target)


if __name__ == "__main__":
    main()
