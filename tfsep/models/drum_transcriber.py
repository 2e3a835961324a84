"""A small network that hears the hits in a drum stem: what begins in each frame, and how hard it was struck.

Convolutions that halve the bands of a log-mel spectrum, then a stack of dilated convolutions along time that looks both ways
(a temporal convolutional network: Bai et al. 2018, arXiv 1803.01271; for drums and beats: Davies and Böck 2019, "Temporal
convolutional networks for musical audio beat tracking").
"""

from collections.abc import Sequence

import keras
from keras import ops

from tfsep.contract_drums import ONSETS, VELOCITIES, DrumContract
from tfsep.models.layers import BinNormalisation, branch_initializer

CHANNELS = (16, 32, 32)
WIDTH = 96
DILATIONS = (1, 2, 4, 8, 16)


@keras.saving.register_keras_serializable(package="tfsep")
class DilatedBlock(keras.layers.Layer):
    """`(batch, frames, width)`: add `relu` of a convolution of three frames, `dilation` apart, one of them in the past, shape kept.

    The frames are laid side by side for one dense layer: a matrix product is faster on CPUs than a dilated convolution.
    """

    def __init__(self, dilation, **kwargs):
        super().__init__(**kwargs)
        self.dilation = dilation

    def build(self, input_shape):
        _, frames, width = input_shape
        self.dense = keras.layers.Dense(width, activation="relu", kernel_initializer=branch_initializer(), name="dense")
        self.dense.build((None, frames, 3 * width))

    def call(self, x):
        frames, reach = x.shape[1], self.dilation
        padded = ops.pad(x, ((0, 0), (reach, reach), (0, 0)))
        taps = [padded[:, shift : shift + frames] for shift in (0, reach, 2 * reach)]
        return x + self.dense(ops.concatenate(taps, axis=2))

    def get_config(self):
        return super().get_config() | {"dilation": self.dilation}


def receptive_frames(channels: Sequence[int] = CHANNELS, dilations: Sequence[int] = DILATIONS) -> int:
    """Return how many frames to either side an output depends on."""
    return len(channels) + sum(dilations)


def build_drum_transcriber(
    contract: DrumContract,
    channels: Sequence[int] = CHANNELS,
    width: int = WIDTH,
    dilations: Sequence[int] = DILATIONS,
) -> keras.Model:
    """Build a transcriber with fresh weights.

    Args:
        contract: for the shapes of input and outputs.
        channels: of each 3x3 convolution, which halves the bands.
        width: values a frame in the dilated part.
        dilations: in frames, of each dilated block.
    Returns: a model from `contract.input_shape` to `{"onsets", "velocities"}`, see `DrumContract`; its layer `normalise` is to be
        set from data.
    """
    log_mel = keras.Input(contract.input_shape[1:], name=contract.input_name)
    x = BinNormalisation(name="normalise")(log_mel)
    for level, filters in enumerate(channels):
        convolution = keras.layers.Conv2D(
            filters, 3, strides=(1, 2), padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv{level}"
        )
        x = convolution(x)
    x = keras.layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="bands")(x)
    x = keras.layers.Dense(width, activation="relu", kernel_initializer="he_normal", name="frame")(x)
    for dilation in dilations:
        x = DilatedBlock(dilation, name=f"dilated{dilation}")(x)
    onsets = keras.layers.Dense(len(contract.classes), dtype="float32", name=ONSETS)(x)
    velocities = keras.layers.Dense(len(contract.classes), activation="sigmoid", dtype="float32", name=VELOCITIES)(x)
    return keras.Model(log_mel, {ONSETS: onsets, VELOCITIES: velocities}, name="drum_transcriber")
