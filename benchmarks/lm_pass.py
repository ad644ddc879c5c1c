"""Speed of the language model's pass: against the published extraction loop, and as a share of the processor's peak.

    python benchmarks/lm_pass.py --data-dir FOLDER [--rounds 5]

All take turns in one run, so that a machine that slows down slows all of them: median (least to most). The published
loop reads one whole prompt at a time, computes the logits of every position, and fetches each word's score with
`.item()`. The peak is that of the fastest large matrix product in the format of the pass, measured beside it, with a
product for each thread. The pass does 2 x non-embedding parameters x tokens operations; attention, demonstrations and
the spellings followed are not counted.
"""

import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from common import parser, print_head, print_row, sample, spread
from torch import Tensor

from softtopic.data.vocabulary import Vocabulary
from softtopic.lm.devices import int8_weight, storage_dtype
from softtopic.lm.kernels import int8
from softtopic.lm.loading import load_language_model
from softtopic.lm.parallel import parallel_map
from softtopic.lm.tokens import first_tokens
from softtopic.teacher.local import Teacher

DOCUMENTS = {"stackoverflow": 2000, "20newsgroups": 300}
TARGETS = {"stackoverflow": ("≥ 10", "≥ 60 %"), "20newsgroups": ("≥ 4", "≥ 70 %")}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    print_head("corpus", "documents", "tokens each", "format", "documents/s", "times the loop", "target",
               "share of peak", "target", "peak GFLOP/s")  # fmt: skip
    for name in DOCUMENTS:
        measure(name, arguments.data_dir, arguments.rounds)


def measure(name: str, data_dir: str, rounds: int) -> None:
    corpus, words = sample(name, data_dir, DOCUMENTS[name])
    texts, teacher = corpus.texts, Teacher()
    plain = load_language_model(teacher.lm, teacher.device, storage_dtype(teacher.dtype))
    parameters = sum(p.numel() for n, p in plain.model.named_parameters() if "embed" not in n and "lm_head" not in n)
    tokens = sum(map(len, teacher.token_ids(texts)))
    teacher.read(texts[:64], words)
    few = texts[:: max(1, len(texts) // 40)][:40]
    ratios, shares, speeds, peaks = [], [], [], []
    with torch.inference_mode():
        published_loop(teacher, plain, few[:5], words)
        for _ in range(rounds):
            loop = len(few) / published_loop(teacher, plain, few, words)
            before = peak(teacher)
            start = time.perf_counter()
            teacher.read(texts, words)
            seconds = time.perf_counter() - start
            peaks.append(max(before, peak(teacher)))
            speeds.append(len(texts) / seconds)
            ratios.append(speeds[-1] / loop)
            shares.append(200 * parameters * tokens / seconds / peaks[-1])
    times, share = TARGETS[name]
    print_row(name, len(texts), round(tokens / len(texts), 1), str(teacher.dtype).removeprefix("torch."),
              spread(speeds), spread(ratios), times, f"{spread(shares)} %", share,
              round(statistics.median(peaks) / 1e9))  # fmt: skip


def published_loop(teacher: Teacher, lm, texts, words: Vocabulary) -> float:
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


def peak(teacher: Teacher) -> float:
    """Operations per second of the fastest large product, best of ten rounds."""
    best, count = 0.0, 16
    for rows, columns, inner in ((1024, 1536, 576), (2048, 2048, 2048)):
        multiply = large_product(rows, columns, inner, teacher.dtype)
        for _ in range(10):
            start = time.perf_counter()
            for _ in parallel_map(lambda _, multiply=multiply: multiply(), range(count), teacher.device):
                pass
            best = max(best, 2 * count * rows * columns * inner / (time.perf_counter() - start))
    return best


def large_product(rows: int, columns: int, inner: int, dtype: torch.dtype) -> Callable[[], Tensor]:
    """A product of random matrices."""
    if dtype is torch.int8:
        a = torch.randint(0, 255, (rows, inner), dtype=torch.uint8)
        b = int8_weight(torch.randint(-60, 60, (columns, inner), dtype=torch.int8), torch.ones(columns))
        return lambda: int8.product(a, b)
    a, b = torch.randn(rows, inner).to(dtype), torch.randn(columns, inner).to(dtype)
    return lambda: F.linear(a, b)


if __name__ == "__main__":
    main()
