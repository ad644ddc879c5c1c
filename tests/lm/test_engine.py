import copy
from dataclasses import replace

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Cohere2Config,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    MambaConfig,
    PhiConfig,
    Qwen3Config,
)

from softtopic.errors import LanguageModelError
from softtopic.lm import attention
from softtopic.lm.attention import packed_attention
from softtopic.lm.engine import PackedReader, PlainReader, open_reader
from softtopic.lm.head import Head
from softtopic.lm.loading import LanguageModel
from softtopic.lm.packed import KeyValues, PackedBatch, split_into_packs

SIZES = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256,
}  # fmt: skip

FAMILIES = {
    "llama, tied head": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "llama, untied head": LlamaConfig(**SIZES, tie_word_embeddings=False, attention_bias=True),
    "qwen3": Qwen3Config(**SIZES),
    "gemma3, sliding window, scaled embeddings": Gemma3TextConfig(
        **SIZES, sliding_window=8, layer_types=["sliding_attention", "full_attention", "sliding_attention"]
    ),
    "gemma2, soft-capped": Gemma2Config(
        **SIZES, final_logit_softcapping=2.0, attn_logit_softcapping=1.5, query_pre_attn_scalar=8, sliding_window=64
    ),
    "gpt2, learnt positions": GPT2Config(vocab_size=300, n_embd=32, n_layer=2, n_head=4, n_positions=256),
    "phi, head with a bias": PhiConfig(**{k: v for k, v in SIZES.items() if k != "head_dim"}),
    "granite, scaled logits": GraniteConfig(**SIZES, logits_scaling=4.0, embedding_multiplier=3.0),
    "cohere2, scaled logits": Cohere2Config(**SIZES, logit_scale=0.3, sliding_window=8),
    "mamba, no attention at all": MambaConfig(vocab_size=300, hidden_size=32, num_hidden_layers=2, state_size=4),
}
PLAIN = {"mamba, no attention at all"}

PREFIX = list(range(5, 22))
LENGTHS = [3, 19, 3, 40, 1, 19, 7]


def model_of(config) -> LanguageModel:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(
            config, attn_implementation="eager" if config.model_type != "mamba" else None
        )
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weight)
    return LanguageModel(model.eval().requires_grad_(False), None, torch.device("cpu"))


