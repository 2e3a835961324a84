"""Batches made ahead of time by threads, always in the order of their index."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")


def prefetched(make: Callable[[int], Batch], start: int, stop: int, *, ahead: int = 3, threads: int = 1) -> Iterator[Batch]:
    """Yield `make(start)`, ..., `make(stop - 1)`, up to `ahead` of them made in advance."""
    with ThreadPoolExecutor(threads, thread_name_prefix="loader") as pool:
        waiting = deque()
        try:
            for index in range(start, stop):
                waiting.append(pool.submit(make, index))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
