"""llama.cpp's own server from the package `xllamacpp`, started as `llama-server` is: for SOFTTOPIC_TEST_SERVER.

python tests/teacher/llama_server.py --model FILE.gguf --port PORT --embeddings
"""

import argparse
import time


def main() -> None:
    import xllamacpp

    options = argparse.ArgumentParser()
    options.add_argument("--model", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--embeddings", action="store_true")
    options.add_argument("--pooling", choices=["mean", "last"], default="mean")
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    settings = xllamacpp.CommonParams()
    settings.model.path, settings.port, settings.hostnames = given.model, given.port, ["127.0.0.1"]
    settings.n_ctx, settings.n_parallel = 4096, 4
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = given.threads
    settings.embedding = given.embeddings
    settings.pooling_type = getattr(xllamacpp.llama_pooling_type, f"LLAMA_POOLING_TYPE_{given.pooling.upper()}")
    server = xllamacpp.Server(settings)
    while server.listening_address:
        time.sleep(60)


if __name__ == "__main__":
    main()
