"""The packed multilingual encoder: a small file written here, and, where it was fetched, the real one."""

import struct
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from softtopic.errors import LanguageModelError
from softtopic.lm.config import MULTILINGUAL_ENCODER, encoder_name
from softtopic.lm.e5 import convert_e5
from softtopic.lm.encoder import SentenceEncoder, fetch_encoder, find_encoder
from softtopic.storage import assets
from softtopic.storage.assets import ASSETS, has_asset

WIDTH, INNER, LAYERS, POSITIONS = 32, 64, 2, 48
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁query", ":", "▁der", "▁hund", "▁dog", "b", "ell", "t", "<mask>"]


def block_weights(rng, rows, columns):
    """Weights of 4 bits with their blocks, as the file holds them."""
    scales = rng.uniform(0.01, 0.1, size=(rows * columns // 32, 1)).astype(np.float16)
    numbers = rng.integers(0, 16, size=(rows * columns // 32, 32), dtype=np.uint8)
    packed = numbers[:, :16] | numbers[:, 16:] << 4
    stored = b"".join(scale.tobytes() + row.tobytes() for scale, row in zip(scales, packed, strict=True))
    return stored, ((numbers.astype(np.float32) - 8) * scales).astype(np.float16).reshape(rows, columns)


def tensors(rng):
    """Name, bytes and values of each tensor."""
    layer = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH),
             "fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}  # fmt: skip
    shapes = {"emb.word": (len(PIECES), WIDTH)}
    shapes |= {f"l{n}.{name}.w": shape for n in range(LAYERS) for name, shape in layer.items()}
    plain = {"emb.pos": POSITIONS * WIDTH, "emb.type": 2 * WIDTH, "emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
    for n in range(LAYERS):
        plain |= {f"l{n}.{name}.b": shape[0] for name, shape in layer.items()}
        plain |= {f"l{n}.{name}.{kind}": WIDTH for name in ("aln", "oln") for kind in "wb"}
    for name, shape in shapes.items():
        yield (name, 1, *block_weights(rng, *shape))
    for name, count in plain.items():
        values = rng.normal(size=count).astype(np.float32)
        yield name, 0, values.tobytes(), values


def packed_file(path):
    """Write a file in the format of the released one; returns its tensors by name."""
    rng = np.random.default_rng(0)
    pieces = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    scores = np.array([0.0] * 4 + [-float(n) for n in range(1, len(PIECES) - 4)] + [0.0], dtype="<f4")
    head = struct.pack("<4s8ifi", b"E5S1", 1, WIDTH, LAYERS, 2, INNER, len(PIECES), POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(ends[-1])) + ends.tobytes() + scores.tobytes()
    head += b"".join(pieces) + struct.pack("<iI", 1, 9) + struct.pack("<IBI", 0x9, 1, 0x20)
    entries = list(tensors(rng))
    size = len(head) + 4 + sum(2 + len(name) + 21 for name, *_ in entries)
    directory, body = struct.pack("<i", len(entries)), b""
    for name, is_packed, stored, values in entries:
        place = size + len(body)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", is_packed, values.size, place, len(stored))
        body += stored
    path.write_bytes(head + directory + body)
    return {name: values for name, _, _, values in entries}


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    packed = folder.parent / "packed.bin"
    written = packed_file(packed)
    convert_e5(packed, folder)
    return folder, written


def test_weights_of_four_bits_are_written_as_they_are(converted):
    from safetensors.numpy import load_file

    folder, written = converted
    found = load_file(folder / "model.safetensors")
    assert len(found) == len(written)
    pairs = {
        "emb.word": "embeddings.word_embeddings.weight",
        "emb.ln.b": "embeddings.LayerNorm.bias",
        "l1.fo.w": "encoder.layer.1.output.dense.weight",
        "l0.aln.w": "encoder.layer.0.attention.output.LayerNorm.weight",
    }
    for name, own in pairs.items():
        np.testing.assert_array_equal(found[own], written[name])


def test_the_folder_is_a_sentence_encoder_and_says_query_first(converted):
    encoder = SentenceEncoder(str(converted[0]))
    [tokens] = encoder._tokens(encoder._open()[1], ["der  hund\tbellt"])
    assert [PIECES[token] for token in tokens] == ["<s>", "▁query", ":", "▁der", "▁hund", "▁", "b", "ell", "t", "</s>"]
    vectors = encoder(["der hund bellt", "dog", ""])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    # A token as a text of its own is the text of that token.
    one = encoder.encode_tokens([PIECES.index("▁dog")])
    np.testing.assert_allclose(one / np.linalg.norm(one), vectors[1:2], atol=1e-5)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.bin"
    for content in (b"", b"PK\x03\x04" + bytes(400)):
        path.write_bytes(content)
        with pytest.raises(LanguageModelError, match=r"other.bin is no packed sentence encoder"):
            convert_e5(path, tmp_path)


def test_a_file_that_was_cut_off_at_any_place_is_one_line_with_the_repair(tmp_path):
    path = tmp_path / "cut.bin"
    packed_file(path)
    content = path.read_bytes()
    for size in (3, 40, 60, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(LanguageModelError, match=r"run `softtopic fetch multilingual`, which repairs it") as caught:
            convert_e5(path, tmp_path)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(LanguageModelError, match=r"which repairs it"):
        convert_e5(path, tmp_path)


def test_a_damaged_asset_is_repaired_by_fetch(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    packed_file(tmp_path / "whole.bin")
    whole = (tmp_path / "whole.bin").read_bytes()
    [file] = ASSETS[MULTILINGUAL_ENCODER].files
    own = replace(file, sha256=sha256(whole).hexdigest(), size=len(whole))
    monkeypatch.setitem(ASSETS, MULTILINGUAL_ENCODER, replace(ASSETS[MULTILINGUAL_ENCODER], files=(own,)))
    monkeypatch.setattr(assets, "_download", lambda _, staging: (staging / "e5-small-q4.bin").write_bytes(whole))
    converted = fetch_encoder("multilingual")
    packed = assets.asset_path(MULTILINGUAL_ENCODER) / "e5-small-q4.bin"
    packed.write_bytes(whole[:-9])
    # What was converted before is still used, and made again where it was cut off as well.
    assert find_encoder(MULTILINGUAL_ENCODER) == converted
    weights = (converted / "model.safetensors").read_bytes()
    (converted / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(LanguageModelError, match="`softtopic fetch multilingual`"):
        find_encoder(MULTILINGUAL_ENCODER)
    assert fetch_encoder("multilingual") == converted
    assert packed.read_bytes() == whole
    assert (converted / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("name", ["multilingual", "intfloat/multilingual-e5-small", "multilingual-e5-small"])
def test_the_encoder_has_several_names(name):
    assert encoder_name(name) == SentenceEncoder(name).name == MULTILINGUAL_ENCODER


# Cosines between the texts by the C program that the weights were released with, which rounds activations to 8 bits.
TEXTS = ["Der Hund bellt im Garten.", "The dog  barks in the garden.", "Interest rates rose.", "الكلب ينبح"]
COSINES = [
    [1.0, 0.8870, 0.7542, 0.8544],
    [0.8870, 1.0, 0.7157, 0.8309],
    [0.7542, 0.7157, 1.0, 0.7681],
    [0.8544, 0.8309, 0.7681, 1.0],
]


@pytest.mark.slow
@pytest.mark.skipif(not has_asset(MULTILINGUAL_ENCODER), reason="softtopic fetch multilingual")
def test_vectors_are_those_of_the_reference():
    vectors = SentenceEncoder(MULTILINGUAL_ENCODER, dtype="float32")(TEXTS)
    np.testing.assert_allclose(vectors @ vectors.T, COSINES, atol=0.003)
