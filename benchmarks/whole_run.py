"""Peak memory and time of a whole run, from a file to a saved model, nothing kept from before.

python benchmarks/whole_run.py FILE [--topics 50] [--sample 100%]

FILE has columns text and label. The target is one for 20,000 StackOverflow titles.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from softtopic.storage.cache import cache_dir

TARGET_GB = 2.5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file")
    options.add_argument("--topics", default="50")
    options.add_argument("--sample", help="of the documents, read by the language model; default: as the recipe says")
    given = options.parse_args()
    sample = [] if given.sample is None else ["--sample", given.sample]
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        cache.mkdir()
        for part in ("assets", "models"):
            (cache / part).symlink_to(cache_dir() / part)
        start = time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "softtopic.cli", "fit", given.file, "--label", "label", "--topics", given.topics,
             *sample, "--out", f"{folder}/model", "--quiet", "--json"],
            check=True, stdout=subprocess.PIPE, env=os.environ | {"SOFTTOPIC_CACHE": str(cache)},
        ).stdout  # fmt: skip
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    scores = {name: round(value, 3) for name, value in json.loads(said)["evaluation"].items()}
    print(json.dumps({"peak_memory_gb": round(peak, 2), "target_gb": TARGET_GB, "seconds": round(seconds)} | scores))


if __name__ == "__main__":
    main()
