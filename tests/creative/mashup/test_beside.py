import threading

import pytest

from tfsep.creative.mashup.beside import Beside


def test_one_at_a_time_in_order_and_all_done_at_the_end():
    done = []
    with Beside() as beside:
        for number in range(5):
            beside.do(lambda number: done.append((number, threading.get_ident())), number)
    assert [number for number, _ in done] == [0, 1, 2, 3, 4]
    assert {thread for _, thread in done} != {threading.get_ident()}
    assert len({thread for _, thread in done}) == 1


def fail():
    raise OSError("the disk is full")


def test_a_failure_is_raised_by_the_next_or_at_the_end():
    with pytest.raises(OSError, match="disk is full"), Beside() as beside:
        beside.do(fail)
    with Beside() as beside:
        beside.do(fail)
        with pytest.raises(OSError, match="disk is full"):
            beside.do(lambda: None)


def fail_twice():
    with Beside() as beside:
        beside.do(fail)
        raise KeyError


def test_the_callers_own_failure_comes_first():
    with pytest.raises(KeyError):
        fail_twice()
