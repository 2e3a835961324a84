"""Critics: networks that tell spectra of recordings from estimated ones. They are trained beside a generator and never exported.

A critic maps compressed magnitudes `(batch, frames, bins, channels)` to a dictionary:

- `logits`: a list of tensors `(batch, ...)`, one for each view that the critic takes; large means recorded.
- `features`: a list of the hidden layers' outputs, `(batch, frames', bins', channels')`, for feature matching.

Nothing is normalised across a batch: a gradient penalty is defined for each example by itself (Gulrajani et al. 2017, arXiv
1704.00028, section 4). Logits are float32 whatever the precision.
"""

from collections.abc import Sequence
from itertools import pairwise

import keras
from keras import ops

from tfsep.errors import UsageError

SLOPE = 0.2  # of the leaky ReLU below zero, as in DCGAN (Radford et al. 2016, arXiv 1511.06434)


def _leaky(x):
    # Not Keras' own, whose fusion with the bias TensorFlow's graph optimiser tries and fails at, with an error in each run's log.
    return ops.where(x > 0, x, SLOPE * x)


@keras.saving.register_keras_serializable(package="tfsep")
class DcganCritic(keras.Model):
    """The reference system's discriminator (DSSGAN, 2018): strided convolutions, a small dense layer, one linear output.

    4x4 convolutions of stride 2 halve frames and bins, then convolutions of 2 frames by 4 bins halve the bins only. It has
    1,869,344 parameters for 64 frames of 256 bins; the last layer has no bias, which the number shows and the loss does not need.

    Args:
        widths: channels of the layers that halve both axes.
        narrow_widths: channels of the layers that halve the bins.
        dense: units of the dense layer.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 256),
        narrow_widths: Sequence[int] = (256, 256),
        dense: int = 32,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.widths, self.narrow_widths, self.dense_units = tuple(widths), tuple(narrow_widths), dense
        shapes = [(width, (4, 4), (2, 2)) for width in self.widths] + [(width, (2, 4), (1, 2)) for width in self.narrow_widths]
        self.convolutions = [
            keras.layers.Conv2D(width, kernel, strides, padding="same", dtype=self.dtype_policy, name=f"conv{i}")
            for i, (width, kernel, strides) in enumerate(shapes)
        ]
        self.dense = keras.layers.Dense(dense, dtype=self.dtype_policy, name="dense")
        self.score = keras.layers.Dense(1, use_bias=False, dtype="float32", name="score")

    def build(self, input_shape):
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.dense.build((None, shape[1] * shape[2] * shape[3]))
        self.score.build((None, self.dense_units))
        self.built = True

    def call(self, features):
        x, hidden = features, []
        for convolution in self.convolutions:
            x = _leaky(convolution(x))
            hidden.append(x)
        x = ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))
        return {"logits": [self.score(_leaky(self.dense(x)))], "features": hidden}

    def get_config(self):
        return super().get_config() | {
            "widths": self.widths,
            "narrow_widths": self.narrow_widths,
            "dense": self.dense_units,
        }


@keras.saving.register_keras_serializable(package="tfsep")
class BandCritic(keras.layers.Layer):
    """Convolutions over one band of one view: `(batch, frames, bins, channels)` to a map of logits and hidden layers.

    Args:
        widths: channels of the layers.
        bins_stride: by how much the first layer thins out the bins; the others halve frames and bins.
    """

    def __init__(self, widths: Sequence[int], bins_stride: int, **kwargs):
        super().__init__(**kwargs)
        self.widths, self.bins_stride = tuple(widths), bins_stride
        shapes = [((3, 2 * bins_stride), (1, bins_stride))] + [((4, 4), (2, 2))] * (len(self.widths) - 1)
        self.convolutions = [
            keras.layers.Conv2D(width, kernel, strides, padding="same", dtype=self.dtype_policy, name=f"conv{i}")
            for i, (width, (kernel, strides)) in enumerate(zip(self.widths, shapes, strict=True))
        ]
        self.score = keras.layers.Conv2D(1, 3, padding="same", dtype="float32", name="score")

    def build(self, input_shape):
        shape = tuple(input_shape)
        for convolution in (*self.convolutions, self.score):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)

    def call(self, x):
        hidden = []
        for convolution in self.convolutions:
            x = _leaky(convolution(x))
            hidden.append(x)
        return self.score(x), hidden

    def get_config(self):
        return super().get_config() | {"widths": self.widths, "bins_stride": self.bins_stride}


@keras.saving.register_keras_serializable(package="tfsep")
class MultibandCritic(keras.Model):
    """Several small critics, one for each band of each view of a spectrogram, each with a map of logits.

    After the multi-band, multi-scale STFT discriminators of neural codecs (Kumar et al. 2023, arXiv 2306.06546, section 3.4). The
    views are averages over neighbouring frames, which show the tone, or bins, which show the attacks, so that no second transform
    is needed; the bands keep loud lows from deciding alone.

    Args:
        bands: `(share, bins_stride)` from DC upwards; the shares are parts of the bins and add up to 1.
        views: `(frames, bins)` to average over.
        widths: channels of each small critic's layers.
    """

    def __init__(
        self,
        bands: Sequence[tuple[float, int]] = ((0.125, 2), (0.25, 4), (0.625, 8)),
        views: Sequence[tuple[int, int]] = ((1, 1), (4, 1), (1, 4)),
        widths: Sequence[int] = (16, 32, 64),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.bands, self.views, self.widths = tuple(map(tuple, bands)), tuple(map(tuple, views)), tuple(widths)
        if abs(sum(share for share, _ in self.bands) - 1) > 1e-6:
            raise ValueError(f"bands={self.bands}: the shares must add up to 1")
        self.critics = [
            BandCritic(self.widths, stride, dtype=self.dtype_policy, name=f"view{view}_band{band}")
            for view in range(len(self.views))
            for band, (_, stride) in enumerate(self.bands)
        ]

    def build(self, input_shape):
        seen = min(-(-input_shape[2] // bins) for _, bins in self.views)
        if seen < len(self.bands):
            raise ValueError(
                f"{input_shape[2]} bins: too few for {len(self.bands)} bands; use more bins or discriminator=dcgan"
            )
        for critic in self.critics:
            critic.build(tuple(input_shape))
        self.built = True

    def _edges(self, bins: int) -> list[int]:
        """Return where the bands begin and end; each has a bin at least."""
        edges = [0]
        for index in range(len(self.bands)):
            edge = round(bins * sum(share for share, _ in self.bands[: index + 1]))
            edges.append(max(edge, edges[-1] + 1))
        return edges

    def call(self, features):
        logits, hidden = [], []
        critics = iter(self.critics)
        for view in self.views:
            seen = features if view == (1, 1) else ops.average_pool(features, view, view, padding="same")
            edges = self._edges(seen.shape[2])
            for low, high in pairwise(edges):
                score, layers = next(critics)(seen[:, :, low:high])
                logits.append(score)
                hidden.extend(layers)
        return {"logits": logits, "features": hidden}

    def get_config(self):
        return super().get_config() | {"bands": self.bands, "views": self.views, "widths": self.widths}


DISCRIMINATORS: dict[str, type[keras.Model]] = {"dcgan": DcganCritic, "multiband": MultibandCritic}


def build_discriminator(kind: str, *, frames: int, bins: int, channels: int, **options) -> keras.Model:
    """Build a critic with fresh weights for spectra `(batch, frames, bins, channels)`.

    Args:
        kind: a name in `DISCRIMINATORS`.
        options: of its class, among them `name` and `dtype`.

    Raises: UsageError for an unknown name.
    """
    if kind not in DISCRIMINATORS:
        raise UsageError(f"discriminator {kind!r} is unknown: use {', '.join(DISCRIMINATORS)}")
    critic = DISCRIMINATORS[kind](**options)
    critic.build((None, frames, bins, channels))
    return critic
