"""What differs between Keras' backends in a training step: gradients, replicas, and how a step is compiled.

Everything else of a trainer is written once, as if variables were changed in place. On JAX that code runs inside a
`keras.StatelessScope`, which makes it the pure function that JAX compiles.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfsep.errors import UsageError

Tensor = Any
Batch = Any  # a tree of arrays, whose first axis is the batch
BACKENDS = ("tensorflow", "jax")


def _on_jax() -> bool:
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND={backend}: training runs on {' or '.join(BACKENDS)}")
    return backend == "jax"


# --- gradients --------------------------------------------------------------------------------------------------------


def value_and_gradients(
    function: Callable[[], tuple[Tensor, Any]], variables: Sequence[keras.Variable], others: Sequence[keras.Variable]
) -> tuple[Tensor, Any, list[Tensor]]:
    """Return a loss, what comes with it, and its gradients.

    Args:
        function: gives a scalar and a tree of tensors; it must change no variable, and read only `variables` and `others`: of any
            other JAX would take the value that it had when the step was compiled.
        variables: to differentiate by.
    """
    if not _on_jax():
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            loss, extra = function()
        gradients = tape.gradient(loss, [variable.value for variable in variables], unconnected_gradients="zero")
        return loss, extra, gradients

    import jax

    fixed = [(variable, variable.value) for variable in others]

    def pure(values: list[Tensor]) -> tuple[Tensor, Any]:
        with keras.StatelessScope(state_mapping=[*zip(variables, values, strict=True), *fixed]):
            return function()

    (loss, extra), gradients = jax.value_and_grad(pure, has_aux=True)([variable.value for variable in variables])
    return loss, extra, gradients


def input_gradients(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Return the gradient of `function(x)`, summed, by `x`; it can itself be differentiated by variables."""
    if not _on_jax():
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            total = ops.sum(function(x))
        return tape.gradient(total, x)

    import jax

    return jax.grad(lambda value: ops.sum(function(value)))(x)


# --- replicas ---------------------------------------------------------------------------------------------------------


def replicas() -> int:
    """Return how many replicas a step runs on; more than one only with `tf.distribute`."""
    if _on_jax():
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_index() -> Tensor | int:
    """Return which of the replicas this one is."""
    if replicas() == 1:
        return 0
    import tensorflow as tf

    return ops.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "int32")


def replica_mean(values: Tensor | list[Tensor]) -> Tensor | list[Tensor]:
    """Return the mean of each tensor over the replicas; it can be differentiated."""
    if replicas() == 1:
        return values
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def apply_gradients(
    optimizer: keras.optimizers.Optimizer, gradients: Sequence[Tensor], variables: Sequence[keras.Variable]
) -> None:
    """Change `variables` by the mean of all replicas' gradients.

    Keras' optimizers sum gradients over replicas, and clip them before: each replica's own, not the joint one. So here the joint
    gradient is made and clipped first, where there is clipping, and each replica hands in its share; the shares are within the
    limits, so that Keras' clipping does nothing.
    """
    count = replicas()
    if count > 1:
        import tensorflow as tf

        if any(limit is not None for limit in (optimizer.clipnorm, optimizer.clipvalue)):
            raise ValueError("clipnorm and clipvalue do not work on several replicas: use global_clipnorm")
        if optimizer.global_clipnorm is not None:
            gradients, _ = tf.clip_by_global_norm(replica_mean(list(gradients)), optimizer.global_clipnorm)
        gradients = [gradient / count for gradient in gradients]
    optimizer.apply(gradients, variables)


# --- steps ------------------------------------------------------------------------------------------------------------


class PortableTrainer(keras.Model):
    """A trainer whose `update(batch)` and `measure(batch)` change variables in place and return logs, on either backend.

    `compile` of a subclass must give `self.optimizer` all optimizer variables: JAX has to know what a step changes.
    """

    def update(self, batch: Batch) -> Mapping[str, Tensor]:
        """Do one training step; return its logs, scalars."""
        raise NotImplementedError

    def measure(self, batch: Batch) -> Mapping[str, Tensor]:
        """Update the metrics with a batch that is not learnt from; return their values."""
        raise NotImplementedError

    def train_step(self, *args: Any) -> Any:
        """Keras' training step: `(batch)` on TensorFlow, `(state, batch)` on JAX."""
        return self._stateless(self.update, *args) if _on_jax() else self.update(*args)

    def test_step(self, *args: Any) -> Any:
        """Keras' test step: `(batch)` on TensorFlow, `(state, batch)` on JAX."""
        return self._stateless(self.measure, *args) if _on_jax() else self.measure(*args)

    def state_variables(self, *, training: bool) -> tuple[list[keras.Variable], ...]:
        """Return the variables in the groups that Keras' JAX trainer hands to a step."""
        optimizer = (list(self.optimizer.variables),) if training else ()
        return (self.trainable_variables, self.non_trainable_variables, *optimizer, self.metrics_variables)

    def _stateless(self, function: Callable, state: tuple, batch: Batch) -> tuple[Mapping[str, Tensor], tuple]:
        groups = self.state_variables(training=len(state) == 4)
        pairs = [pair for group, values in zip(groups, state, strict=True) for pair in zip(group, values, strict=True)]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            logs = function(batch)
        return logs, tuple([scope.get_current_value(variable) for variable in group] for group in groups)


def compiled_step(trainer: PortableTrainer, *, training: bool = True) -> Callable[[Batch], Mapping[str, Tensor]]:
    """Compile `train_step` or `test_step` for a loop of one's own: a function from a batch of arrays to logs.

    With `tf.distribute`, the trainer must have been made and compiled inside `strategy.scope()`. Each process hands in its own
    part of the joint batch, which is split evenly over the accelerators that the process has. Logs are means over all replicas
    where the trainer makes them so.

    Raises: ValueError, when called, for a batch that cannot be split evenly.
    """
    step = trainer.train_step if training else trainer.test_step
    if _on_jax():
        return _jax_step(trainer, step, training)
    import tensorflow as tf

    strategy = trainer.distribute_strategy
    if strategy.num_replicas_in_sync == 1:
        return tf.function(step, jit_compile=False, autograph=False)  # XLA is several times slower on CPUs
    local = len(strategy.extended.worker_devices)

    @tf.function(jit_compile=False, autograph=False)
    def everywhere(parts: Any) -> Any:
        return strategy.run(step, args=(parts,))

    def run(batch: Batch) -> Mapping[str, Tensor]:
        pieces = [keras.tree.map_structure(lambda array, i=i: _piece(array, i, local), batch) for i in range(local)]
        parts = strategy.experimental_distribute_values_from_function(
            lambda context: pieces[context.replica_id_in_sync_group % local]
        )
        return {name: strategy.experimental_local_results(value)[0] for name, value in everywhere(parts).items()}

    return run


def _piece(array: Any, index: int, count: int) -> Tensor:
    if len(array) % count:
        raise ValueError(f"a batch of {len(array)} cannot be split evenly over {count} accelerators: use a multiple")
    size = len(array) // count
    return ops.convert_to_tensor(array[index * size : (index + 1) * size])


def _jax_step(trainer: PortableTrainer, step: Callable, training: bool) -> Callable[[Batch], Mapping[str, Tensor]]:
    import jax

    compiled = jax.jit(step, donate_argnums=0)

    def run(batch: Batch) -> Mapping[str, Tensor]:
        groups = trainer.state_variables(training=training)
        logs, state = compiled(tuple([variable.value for variable in group] for group in groups), batch)
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return logs

    return run
