import json
import multiprocessing
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from softtopic import TopicModel
from softtopic.errors import InputError, LanguageModelError
from softtopic.lm import encoder as encoding
from softtopic.lm.bert import PackedBert
from softtopic.lm.encoder import SENTENCE_ENCODER, SentenceEncoder, find_encoder


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(device="cpu")


def test_paraphrases_are_near_and_other_matters_far(encoder):
    pairs = [
        ("How do I join two tables in SQL?", "What is the way to join two SQL tables?"),
        ("The rocket reached its orbit after nine minutes.", "After nine minutes the rocket was in orbit."),
        ("Bake the bread in a hot oven.", "The bread should be baked in an oven that is hot."),
    ]
    vectors = encoder([text for pair in pairs for text in pair])
    assert vectors.shape == (6, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosine = vectors @ vectors.T
    same = np.asarray([cosine[i, i + 1] for i in (0, 2, 4)])
    other = cosine[np.kron(np.eye(3), np.ones((2, 2))) == 0]
    assert same.min() > 0.85
    assert other.max() < 0.25


@pytest.mark.parametrize("dtype", ["float32", "auto", "bfloat16", "int8"])
@pytest.mark.parametrize("amx", [False, True])
def test_a_vector_depends_on_its_own_text_alone(request, dtype, amx, texts):
    if amx:
        request.getfixturevalue("amx_linear_products")
    encoder = SentenceEncoder(device="cpu", dtype=dtype)
    if encoder.dtype is torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN has no bfloat16 here, and torch's own product is not padded")
    mixed = [*texts, *texts[:4], "word " * 400, "", "a"]
    together = encoder(mixed)
    # Products of this processor may be rounded in a way we have not met; those of the imitation are equal.
    alone = np.vstack([encoder([text]) for text in mixed])
    np.testing.assert_allclose(alone, together, rtol=0, atol=0 if amx else 1e-5)
    assert np.isfinite(together).all()
    assert encoder([]).shape == (0, 384)


def test_a_long_text_is_cut(encoder):
    np.testing.assert_allclose(encoder(["orbit " * 300]), encoder(["orbit " * 300 + "bread " * 50]), atol=1e-6)


def test_the_mean_over_tokens_is_taken_by_hand(encoder):
    """Against the plain forward pass of the model, one text, no padding."""
    folder = find_encoder(SENTENCE_ENCODER)
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        states = model(**tokenizer("The telescope in orbit.", return_tensors="pt")).last_hidden_state[0].float()
    expected = states.mean(dim=0) / states.mean(dim=0).norm()
    close = {torch.float32: 1e-5, torch.int8: 0.02}.get(encoder.dtype, 4e-3)
    np.testing.assert_allclose(encoder(["The telescope in orbit.", "pad " * 30])[0], expected, atol=close)


@pytest.mark.parametrize(("dtype", "agreement"), [("bfloat16", 0.999), ("int8", 0.995)])
def test_a_smaller_number_format_changes_rounding_alone(texts, dtype, agreement):
    exact, rounded = (SentenceEncoder(device="cpu", dtype=dtype) for dtype in ("float32", dtype))
    assert (exact(texts) * rounded(texts)).sum(axis=1).min() > agreement
    is_same = exact.dtype == rounded.dtype  # float32 is used where there is no int8
    assert (exact.fingerprint == rounded.fingerprint) == is_same
    assert np.array_equal(exact(texts), rounded(texts)) == is_same


def test_an_encoder_that_int8_does_not_suit_computes_in_float32(texts, monkeypatch):
    monkeypatch.setattr("softtopic.lm.mean_states._MIN_INT8_AGREEMENT", 1.1)
    exact, rounded = (SentenceEncoder(device="cpu", dtype=dtype) for dtype in ("float32", "int8"))
    np.testing.assert_array_equal(exact(texts), rounded(texts))


def test_an_encoder_without_a_packed_forward_pass_gives_the_same_vectors(encoder, texts, monkeypatch):
    def refuse(self, model, *_):
        raise TypeError("built otherwise")

    monkeypatch.setattr(PackedBert, "__init__", refuse)
    plain = SentenceEncoder(device="cpu")
    mixed = [*texts, "", "word " * 400]
    assert not isinstance(plain._open()[0], PackedBert)
    # Where the format is int8, the plain forward pass is in float32.
    agreement = 0.99 if encoder.dtype is torch.int8 else 0.9995
    assert (plain(mixed) * encoder(mixed)).sum(axis=1).min() > agreement


def test_batches_hold_each_text_once_and_never_more_tokens_than_the_limit():
    lengths = np.random.default_rng(0).integers(1, 257, 1000).tolist()
    batches = encoding._batches(lengths)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(sum(lengths[row] for row in batch) for batch in batches) <= encoding._BATCH_TOKENS
    assert [len(batch) for batch in encoding._batches([9000, 9000, 1])] == [1, 1, 1]


def test_an_encoder_that_is_not_here_says_so(tmp_path):
    with pytest.raises(LanguageModelError, match="is not here; give all-minilm-l6-v2"):
        SentenceEncoder(str(tmp_path))(["text"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LanguageModelError, match="cannot be opened"):
        SentenceEncoder(str(tmp_path))(["text"])


def test_threads_share_a_fresh_encoder_and_no_setting_of_the_process_changes(texts, process_settings):
    settings = process_settings()
    expected = SentenceEncoder(dtype="bfloat16")(texts)
    encoder = SentenceEncoder(dtype="bfloat16")
    with ThreadPoolExecutor(4) as pool:
        vectors = list(pool.map(encoder, [texts] * 4))
    for found in vectors:
        np.testing.assert_array_equal(found, expected)
    assert process_settings() == settings


def test_a_pickled_encoder_leaves_its_weights_behind(encoder, texts):
    expected = encoder(texts)
    pickled = pickle.dumps(encoder)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled)(texts), expected)


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_an_open_encoder_works_in_other_processes(encoder, texts, start):
    expected = encoder(texts)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # a forked process waits for its parent's threads, unless it uses none
    try:
        encoder(texts)
        with multiprocessing.get_context(start).Pool(1) as pool:
            np.testing.assert_allclose(pool.apply_async(encoder, [texts]).get(60), expected, atol=1e-6)
    finally:
        torch.set_num_threads(threads)


