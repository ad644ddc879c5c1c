"""Speed of the language model's pass: against the published extraction loop, and as a share of the processor's peak.

    python benchmarks/lm_pass.py --data-dir FOLDER [--rounds 3]

All in one run on one machine, taking turns, so that a machine that slows down slows all alike. The published loop
reads one whole prompt at a time, computes the logits of every position, and fetches each word's score with `.item()`.
Peak is the best bfloat16 (or float32, where the pass uses it) matrix product of the shapes this model has, measured
beside every pass; the pass does 2 x non-embedding parameters x tokens operations, attention not counted.
"""

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

from softtopic.data.datasets import load
from softtopic.data.vocabulary import Vocabulary
from softtopic.lm.devices import storage_dtype
from softtopic.lm.loading import load_language_model
from softtopic.lm.tokens import first_tokens
from softtopic.teacher.local import Teacher

TARGETS = {"stackoverflow": 6.0, "20newsgroups": 2.5}
SHARE = 0.55


def peak(dtype: torch.dtype) -> float:
    """Operations per second of the fastest large product, best of many."""
    best = 0.0
    for rows, columns, inner in ((1024, 1536, 576), (2048, 2048, 2048)):
        a, b = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
        for _ in range(40):
            start = time.perf_counter()
            F.linear(a, b)
            best = max(best, 2 * rows * columns * inner / (time.perf_counter() - start))
    return best


def published_loop(teacher: Teacher, lm, texts: list[str], words: Vocabulary) -> float:
    """Seconds for the texts, one at a time. Documents are cut to the same tokens as in our pass."""
    tokens = first_tokens(lm.tokenizer, words.words).tolist()
    prefix = lm.tokenizer(teacher.prompts[0].prefix)["input_ids"]
    start = time.perf_counter()
    for text in texts:
        ids = torch.tensor([[*prefix, *teacher.token_ids([text])[0]]])
        out = lm.model(input_ids=ids, use_cache=False, output_hidden_states=True)
        last = torch.log_softmax(out.logits[0, -1].float(), dim=-1)
        scores = [last[token].item() for token in tokens]
        hidden = out.hidden_states[-1][0, -1].float().numpy()
        assert len(scores) == len(words)
        assert len(hidden)
    return time.perf_counter() - start


def measure(name: str, data_dir: str | None, rounds: int, documents: int) -> dict:
    corpus = load(name, data_dir=data_dir)
    texts = list(corpus.distinct.texts)
    words = Vocabulary.from_texts(texts)
    # Evenly from the whole corpus: neighbours in the file are alike.
    texts = texts[:: max(1, len(texts) // documents)][:documents]
    teacher = Teacher()
    plain = load_language_model(teacher.lm, teacher.device, storage_dtype(teacher.dtype))
    parameters = sum(p.numel() for n, p in plain.model.named_parameters() if "embed" not in n and "lm_head" not in n)
    tokens = sum(map(len, teacher.token_ids(texts)))
    teacher.read(texts[:64], words)
    few = texts[:: max(1, len(texts) // 40)][:40]
    ratios, shares, speeds = [], [], []
    with torch.inference_mode():
        published_loop(teacher, plain, few[:5], words)
        for _ in range(rounds):
            loop = len(few) / published_loop(teacher, plain, few, words)
            before = peak(plain.model.dtype)
            start = time.perf_counter()
            teacher.read(texts, words)
            seconds = time.perf_counter() - start
            top = max(before, peak(plain.model.dtype))
            speeds.append(len(texts) / seconds)
            ratios.append(speeds[-1] / loop)
            shares.append(2 * parameters * tokens / seconds / top)
    return {
        "corpus": name, "documents": len(texts), "tokens_per_document": round(tokens / len(texts), 1),
        "dtype": str(teacher.dtype).removeprefix("torch."), "documents_per_second": round(statistics.median(speeds), 1),
        "tokens_per_second": round(statistics.median(speeds) * tokens / len(texts)),
        "times_published_loop": [round(r, 2) for r in sorted(ratios)], "target_times": TARGETS[name],
        "share_of_peak": [round(s, 3) for s in sorted(shares)], "target_share": SHARE,
        "peak_gflops": round(top / 1e9),
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data-dir")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    for name, documents in (("stackoverflow", 2000), ("20newsgroups", 300)):
        if name == "stackoverflow" and given.data_dir is None:
            print("stackoverflow: skipped, name its folder with --data-dir")
            continue
        print(json.dumps(measure(name, given.data_dir, given.rounds, documents)), flush=True)


if __name__ == "__main__":
    main()
