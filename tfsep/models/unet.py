"""What the U-Nets share: levels, skips, and heads that share each time-frequency cell of the mixture among the stems."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfsep.dsp.hpss_ops import percussive_features
from tfsep.models.config import GeneratorConfig
from tfsep.models.layers import BinNormalisation


class BandUNet(keras.Model):
    """Masks from spectra, as `ModelContract` promises; the subclass says how the spectrum becomes positions, and back.

    Input `(batch, frames, model_bins, config.input_channels)`. Output, for each stem float32:

    - head "mask": `(batch, frames, model_bins, channels)`, a softmax over the stems.
    - head "complex": `(batch, frames, model_bins, 2 * channels)`, real parts and then imaginary parts of each channel's mask. It is
      the softmax over the stems plus a bounded complex correction, less the mean of all stems' corrections.

    Either way the masks sum to one, so that every cell of the mixture is given away exactly once.
    """

    frame_stride = 2  # from one level to the next; positions always halve

    def __init__(self, config: GeneratorConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = config = config if isinstance(config, GeneratorConfig) else GeneratorConfig.from_json(config)
        self.output_kind = "complex_mask" if config.head == "complex" else "mask"
        widths, channels = config.widths, config.spec.channels
        halving = (self.frame_stride, 2)
        self.normalise = BinNormalisation(name="normalise")
        self.split = self.make_split(widths[0], name="split")
        self.down_blocks = [self.make_blocks(level, "down") for level in range(len(widths))]
        self.down = [
            keras.layers.Conv2D(
                width, halving, halving, activation="relu", kernel_initializer="he_normal", name=f"down{level + 1}"
            )
            for level, width in enumerate(widths[1:])
        ]
        self.up = [
            keras.layers.Conv2DTranspose(
                width, halving, halving, activation="relu", kernel_initializer="he_normal", name=f"up{level}"
            )
            for level, width in enumerate(widths[:-1])
        ]
        self.up_blocks = [self.make_blocks(level, "up") for level in range(len(widths) - 1)]
        self.merges = [self.make_merge(channels, name=f"merge_{stem}") for stem in config.stems]
        self.corrections = []
        if config.head == "complex":
            self.corrections = [self.make_merge(2 * channels, name=f"correct_{stem}") for stem in config.stems]

    @abstractmethod
    def make_split(self, width: int, name: str) -> keras.layers.Layer:
        """Return a layer from spectra to `(batch, frames, positions, width)`."""

    @abstractmethod
    def make_merge(self, channels: int, name: str) -> keras.layers.Layer:
        """Return a layer from `(batch, frames, positions, width)` to `(batch, frames, model_bins * channels)`."""

    @abstractmethod
    def make_blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        """Return the layers of a level, on the way `down` or `up`."""

    def build(self, input_shape):
        self.normalise.build((*input_shape[:3], self.config.spec.channels))
        self.split.build((*input_shape[:3], self.config.seen_channels))
        frames, positions, widths = input_shape[1], self.config.positions, self.config.widths
        stride = self.frame_stride
        shapes = [(None, frames // stride**level, positions >> level, width) for level, width in enumerate(widths)]
        for level, shape in enumerate(shapes):
            for block in self.down_blocks[level]:
                block.build(shape)
            if level:
                self.down[level - 1].build(shapes[level - 1])
        for level in range(len(widths) - 1):
            self.up[level].build(shapes[level + 1])
            for block in self.up_blocks[level]:
                block.build(shapes[level])
        for merge in (*self.merges, *self.corrections):
            merge.build((*shapes[0][:3], 2 * widths[0]))
        self.built = True

    def _normalised(self, features):
        channels, is_complex = self.config.spec.channels, self.config.head == "complex"
        magnitudes = features[..., :channels] if is_complex else features
        seen = [self.normalise(magnitudes)]
        if is_complex:
            seen.append(self.normalise.scaled(features[..., channels:]))  # real and imaginary parts have no mean
        if self.config.hpss_inputs:
            seen.append(self.normalise(percussive_features(magnitudes)))
        return ops.concatenate(seen, axis=-1) if len(seen) > 1 else seen[0]

    def trunk(self, features, run: Callable[[keras.layers.Layer, Any], Any] = lambda block, x: block(x)):
        """Return what the heads see, `(batch, frames, positions, 2 * widths[0])`.

        Args:
            run: calls a block of a level.
        """
        patches = x = self.split(self._normalised(features))
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            if level:
                x = self.down[level - 1](x)
            for block in blocks:
                x = run(block, x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x) + skips[level]
            for block in self.up_blocks[level]:
                x = run(block, x)
        return ops.concatenate([x, patches], axis=-1)

    def call(self, features):
        return self.heads(self.trunk(features), features.shape)

    def heads(self, x, shape) -> dict:
        """Return the masks by stem.

        Args:
            x: what `trunk` returns.
            shape: of the features.
        """
        shares = _softmax([ops.cast(merge(x), "float32") for merge in self.merges])
        channels = self.config.spec.channels
        masks = [ops.reshape(share, (-1, *shape[1:3], channels)) for share in shares]
        if self.corrections:
            bounded = [ops.tanh(ops.cast(correct(x), "float32")) for correct in self.corrections]
            mean = sum(bounded[1:], bounded[0]) * (1 / len(bounded))
            no_imaginary_part = [(0, 0), (0, 0), (0, 0), (0, channels)]
            masks = [
                ops.pad(mask, no_imaginary_part) + ops.reshape(value - mean, (-1, *shape[1:3], 2 * channels))
                for mask, value in zip(masks, bounded, strict=True)
            ]
        return dict(zip(self.config.stems, masks, strict=True))

    def masks(self, features) -> dict:
        """Return the masks of the contract: what `call` returns."""
        return self(features)

    def get_config(self):
        return super().get_config() | {"config": self.config.to_json()}


def _softmax(logits: list) -> list:
    """Return the softmax over a list of tensors of one shape."""
    peak = logits[0]
    for values in logits[1:]:
        peak = ops.maximum(peak, values)
    peak = ops.stop_gradient(peak)  # softmax does not change when a constant is subtracted
    exponentials = [ops.exp(values - peak) for values in logits]
    total = sum(exponentials[1:], exponentials[0])
    return [values / total for values in exponentials]
