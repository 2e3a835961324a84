"""Layers of the U-Nets, in `keras.ops` only, shaped by what mobile accelerators take (rank 4, ReLU, stride 2).

There is no normalisation layer: on CPUs BatchNorm cost a third of a training step. Convolutions have He initialisation (He et
al. 2015), and the last one of each residual branch a smaller one, so that the variance hardly grows from block to block.
"""

import keras
from keras import ops

BRANCH_VARIANCE = 0.2  # of a residual branch relative to its input, at initialisation


@keras.saving.register_keras_serializable(package="tfsep")
class BinNormalisation(keras.layers.Layer):
    """`(batch, frames, bins, channels)`: subtract a mean and multiply by a scale for each bin, both set from data, not trained."""

    def build(self, input_shape):
        bins = input_shape[2]
        self.mean = self.add_weight(name="mean", shape=(bins, 1), initializer="zeros", trainable=False)
        self.scale = self.add_weight(name="scale", shape=(bins, 1), initializer="ones", trainable=False)

    def call(self, x):
        return self.scaled(x - ops.cast(self.mean, x.dtype))

    def scaled(self, x):
        """Multiply by the scale of each bin alone."""
        return x * ops.cast(self.scale, x.dtype)


def _cut(x, sizes):
    """Cut `x` along its third axis into pieces of these sizes, which add up to its length."""
    edges = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    return ops.split(x, edges, axis=2) if edges else [x]


