import threading

import pytest

from tfsep.training.loader import prefetched


def test_order_and_bounds():
    assert list(prefetched(lambda i: i * i, 3, 10, threads=4)) == [i * i for i in range(3, 10)]
    assert list(prefetched(lambda i: i, 5, 5)) == []
    assert list(prefetched(lambda i: i, 5, 3)) == []


def test_makes_so_many_ahead_and_no_more():
    made = []
    batches = prefetched(lambda i: made.append(i) or i, 0, 100, ahead=3)
    assert next(batches) == 0
    batches.close()
    assert len(made) <= 4


def test_an_error_arrives_where_its_batch_would():
    def make(index):
        if index == 2:
            raise RuntimeError("broken")
        return index

    batches = prefetched(make, 0, 10, threads=2)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(RuntimeError, match="broken"):
        next(batches)


def test_no_thread_is_left():
    batches = prefetched(lambda i: i, 0, 100, threads=2)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]
