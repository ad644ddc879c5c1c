from tempfile import mkdtemp
from time import sleep

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from softtopic.errors import LanguageModelError
from softtopic.lm import devices as formats
from softtopic.lm.devices import MOST_OF_TWO, int8_pays, int8_product, pick_device, pick_dtype, pick_teacher_dtype

CPU = torch.device("cpu")


def test_device_and_dtype_rules():
    assert pick_device("cpu") == CPU
    assert pick_dtype("float32", CPU) == pick_teacher_dtype("float32", CPU) == torch.float32
    assert pick_dtype("auto", torch.device("mps")) == pick_teacher_dtype("auto", torch.device("mps")) == torch.float32
    assert pick_teacher_dtype("int8", torch.device("cuda")) == torch.float32
    with pytest.raises(LanguageModelError, match=r"choose one of auto, bfloat16, float16, float32$"):
        pick_dtype("int8", CPU)
    with pytest.raises(LanguageModelError, match=r"'int3' is not known; choose one of .*int8"):
        pick_teacher_dtype("int3", CPU)


@pytest.mark.parametrize(("bfloat16", "int8"), [(True, True), (False, True), (False, False)])
def test_a_language_model_is_read_in_8_bits_where_nothing_else_is_fast(monkeypatch, bfloat16, int8):
    monkeypatch.setattr(formats, "_bfloat16_pays", lambda: bfloat16)
    monkeypatch.setattr(formats, "int8_pays", lambda: int8)
    wide = torch.bfloat16 if bfloat16 else torch.float32
    for tiles in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda tiles=tiles: tiles)
        assert pick_teacher_dtype("auto", CPU) == (torch.int8 if int8 and not tiles else wide)
        assert pick_teacher_dtype("int8", CPU) == (torch.int8 if int8 else torch.float32)
    assert pick_dtype("auto", CPU) == wide, "other models are not"


def test_bfloat16_where_it_is_the_faster(monkeypatch, tmp_path):
    def pays(tiles: bool, vectors: bool) -> bool:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vectors)
        monkeypatch.setenv("SOFTTOPIC_CACHE", mkdtemp(dir=tmp_path))  # nothing measured yet
        return formats._bfloat16_pays.__wrapped__()

    assert pays(tiles=True, vectors=True)
    assert not pays(tiles=False, vectors=False)
    # Vector instructions alone: whichever product is done first.
    for slow in (torch.float32, torch.bfloat16):
        wait = {slow: 0.002}
        monkeypatch.setattr(torch.nn.functional, "linear", lambda rows, _, wait=wait: sleep(wait.get(rows.dtype, 0)))
        assert pays(tiles=False, vectors=True) is (slow == torch.float32)


@pytest.mark.parametrize(("overflow", "seconds", "pays"), [(0, 0.001, True), (1, 0.001, False), (0, 0.01, False)])
def test_8_bits_where_they_are_exact_and_faster(monkeypatch, overflow, seconds, pays):
    def product(weight: torch.Tensor, steps: torch.Tensor) -> object:
        assert weight.int().abs().view(1024, -1, 2).sum(2).max() == MOST_OF_TWO

        found = 127.0 * weight.sum(dim=1) - overflow

        def slow(rows: torch.Tensor) -> torch.Tensor:
            sleep(seconds)
            return found.expand(len(rows), -1)

        return slow

    monkeypatch.setattr(formats, "int8_product", product)
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *_: sleep(0.01))
    assert formats._int8_is_faster() is pays


def test_8_bits_are_not_used_where_torch_has_no_operator_for_them(monkeypatch):
    def missing(*_):
        raise AttributeError("no such operator")

    monkeypatch.setattr(formats, "int8_product", missing)
    assert not formats._int8_is_faster()


def test_speed_is_measured_on_one_thread():
    threads = set()
    with threadpool_limits(2):
        formats._seconds(lambda: threads.update(pool["num_threads"] for pool in threadpool_info()))
    assert threads == {1}


@pytest.mark.parametrize("damage", [None, "", "3", "{"])
def test_what_was_chosen_once_is_chosen_again(monkeypatch, tmp_path, damage):
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path))
    answers = iter([True, False, False])
    monkeypatch.setattr(formats, "_int8_is_faster", lambda: next(answers))
    assert int8_pays.__wrapped__()
    assert int8_pays.__wrapped__(), "a busy machine is no other machine"
    (path,) = (tmp_path / "formats").iterdir()
    if damage is not None:
        path.write_text(damage)
        assert not int8_pays.__wrapped__()
        assert not int8_pays.__wrapped__()
    monkeypatch.setattr(formats, "_processor", lambda: "another")
    assert not int8_pays.__wrapped__()


def test_a_cache_that_cannot_be_written_to_stops_nothing(monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("SOFTTOPIC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(formats, "_int8_is_faster", lambda: True)
    assert int8_pays.__wrapped__()


@pytest.mark.skipif(not int8_pays(), reason="this processor does not multiply bytes fast")
def test_products_of_bytes_are_exact():
    drawn = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 256, (70, 96), generator=drawn, dtype=torch.uint8)
    first = torch.randint(1, MOST_OF_TWO, (50, 48), generator=drawn)
    weight = torch.stack([first, MOST_OF_TWO - first], dim=2).flatten(1)
    weight = (weight * (2 * torch.randint(0, 2, (50, 96), generator=drawn) - 1)).to(torch.int8)
    rows[:5] = 255
    steps = torch.rand(50, generator=drawn)
    expected = (rows.double() - 128) @ weight.double().T * steps
    torch.testing.assert_close(int8_product(weight, steps)(rows).double(), expected, rtol=1e-6, atol=1e-6)
