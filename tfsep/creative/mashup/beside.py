"""Work on a block beside the making of the next one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self


class Beside:
    """Does one thing at a time in a thread of its own. Use it as a context manager, which ends when all is done."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tfsep-mashup")
        self._running: Future | None = None

    def do(self, work: Callable[..., None], *arguments: Any) -> None:
        """Begin with `work(*arguments)` when what was begun before is done. Raises: what that raised."""
        self._wait()
        self._running = self._thread.submit(work, *arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            running.result()