def rows_of(lengths) -> list[list[int]]:
    drawn = torch.Generator().manual_seed(2)
    return [torch.randint(0, 300, (length,), generator=drawn).tolist() for length in lengths]


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_every_family_agrees_with_the_models_own_forward(family):
    lm = model_of(FAMILIES[family])
    rows, tokens = rows_of(LENGTHS), torch.arange(3, 300, 5)
    expected = [lm.model(torch.tensor([PREFIX + row]), output_hidden_states=True) for row in rows]
    states = torch.stack([out.hidden_states[-1][0, -1] for out in expected])
    logits = torch.stack([out.logits[0, -1, tokens] for out in expected])

    reader = open_reader(lm, PREFIX)
    assert isinstance(reader, PlainReader if family in PLAIN else PackedReader)
    batches = reader.batches(LENGTHS, 64)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    for batch in batches:
        found = reader.read([rows[row] for row in batch], tokens)
        torch.testing.assert_close(found.states, states[batch], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found.logits, logits[batch], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_tokens_followed_see_their_document_and_their_own_line(family):
    lm = model_of(FAMILIES[family])
    oracle = PlainReader(LanguageModel(copy.deepcopy(lm.model), None, lm.device), PREFIX)
    reader = open_reader(lm, PREFIX)
    lengths = [3, 3, 17, 18, 33]
    rows = rows_of(lengths)
    drawn = torch.Generator().manual_seed(4)
    tokens = [torch.randint(0, 300, (5, count), generator=drawn) for count in (3, 2, 2)]
    runs = [torch.randint(0, 300, (5, count), generator=drawn) for count in (3, 2)]
    parents = [torch.full((5, 3), -1), torch.tensor([[2, 0]] * 5), torch.tensor([[4, -1]] * 5)]
    for batch in reader.batches(lengths, 10_000):
        reader.states([rows[document] for document in batch], max_new_tokens=12)
        found = [reader.branch(new[batch], line[batch]) for new, line in zip(tokens, parents, strict=True)]
        # A chain after the fifth token followed, and another after the document.
        chains = [
            reader.extend(run[batch], torch.full((len(batch),), place))
            for run, place in zip(runs, (4, -1), strict=True)
        ]
        assert reader.n_appended == 12
        for place, document in enumerate(batch):
            (a, b, c), (d, e), (f, g) = (level[document].tolist() for level in tokens)
            lines = [[[a], [b], [c]], [[c, d], [a, e]], [[a, e, f], [g]]]
            for states, expected in zip(found, lines, strict=True):
                wanted = torch.cat([oracle.states([rows[document] + line]) for line in expected])
                torch.testing.assert_close(states[place], wanted, atol=1e-4, rtol=1e-4)
            first, second = (run[document].tolist() for run in runs)
            wanted = oracle.states([rows[document] + [a, e, *first]]), oracle.states([rows[document] + second])
            for states, expected in zip(chains, wanted, strict=True):
                torch.testing.assert_close(states[place], expected[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_states_along_a_chain_are_those_of_whole_rows(family):
    lm = model_of(FAMILIES[family])
    oracle = PlainReader(LanguageModel(copy.deepcopy(lm.model), None, lm.device), PREFIX)
    rows, tokens = rows_of([5, 5]), torch.tensor([[7, 8, 9], [9, 1, 2]])
    wanted = [
        torch.cat([oracle.states([row + line[:count]]) for count in (1, 2, 3)])
        for row, line in zip(rows, tokens.tolist(), strict=True)
    ]
    for reader in (open_reader(lm, PREFIX), oracle):
        reader.states(rows, max_new_tokens=3)
        torch.testing.assert_close(reader.states_along(tokens), torch.stack(wanted), atol=1e-4, rtol=1e-4)
        assert reader.n_appended == 3


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_sums_over_the_whole_vocabulary_are_those_of_the_models_own_logits(family):
    lm = model_of(FAMILIES[family])
    row = rows_of([9])[0]
    out = lm.model(torch.tensor([row]), output_hidden_states=True)
    ending = [0, 7, 8, 299]
    totals = Head(lm.model, ending).log_partition(out.hidden_states[-1][0])
    torch.testing.assert_close(totals.total, out.logits[0].logsumexp(dim=1), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(totals.ending, out.logits[0, :, ending].logsumexp(dim=1), atol=1e-4, rtol=1e-4)
    own = Head(lm.model).paired_logits(out.hidden_states[-1][0], torch.arange(9))
    torch.testing.assert_close(own, out.logits[0, range(9), range(9)], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_a_model_whose_attention_is_not_what_it_says_is_read_plainly(monkeypatch):
    from softtopic.lm import engine as reading
    from softtopic.lm import fused

    def forgetful(module, query, key, value, *_, **options):
        return torch.zeros_like(query).transpose(1, 2), None

    for layers in (fused, reading):
        monkeypatch.setattr(layers, "packed_attention", forgetful)
    lm = model_of(FAMILIES["llama, tied head"])
    before = lm.model.config._attn_implementation
    assert isinstance(open_reader(lm, PREFIX), PlainReader)
    assert lm.model.config._attn_implementation == before


@pytest.mark.parametrize("family", ["llama, tied head", "llama, untied head", "qwen3"])
@torch.inference_mode()
def test_packed_results_do_not_depend_on_the_batch(family, amx_linear_products):
    """With whole layers fused, linear layers fused, and not fused."""
    reader = open_reader(model_of(FAMILIES[family]), PREFIX)
    rows, tokens = rows_of(LENGTHS), torch.arange(50)
    together = reader.read(rows, tokens)
    for place, row in enumerate(rows):
        alone = reader.read([row], tokens)
        assert torch.equal(alone.states[0], together.states[place])
        assert torch.equal(alone.logits[0], together.logits[place])


@pytest.mark.parametrize("family", ["llama, tied head", "mamba, no attention at all"])
@torch.inference_mode()
def test_states_that_are_not_finite_do_not_leave_the_engine(family):
    lm = replace(model_of(FAMILIES[family]), name="some model")
    lm.model.get_input_embeddings().weight[299, 0] = torch.inf
    reader = open_reader(lm, PREFIX)
    said = pytest.raises(
        LanguageModelError, match=r"^some model gives values that are not finite in float32; its files"
    )
    with said:
        reader.states([[1, 2, 3], [4, 299, 5]])
    follow = (reader.branch, torch.tensor([[7, 299]]), torch.tensor([[-1, -1]]))
    chain = (reader.extend, torch.tensor([[299, 8]]), torch.tensor([-1]))
    for further, tokens, parents in (follow, chain):
        assert reader.states([[1, 2, 3]], max_new_tokens=3).isfinite().all()
        with said:
            further(tokens, parents)


@torch.inference_mode()
def test_without_a_prefix():
    lm = model_of(FAMILIES["qwen3"])
    row, tokens = rows_of([9])[0], torch.arange(300)
    out = lm.model(torch.tensor([row]))
    torch.testing.assert_close(open_reader(lm, []).read([row], tokens).logits, out.logits[:, -1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("amx", [False, True])
@pytest.mark.parametrize("before", [0, 70])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("size", [1.0, 30.0, 300.0])
def test_attention_is_a_softmax_however_large_the_scores(monkeypatch, request, dtype, size, before, amx):
    if amx:
        request.getfixturevalue("amx_batch_products")
    # The prompt's beginning is looked at in several goes, the last of them a small one.
    monkeypatch.setattr(attention, "_PREFIX_SCORES", 70 * 128)
    drawn = torch.Generator().manual_seed(3)
    lengths = [2, 2, 33, 34, 90]
    rows = sum(lengths)
    query = torch.randn(1, 4, rows, 8, generator=drawn)
    key, value, prefix_key, prefix_value = (
        torch.randn(1, 2, tokens, 8, generator=drawn) for tokens in (rows, rows, before, before)
    )
    # One document whose scores are all far below 0: its exponentials alone would vanish.
    query[:, :, :4], key[:, :, :4] = query[:, :, :4].abs(), -key[:, :, :4].abs()
    query, key, prefix_key = ((side * size**0.5).to(dtype) for side in (query, key, prefix_key))
    value, prefix_value = value.to(dtype), prefix_value.to(dtype)
    layer = torch.nn.Module()
    layer.layer_idx = 0
    prefix = {0: KeyValues(prefix_key, prefix_value)} if before else {}
    packing = PackedBatch(lengths, prefix, cache={})
    found, _ = packed_attention(layer, query, key, value, packing=packing)
    start = 0
    for length in lengths:
        q = query[0, :, start : start + length].float()
        k, v = (
            torch.cat([old[0], new[0, :, start : start + length]], dim=1).float().repeat_interleave(2, dim=0)
            for old, new in ((prefix_key, key), (prefix_value, value))
        )
        hidden = torch.ones(length, before + length, dtype=torch.bool).tril(before)
        wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=hidden).transpose(0, 1)
        # A score of 300 is off by up to 1 in bfloat16, and its weight with it: there it must only end well.
        near = 1e-6 * size + 1e-5 if dtype is torch.float32 else 0.03 if size == 1 else 4.0
        torch.testing.assert_close(found[0, start : start + length].float(), wanted, atol=near, rtol=near)
        start += length
    # Float16 is too narrow for sums of exponentials: there the prompt's beginning is copied before each document.
    copied = before if dtype is torch.float16 else 0
    tokens = [group.keys.shape[2] for group in packing.cache[0]]
    assert tokens == [copied + group.length for group in packing.groups]


def test_packs_hold_at_most_the_budget_and_every_row_once():
    lengths = [5, 100, 3, 3, 64, 2]
    found = split_into_packs(lengths, 64)
    assert sorted(row for pack in found for row in pack) == list(range(6))
    assert all(sum(lengths[row] for row in pack) <= 64 or len(pack) == 1 for pack in found)
    assert [lengths[row] for pack in found for row in pack] == sorted(lengths)