@keras.saving.register_keras_serializable(package="tfsep")
class BandSplit(keras.layers.Layer):
    """`(batch, frames, bins, channels)` to `(batch, frames, positions, width)`: neighbouring bins of a band become one patch.

    Low bands have small patches, high bands large ones, after the sub-band encoder of SCNet (Tong et al. 2024, arXiv
    2401.13276); each patch is mapped by a dense layer of its band, and each position has a learnt bias.
    """

    def __init__(self, bands, width, **kwargs):
        super().__init__(**kwargs)
        self.bands, self.width = tuple(tuple(band) for band in bands), width
        self.maps = [
            keras.layers.Dense(width, kernel_initializer="he_normal", use_bias=False, name=f"band{i}")
            for i in range(len(bands))
        ]

    def build(self, input_shape):
        _, frames, _, channels = input_shape
        for (bins, patch), dense in zip(self.bands, self.maps, strict=True):
            dense.build((None, frames, bins // patch, patch * channels))
        positions = sum(bins // patch for bins, patch in self.bands)
        self.bias = self.add_weight(name="position_bias", shape=(positions, self.width), initializer="zeros")

    def call(self, x):
        _, frames, _, channels = x.shape
        pieces = _cut(x, [bins for bins, _ in self.bands])
        patches = [
            dense(ops.reshape(band, (-1, frames, bins // patch, patch * channels)))
            for (bins, patch), dense, band in zip(self.bands, self.maps, pieces, strict=True)
        ]
        joined = ops.concatenate(patches, axis=2)
        return ops.relu(joined + ops.cast(self.bias, joined.dtype))

    def get_config(self):
        return super().get_config() | {"bands": self.bands, "width": self.width}


def _nearly_zero() -> keras.initializers.Initializer:
    """Return the initialiser of a last layer, small, so that training starts from nearly equal shares."""
    return keras.initializers.VarianceScaling(1e-3)


@keras.saving.register_keras_serializable(package="tfsep")
class BandMerge(keras.layers.Layer):
    """`(batch, frames, positions, width)` back to `(batch, frames, bins * channels)`: one value for each bin and channel."""

    def __init__(self, bands, channels, **kwargs):
        super().__init__(**kwargs)
        self.bands, self.channels = tuple(tuple(band) for band in bands), channels
        self.maps = [
            keras.layers.Dense(patch * channels, kernel_initializer=_nearly_zero(), name=f"band{i}")
            for i, (_, patch) in enumerate(self.bands)
        ]

    def build(self, input_shape):
        _, frames, _, width = input_shape
        for (bins, patch), dense in zip(self.bands, self.maps, strict=True):
            dense.build((None, frames, bins // patch, width))

    def call(self, x):
        frames = x.shape[1]
        pieces = _cut(x, [bins // patch for bins, patch in self.bands])
        values = [
            ops.reshape(dense(band), (-1, frames, bins * self.channels))
            for (bins, _), dense, band in zip(self.bands, self.maps, pieces, strict=True)
        ]
        return ops.concatenate(values, axis=2)

    def get_config(self):
        return super().get_config() | {"bands": self.bands, "channels": self.channels}


@keras.saving.register_keras_serializable(package="tfsep")
class BandStack(keras.layers.Layer):
    """`(batch, frames, bins, channels)` to `(batch, frames, bins / subbands, width)`: equal bands of the spectrum become channels.

    Channel-wise subbands (Liu et al. 2020, arXiv 2008.05216): a convolution sees all bands at once, on fewer positions. A 1x1
    convolution maps the stack to the width of the U-Net, and each position has a learnt bias, as in `BandSplit`.
    """

    def __init__(self, subbands, width, **kwargs):
        super().__init__(**kwargs)
        self.subbands, self.width = subbands, width
        self.map = keras.layers.Dense(width, kernel_initializer="he_normal", use_bias=False, name="map")

    def build(self, input_shape):
        _, frames, bins, channels = input_shape
        positions = bins // self.subbands
        self.map.build((None, frames, positions, self.subbands * channels))
        self.bias = self.add_weight(name="position_bias", shape=(positions, self.width), initializer="zeros")

    def call(self, x):
        stacked = ops.concatenate(_cut(x, [x.shape[2] // self.subbands] * self.subbands), axis=3)
        mapped = self.map(stacked)
        return ops.relu(mapped + ops.cast(self.bias, mapped.dtype))

    def get_config(self):
        return super().get_config() | {"subbands": self.subbands, "width": self.width}


@keras.saving.register_keras_serializable(package="tfsep")
class BandUnstack(keras.layers.Layer):
    """`(batch, frames, positions, width)` to `(batch, frames, positions * subbands * channels)`: the inverse order of `BandStack`."""

    def __init__(self, subbands, channels, **kwargs):
        super().__init__(**kwargs)
        self.subbands, self.channels = subbands, channels
        self.map = keras.layers.Dense(subbands * channels, kernel_initializer=_nearly_zero(), name="map")

    def build(self, input_shape):
        self.map.build(input_shape)

    def call(self, x):
        _, frames, positions, _ = x.shape
        bands = ops.split(self.map(x), self.subbands, axis=3)
        return ops.reshape(ops.concatenate(bands, axis=2), (-1, frames, positions * self.subbands * self.channels))

    def get_config(self):
        return super().get_config() | {"subbands": self.subbands, "channels": self.channels}


def branch_initializer() -> keras.initializers.Initializer:
    """Return the initialiser of the last layer of a residual branch that ends in a ReLU."""
    return keras.initializers.VarianceScaling(2 * BRANCH_VARIANCE, mode="fan_in", distribution="truncated_normal")


@keras.saving.register_keras_serializable(package="tfsep")
class ResidualConv(keras.layers.Layer):
    """`x + relu(conv3x3(x))`, shape kept."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.conv = keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=branch_initializer())

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return x + self.conv(x)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tfsep")
class PlainConv(keras.layers.Layer):
    """`relu(conv3x3(x))`, shape kept."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.conv = keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return self.conv(x)

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tfsep")
class FrequencyDense(keras.layers.Layer):
    """`x + relu(dense(relu(dense(x))))` along frequency, shared by frames and channels, through `positions / bottleneck` values.

    The time-distributed fully-connected part of TFC-TDF (Choi et al. 2020, arXiv 1912.02591): it sees harmonics at once,
    and tells one frequency from another, which convolutions cannot.
    """

    def __init__(self, bottleneck, **kwargs):
        super().__init__(**kwargs)
        self.bottleneck = bottleneck

    def build(self, input_shape):
        positions, width = input_shape[2], input_shape[3]
        hidden = max(8, positions // self.bottleneck)
        self.squeeze = keras.layers.Dense(hidden, activation="relu", kernel_initializer="he_normal", name="squeeze")
        self.expand = keras.layers.Dense(positions, activation="relu", kernel_initializer=branch_initializer(), name="expand")
        self.squeeze.build((None, input_shape[1], width, positions))
        self.expand.build((None, input_shape[1], width, hidden))

    def call(self, x):
        across = ops.transpose(x, (0, 1, 3, 2))
        return x + ops.transpose(self.expand(self.squeeze(across)), (0, 1, 3, 2))

    def get_config(self):
        return super().get_config() | {"bottleneck": self.bottleneck}


@keras.saving.register_keras_serializable(package="tfsep")
class TfcTdf(keras.layers.Layer):
    """A 3x3 convolution, a frequency-wise dense layer and another 3x3 convolution, shape kept; the input is added or not.

    The block of TFC-TDF-UNet v3 (Kim, Lee and Jung 2023, arXiv 2306.09382), without normalisation.

    Args:
        bottleneck: of `FrequencyDense`, 0 for none.
        residual: whether the input is added to the output.
    """

    def __init__(self, width, bottleneck, residual=True, **kwargs):
        super().__init__(**kwargs)
        self.width, self.bottleneck, self.residual = width, bottleneck, residual
        self.first = PlainConv(width, name="first")
        self.dense = FrequencyDense(bottleneck, name="dense") if bottleneck else None
        last = branch_initializer() if residual else "he_normal"
        self.last = keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=last, name="last")

    def build(self, input_shape):
        for layer in (self.first, self.dense, self.last):
            if layer is not None:
                layer.build(input_shape)

    def call(self, x):
        y = self.first(x)
        if self.dense is not None:
            y = self.dense(y)
        y = self.last(y)
        return x + y if self.residual else y

    def get_config(self):
        return super().get_config() | {"width": self.width, "bottleneck": self.bottleneck, "residual": self.residual}
