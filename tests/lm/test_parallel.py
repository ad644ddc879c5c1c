import threading
import time

import pytest
import torch

from softtopic.lm.parallel import parallel_map

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    counts: list[int] = []
    thread = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return counts[0]


def test_results_are_in_the_order_of_the_items(threads):
    assert list(parallel_map(lambda item: 2 * item, range(50), CPU)) == list(range(0, 100, 2))
    assert list(parallel_map(lambda item: item, [], CPU)) == []


def test_the_function_runs_in_inference_mode(threads):
    assert all(parallel_map(lambda _: torch.is_inference_mode_enabled(), range(3), CPU))
    assert not torch.is_inference_mode_enabled()


def test_an_item_is_computed_on_one_thread(threads):
    """Also once torch has split an operation: its first one sets the number of threads that the process has."""

    def threads_after(_: int) -> int:
        torch.ones(1000, 1000).exp_()
        return torch.get_num_threads()

    assert set(parallel_map(threads_after, range(8), CPU)) == {1}


def test_an_error_of_the_function_reaches_the_caller_and_the_number_of_threads_is_restored(threads):
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda item: 1 // item, [1, 0, 1], CPU))
    assert torch.get_num_threads() == threads_of_a_new_thread() == threads


def test_the_number_of_threads_is_restored_after_a_generator_is_closed(threads):
    results = parallel_map(lambda item: item, range(50), CPU)
    assert next(results) == 0
    results.close()
    assert torch.get_num_threads() == threads_of_a_new_thread() == threads


def test_a_generator_left_unfinished_computes_few_items_more(threads):
    done = []
    results = parallel_map(lambda item: done.append(item), range(1000), CPU)
    next(results)
    time.sleep(0.2)
    assert len(done) < 50
    results.close()


def test_threads_of_one_call_serve_the_next(threads):
    def used() -> set[threading.Thread]:
        return set(parallel_map(lambda _: threading.current_thread(), range(20), CPU))

    first = used()
    assert all(thread.is_alive() for thread in first)
    assert len(first | used()) <= threads
