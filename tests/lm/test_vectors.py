import numpy as np
import pytest

from softtopic import TopicModel
from softtopic.errors import InputError
from softtopic.lm import vectors
from softtopic.lm.encoder import SENTENCE_ENCODER, SentenceEncoder
from softtopic.lm.vectors import embed, parts_of
from softtopic.pipeline.represent import are_kept
from softtopic.teacher.local import Teacher


def test_without_an_embedder_the_next_step_is_said():
    with pytest.raises(InputError, match=r"set model\.embedder"):
        embed(["a text"], None)


def test_vectors_are_kept_part_by_part_and_made_again_where_a_file_is_damaged(monkeypatch, cache_folder, texts):
    monkeypatch.setattr(vectors, "_FILE_TEXTS", 5)
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
    monkeypatch.setattr(vectors, "_FILE_TEXTS", 5)
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
