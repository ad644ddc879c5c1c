"""Peak memory and time of a whole run: 20,000 StackOverflow titles to a saved model, nothing kept from before.

python benchmarks/whole_run.py --data-dir FOLDER [--sample 100%]
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

from softtopic.assets import cache_dir

TARGET_GB = 2.5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir", required=True)
    options.add_argument("--sample", default="100%", help="of the titles, read by the language model")
    given = options.parse_args()
    titles = Path(given.data_dir) / "stackoverflow_titles.jsonl.gz"
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        cache.mkdir()
        for part in ("assets", "models"):
            (cache / part).symlink_to(cache_dir() / part)
        start = time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "softtopic.cli", "fit", str(titles), "--label", "label", "--topics", "50",
             "--sample", given.sample, "--out", f"{folder}/model", "--quiet", "--json"],
            check=True, stdout=subprocess.PIPE, env=os.environ | {"SOFTTOPIC_CACHE": str(cache)},
        ).stdout  # fmt: skip
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    scores = {name: round(value, 3) for name, value in json.loads(said)["evaluation"].items()}
    print(json.dumps({"peak_memory_gb": round(peak, 2), "target_gb": TARGET_GB, "seconds": round(seconds)} | scores))


if __name__ == "__main__":
    main()
