"""What makes a GPU wait for the program, counted on a CPU: it must not grow with the documents of a batch."""

from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import softtopic.lm.attention as attention
import softtopic.teacher.scoring as scoring
from softtopic.data.vocabulary import Vocabulary
from softtopic.lm.engine import PackedReader
from softtopic.teacher.local import Teacher
from softtopic.teacher.scoring import WholeWordScorer

WORDS = Vocabulary(
    ("sub", "subquery", "subdomain", "query", "sql", "rocket", "orbit", "kubernetes", "sourdough", "tax")
)

# Operators whose result, or its size, the program must know before it goes on.
WAITING = {"_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select", "repeat_interleave", "_unique2"}

# Methods that fetch a tensor from the device or bring one there, some of which reach no operator on a CPU.
FETCHING = {Tensor.tolist, Tensor.item, Tensor.cpu, Tensor.numpy, Tensor.__bool__, Tensor.__int__, Tensor.__float__,
            Tensor.__index__, Tensor.__array__, Tensor.to, torch.tensor}  # fmt: skip


class Operators(TorchDispatchMode):
    def __init__(self, seen: Counter) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.seen[name] += name in WAITING
        return func(*args, **(kwargs or {}))


class Methods(TorchFunctionMode):
    def __init__(self, seen: Counter) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.seen[getattr(func, "__name__", "")] += func in FETCHING
        return func(*args, **(kwargs or {}))


@contextmanager
def counted():
    seen: Counter = Counter()
    with Methods(seen), Operators(seen):
        yield seen


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Attention through the kernel that every device but the CPU takes."""
    monkeypatch.setattr(attention, "_prefers_fused", lambda device: True)


def waits(teacher: Teacher, texts: list[str], times: int) -> Counter:
    """What waited while one batch of the texts, each so many times, was read and scored."""
    with teacher.session() as session:
        scorer = session.scorer(WORDS)
        documents = sorted(session.tokenize(texts * times), key=len)
        (group,) = session.groups
        assert isinstance(group.reader, PackedReader)
        with counted() as seen:
            (end,) = group.read(documents, scorer.n_followed)
            assert len(scorer(group.reader, end)) == len(texts) * times
    return +seen


@pytest.mark.parametrize("beam_width", [0, 4])
def test_no_document_is_waited_for(tiny_lm, texts, as_on_a_gpu, beam_width):
    teacher = Teacher(tiny_lm, beam_width=beam_width, dtype="float32")
    few, many = (waits(teacher, texts, times) for times in (1, 9))
    assert few == many
    # Some for each group of lengths (on the host's own tensors) and each level of the words' trie; one for whether the
    # states are finite.
    assert sum(few[name] for name in WAITING) <= (26 if beam_width else 11), few


def test_waiting_for_each_document_is_seen(tiny_lm, texts, as_on_a_gpu, monkeypatch):
    states = PackedReader.states

    def slow(self, rows, **options):
        found = states(self, rows, **options)
        assert all(float(row.sum()) < 1e9 for row in found)
        return found

    monkeypatch.setattr(PackedReader, "states", slow)
    teacher = Teacher(tiny_lm, dtype="float32")
    few, many = (waits(teacher, texts, times) for times in (1, 9))
    assert sum((many - few).values()) >= 8 * len(texts)


def test_scores_of_a_large_batch_take_a_bounded_room(tiny_lm, texts, monkeypatch):
    whole = Teacher(tiny_lm, beam_width=4, dtype="float32").read(texts, WORDS)
    teacher = Teacher(tiny_lm, beam_width=4, dtype="float32")
    with teacher.session() as session:
        scorer = session.scorer(WORDS)
    assert isinstance(scorer, WholeWordScorer)
    numbers = len(scorer._trie) + 3 * scorer._trie.levels[0].stop + 5 * len(WORDS)
    assert scorer.max_documents * 8 * numbers <= 1 << 29 < (scorer.max_documents + 1) * 8 * numbers
    monkeypatch.setattr(scoring, "_MAX_BYTES", 5 * 8 * numbers)
    monkeypatch.setattr(scoring, "_DOCUMENT_BLOCK", 2)
    monkeypatch.setattr(scoring, "_PAIR_BLOCK", 3)
    held: list[int] = []
    pass_on = WholeWordScorer._pass_on

    def watched(self, mass, *rest):
        held.append(mass.numel() * mass.element_size())
        pass_on(self, mass, *rest)

    monkeypatch.setattr(WholeWordScorer, "_pass_on", watched)
    heard: list[int] = []
    cut = teacher.read(texts, WORDS, heard.append)
    assert max(heard) == 5
    assert sum(heard) == len(texts)
    assert max(held) <= 5 * 8 * numbers
    assert (abs(cut.log_probs.astype(float) - whole.log_probs.astype(float)) < 0.02).all()
