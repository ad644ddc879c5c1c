"""Work that Ray workers are given in tests: they import it from here."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from softtopic.pipeline.part_rows import MixtureRows, RowFunction

# The command line, in a process that was told more.
MAIN = "import sys; from softtopic.cli import main; main(sys.argv[1:])"
# The same with mixtures that take their time and note where they are computed.
NOTED_MAIN = "import softtopic.pipeline.part_rows as rows, ray_work; rows.MixtureRows = ray_work.NotedMixtures; " + MAIN


@dataclass(frozen=True)
class Lengths(RowFunction):
    """Lengths of texts: "poison" raises, "die once" kills the first process that reads it, "die" any."""

    folder: Path
    seconds: float = 0.0

    @property
    def made_of(self):
        return {"function": "lengths"}

    def open(self):
        (self.folder / f"opened-{os.getpid()}").touch()
        return self.compute

    def compute(self, texts):
        if "poison" in texts:
            raise RuntimeError("no token")
        if "die" in texts or ("die once" in texts and not (self.folder / "died").exists()):
            (self.folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.seconds)
        return {"length": np.array([len(text) for text in texts], dtype=np.int64)}


@dataclass(frozen=True, kw_only=True)
class NotedMixtures(MixtureRows):
    """Topic mixtures; the folder $NOTES gets a file for each part, with the address of the host that computes it.

    Nothing is computed before two hosts have begun.
    """

    def open(self):
        import ray.util

        compute, host = super().open(), ray.util.get_node_ip_address()
        notes = Path(os.environ["NOTES"])

        def noted(texts):
            (notes / f"{host}-{uuid4().hex}").touch()
            end = time.monotonic() + 200
            while len({note.name.partition("-")[0] for note in notes.iterdir()}) < 2 and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.1)
            return compute(texts)

        return noted


def run(posts, out, folder, engine, **settings):
    from softtopic.data.parquet_files import find_parquet
    from softtopic.features.engines.base import open_engine
    from softtopic.pipeline.part_run import PartJob, compute_parts
    from softtopic.storage.parts import PartFolder

    function = Lengths(Path(folder), **settings)
    job = PartJob(folder=PartFolder.create(out, function.made_of), function=function)
    engine = open_engine(engine, workers=2 if engine == "ray" else None)
    return compute_parts(job, find_parquet([str(posts)]), engine, part_rows=10)


if __name__ == "__main__":
    run(*sys.argv[1:4], "ray", seconds=0.5)