def test_vectors_that_are_not_finite_are_not_given_away(texts):
    encoder = SentenceEncoder(dtype="float32")
    forward, _, _ = encoder._open()
    assert isinstance(forward, PackedBert)
    forward._norm.weight[3] = torch.nan
    with pytest.raises(LanguageModelError, match="all-minilm-l6-v2 gives values that are not finite in float32; its"):
        encoder(texts)


def test_lone_surrogates_are_encoded(encoder):
    np.testing.assert_array_equal(encoder(["\ud83d rocket"]), encoder(["? rocket"]))


@pytest.mark.parametrize("positions", [16, 128])
def test_texts_are_cut_where_the_model_has_no_more_positions(positions, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(find_encoder(SENTENCE_ENCODER))
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=positions, **sizes)).save_pretrained(
        tmp_path
    )
    tokenizer.save_pretrained(tmp_path)
    encoder = SentenceEncoder(str(tmp_path))
    long = encoder(["word " * 300])
    np.testing.assert_array_equal(long, encoder(["word " * (positions - 2)]))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 0.01), ("int8", 0.01)])
def test_mixtures_depend_on_no_neighbours_in_the_batch(texts, tiny_encoder, dtype, tolerance):
    """Up to rounding, which the page on reliability states for each format."""
    encoder = SentenceEncoder(tiny_encoder, device="cpu", dtype=dtype)
    model = TopicModel(3, inputs="embedding", target="bow", embedder=encoder, features=None, vocabulary=30).fit(texts)
    alone = np.vstack([model.transform([text]) for text in texts])
    long = [" ".join(texts)] * 20
    for neighbours in ([], texts[::-1], long):
        np.testing.assert_allclose(model.transform([*texts, *neighbours])[: len(texts)], alone, atol=tolerance)


def test_a_folder_that_lacks_weights_is_refused(tiny_encoder, tmp_path):
    folder = tmp_path / "deeper"
    shutil.copytree(tiny_encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(
        LanguageModelError, match=r"deeper lacks 32 of the weights that its config.json describes, such as"
    ):
        SentenceEncoder(folder)(["sql"])


def test_an_empty_text_has_a_vector_where_a_tokenizer_adds_no_special_tokens(tiny_lm):
    vectors = SentenceEncoder(tiny_lm, device="cpu")(["sql", ""])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_wrong_arguments_are_one_line(tiny_encoder):
    with pytest.raises(InputError, match="texts is a string; give a list of strings"):
        SentenceEncoder(tiny_encoder)("sql")
    with pytest.raises(InputError, match="encoder max_tokens is 0"):
        SentenceEncoder(tiny_encoder, max_tokens=0)
