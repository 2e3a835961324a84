"""Layers that see the past only, and carry what they need of it from call to call as an explicit state.

Each maps `(x, state)` to `(y, next state)`: `x` and `y` are `(batch, frames, positions, width)`, any number of frames, the state is
`(batch, state_frames, positions, width)` in float32, zeros at the start of a song. Cutting a song into calls changes nothing but
rounding. In `keras.ops` only, rank 4.
"""

import keras
import numpy as np
from keras import ops

from tfsep.models.layers import branch_initializer
from tfsep.models.live_states import KERNEL_FRAMES

FASTEST_FRAMES, SLOWEST_FRAMES = 2.0, 48.0  # time constants of the running means at the start of training


def _last_frames(x, frames: int):
    return ops.cast(x[:, x.shape[1] - frames :], "float32")


@keras.saving.register_keras_serializable(package="tfsep")
class CausalConv(keras.layers.Layer):
    """`x + relu(conv3x3(x))`, shape kept; the kernel reaches two frames back and one position to either side."""

    state_frames = KERNEL_FRAMES - 1

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.conv = keras.layers.Conv2D(
            width, (KERNEL_FRAMES, 3), activation="relu", kernel_initializer=branch_initializer(), name="conv"
        )

    def build(self, input_shape):
        batch, frames, positions, width = input_shape
        self.conv.build((batch, frames + self.state_frames, positions + 2, width))

    def call(self, x, state):
        joined = ops.concatenate([ops.cast(state, x.dtype), x], axis=1)
        y = self.conv(ops.pad(joined, [(0, 0), (0, 0), (1, 1), (0, 0)]))
        return x + y, _last_frames(joined, self.state_frames)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tfsep")
class RunningMean(keras.layers.Layer):
    """`x + relu(dense([x, mean of the past of x]))`, shape kept.

    Each channel has an exponential running mean over frames, `m[t] = a m[t - 1] + (1 - a) x[t]`, with a learnt `a`: an exponential
    moving average as in Mega (Ma et al. 2022, arXiv 2209.10655, section 2.2), here what gives a causal network a memory of a second
    for a multiply-add a value. Of several frames it is one product with a triangular matrix.
    """

    state_frames = 1

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = keras.layers.Dense(width, activation="relu", kernel_initializer=branch_initializer(), name="dense")

    def build(self, input_shape):
        self.dense.build((*input_shape[:3], 2 * self.width))
        constants = np.geomspace(FASTEST_FRAMES, SLOWEST_FRAMES, self.width)
        # a = sigmoid(logit) = exp(-1 / time constant)
        logits = -np.log(np.expm1(1 / constants))
        self.logit = self.add_weight(
            name="decay_logit",
            shape=(self.width,),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(logits, dtype),
            autocast=False,
        )

    def call(self, x, state):
        means = self._means(x, state)
        y = self.dense(ops.concatenate([x, ops.cast(means, x.dtype)], axis=-1))
        return x + y, _last_frames(means, 1)

    def _means(self, x, state):
        state = ops.cast(state, "float32")  # which Keras casts for a layer of less precision
        decay, rest = ops.sigmoid(self.logit), ops.sigmoid(-self.logit)
        frames = x.shape[1]
        if frames == 1:
            return decay * state + rest * ops.cast(x, "float32")
        age = np.subtract.outer(np.arange(frames), np.arange(frames))
        powers = ops.exp(ops.log(decay)[:, None, None] * np.maximum(age, 0).astype(np.float32))
        weights = powers * rest[:, None, None] * (age >= 0).astype(np.float32)  # (width, frames, frames)
        columns = ops.reshape(ops.transpose(x, (3, 1, 0, 2)), (self.width, frames, -1))
        means = ops.matmul(ops.cast(weights, x.dtype), columns)
        means = ops.transpose(ops.reshape(means, (self.width, frames, -1, x.shape[2])), (2, 1, 3, 0))
        faded = ops.exp(ops.log(decay) * np.arange(1, frames + 1, dtype=np.float32)[:, None])[:, None, :] * state
        return ops.cast(means, "float32") + faded

    def get_config(self):
        return super().get_config() | {"width": self.width}
