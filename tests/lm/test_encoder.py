import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from softtopic import TopicModel
from softtopic.errors import InputError, LanguageModelError
from softtopic.lm import encoder as encoding
from softtopic.lm.bert import PackedBert
from softtopic.lm.encoder import SENTENCE_ENCODER, SentenceEncoder, embed, find_encoder, parts_of
from softtopic.pipeline.represent import are_kept
from softtopic.teacher.local import Teacher


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
    assert (exact.fingerprint == rounded.fingerprint) == (exact.dtype == rounded.dtype)


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
    assert (plain(mixed) * encoder(mixed)).sum(axis=1).min() > 0.9995


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


def test_without_an_embedder_the_next_step_is_said():
    with pytest.raises(InputError, match=r"set model\.embedder"):
        embed(["a text"], None)


def test_vectors_are_kept_part_by_part_and_made_again_where_a_file_is_damaged(monkeypatch, cache_folder, texts):
    monkeypatch.setattr(encoding, "_FILE_TEXTS", 5)
    made = embed(texts, SENTENCE_ENCODER, keep=True)
    np.testing.assert_allclose(made, SentenceEncoder()(texts), atol=1e-5)
    files = sorted((cache_folder / "embeddings").glob("*.npy"))
    assert len(files) == 3
    asked = []
    real = SentenceEncoder.__call__
    monkeypatch.setattr(SentenceEncoder, "__call__", lambda self, part: asked.append(len(part)) or real(self, part))
    assert np.array_equal(embed(texts, SENTENCE_ENCODER, keep=True), made)
    assert asked == []
    files[0].write_bytes(files[0].read_bytes()[:-7])
    files[1].write_bytes(b"")
    np.testing.assert_allclose(embed(texts, SENTENCE_ENCODER, keep=True), made, atol=1e-6)
    assert len(asked) == 2
    # A flipped bit, and a file of other texts.
    data = bytearray(files[0].read_bytes())
    data[-99] ^= 1
    files[0].write_bytes(data)
    whole = sorted(files, key=lambda file: file.stat().st_size)[1:]
    swapped = [file.read_bytes() for file in reversed(whole)]
    for file, content in zip(whole, swapped, strict=True):
        file.write_bytes(content)
    np.testing.assert_allclose(embed(texts, SENTENCE_ENCODER, keep=True), made, atol=1e-6)
    assert len(asked) == 4 + (files[0] not in whole)
    assert not list(cache_folder.rglob("*.staging-*"))


def test_a_part_holds_no_more_text_than_is_encoded_in_some_seconds():
    encoder = SentenceEncoder(max_tokens=256)
    titles = [f"{n}: a title of a usual length, about sixty characters in all" for n in range(5000)]
    assert [len(part) for part in parts_of(titles, encoder)] == [256, 512, 1024, 2048, 1160]
    long = ["a long post, of which the beginning alone is read. " * 100] * 300
    assert [len(part) for part in parts_of(long, encoder)] == [16, 32, 64, 128, 60]
    assert [len(part) for part in parts_of(long[:200], encoder)] == [16, 32, 64, 88]
    mixed = [text for pair in zip(titles, long, strict=False) for text in pair]
    assert [text for part in parts_of(mixed, encoder) for text in part] == mixed


def test_an_interrupted_encoding_says_what_is_kept_and_goes_on_there(monkeypatch, cache_folder, texts):
    monkeypatch.setattr(encoding, "_FILE_TEXTS", 5)
    asked, real = [], SentenceEncoder.__call__

    def stopping(self, part):
        asked.append(len(part))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(self, part)

    monkeypatch.setattr(SentenceEncoder, "__call__", stopping)
    with pytest.raises(KeyboardInterrupt) as stop:
        embed(texts, SENTENCE_ENCODER, keep=True)
    assert stop.value.__notes__ == ["5 of 12 sentence vectors are kept"]
    assert embed(texts, SENTENCE_ENCODER, keep=True).shape == (12, 384)
    assert asked == [5, 5, 5, 2]


def test_few_texts_are_kept_where_they_are_long():
    assert are_kept(["a title"] * 256)
    assert are_kept(["a long post " * 500] * 20)
    assert not are_kept(["a title"] * 255)


def test_vectors_that_cannot_be_kept_are_made_all_the_same(cache_folder, texts, caplog):
    caplog.set_level("WARNING", "softtopic")
    (cache_folder / "embeddings").write_text("in the way")
    assert embed(texts, SENTENCE_ENCODER, keep=True).shape == (12, 384)
    assert "sentence vectors are not kept" in caplog.text


def test_the_encoder_computes_where_the_language_model_does(tiny_lm, texts, monkeypatch):
    asked = []
    begin = SentenceEncoder.__init__
    monkeypatch.setattr(
        SentenceEncoder, "__init__", lambda self, name, **given: asked.append(given["device"]) or begin(self, name)
    )
    lm = Teacher(tiny_lm, device="cpu", dtype="float32")
    TopicModel(2, lm=lm, recipe="light", inputs="hidden+embedding", features=None).fit(texts)
    assert set(asked) == {"cpu"}


def test_a_callable_is_asked_each_time(texts):
    assert embed(texts, lambda given: [[float(len(text))] for text in given], keep=True).shape == (12, 1)


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
