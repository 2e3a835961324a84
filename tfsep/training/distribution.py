"""One run on several accelerators: `tf.distribute`, in one process or in one on each machine."""

import json
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras

from tfsep.errors import TrainingError, UsageError

MIRRORED, WORKERS = "mirrored", "workers"
KINDS = (MIRRORED, WORKERS)


class Distribution:
    """How a run is spread; nothing is spread without a `kind`. Make it before anything else of TensorFlow's.

    The weights end up as those of one process with the joint batch would.

    Args:
        kind: "mirrored" over all accelerators of this process; "workers" over the processes that the environment variable
            `TF_CONFIG` lists, each with all its accelerators. All of them run the same command, and must read the same data; the
            first one writes the run's folder, which the others read where a run goes on.

    Raises: UsageError for another kind, on another Keras backend, or for "workers" with a `TF_CONFIG` that names none.
    """

    def __init__(self, kind: str | None = None):
        self._strategy: Any = None
        self.worker, self.workers = 0, 1
        if kind is None:
            return
        if kind not in KINDS:
            raise UsageError(f"--distribute {kind}: use {' or '.join(KINDS)}")
        if keras.backend.backend() != "tensorflow":
            raise UsageError(f"--distribute {kind}: needs KERAS_BACKEND=tensorflow, not {keras.backend.backend()}")
        if kind == WORKERS:
            self.worker, self.workers = _place()
        import tensorflow as tf

        self._strategy = tf.distribute.MirroredStrategy() if kind == MIRRORED else tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def replicas(self) -> int:
        """Accelerators that a step runs on, those of all processes."""
        return self._strategy.num_replicas_in_sync if self._strategy else 1

    @property
    def chief(self) -> bool:
        """Whether this process validates, logs and saves."""
        return self.worker == 0

    def scope(self) -> AbstractContextManager:
        """Return the context in which networks, optimizers and trainers are made."""
        return self._strategy.scope() if self._strategy else nullcontext()

    def share(self, batch: int) -> slice:
        """Return which examples of a joint batch are this process's. Raises: UsageError if it cannot be split evenly."""
        if batch % self.replicas:
            raise UsageError(
                f"a batch of {batch} cannot be split over {self.replicas} accelerators: use a multiple of {self.replicas}"
            )
        size = batch // self.workers
        return slice(self.worker * size, (self.worker + 1) * size)

    def check_agreement(self, step: int) -> None:
        """Compare the step that a run goes on from with the other processes'. Raises: TrainingError if they differ."""
        if self.workers == 1:
            return
        import tensorflow as tf

        @tf.function
        def summed() -> Any:
            def within() -> Any:
                context = tf.distribute.get_replica_context()
                own = tf.constant([step, step**2], tf.float64)
                return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

            return self._strategy.run(within)

        total, squares = self._strategy.experimental_local_results(summed())[0].numpy()
        if total**2 != squares * self.replicas:  # equal only where all are (Cauchy and Schwarz)
            raise TrainingError(
                f"worker {self.worker} goes on from step {step}, others from another: all workers must see the same --out, or all "
                "start from nothing"
            )


def _place() -> tuple[int, int]:
    """Return this process's index among the workers of `TF_CONFIG`, and how many there are."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        if task["type"] != "worker" or set(config["cluster"]) != {"worker"} or not 0 <= task["index"] < len(workers):
            raise ValueError("it must list workers alone, this one among them")
        return int(task["index"]), len(workers)
    except (ValueError, KeyError, TypeError) as error:
        reason = f"is {text!r} ({error})" if text else "is not set"
        raise UsageError(
            f"--distribute {WORKERS}: the environment variable TF_CONFIG {reason}: use "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from None
