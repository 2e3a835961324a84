"""The default generator: a band-split U-Net that shares each time-frequency cell of the mixture among the stems."""

import keras
from keras import ops

from tfsep.models.config import GeneratorConfig
from tfsep.models.layers import BandMerge, BandSplit, BinNormalisation, FrequencyDense, ResidualConv


@keras.saving.register_keras_serializable(package="tfsep")
class BandSplitUNet(keras.Model):
    """Masks from compressed magnitudes, as `ModelContract` promises.

    Input `(batch, frames, model_bins, channels)`; output: for each stem `(batch, frames, model_bins, channels)` float32, a softmax
    over the stems, so that the masks sum to one and every cell of the mixture is given away exactly once.
    """

    output_kind = "mask"

    def __init__(self, config: GeneratorConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = config = config if isinstance(config, GeneratorConfig) else GeneratorConfig.from_json(config)
        widths, channels = config.widths, config.spec.channels
        self.normalise = BinNormalisation(name="normalise")
        self.split = BandSplit(config.bands, widths[0], name="split")
        self.down_blocks = [self._blocks(level, "down") for level in range(len(widths))]
        self.down = [
            keras.layers.Conv2D(width, 2, 2, activation="relu", kernel_initializer="he_normal", name=f"down{level + 1}")
            for level, width in enumerate(widths[1:])
        ]
        self.up = [
            keras.layers.Conv2DTranspose(width, 2, 2, activation="relu", kernel_initializer="he_normal", name=f"up{level}")
            for level, width in enumerate(widths[:-1])
        ]
        self.up_blocks = [self._blocks(level, "up") for level in range(len(widths) - 1)]
        self.merges = [BandMerge(config.bands, channels, name=f"merge_{stem}") for stem in config.stems]

    def _blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        config = self.config
        blocks = [ResidualConv(config.widths[level], name=f"{way}{level}_conv{i}") for i in range(config.blocks[level])]
        if config.dense_bottleneck:
            blocks.append(FrequencyDense(config.dense_bottleneck, name=f"{way}{level}_dense"))
        return blocks

    def build(self, input_shape):
        self.normalise.build(input_shape)
        self.split.build(input_shape)
        frames, positions, widths = input_shape[1], self.config.positions, self.config.widths
        shapes = [(None, frames >> level, positions >> level, width) for level, width in enumerate(widths)]
        for level, shape in enumerate(shapes):
            for block in self.down_blocks[level]:
                block.build(shape)
            if level:
                self.down[level - 1].build(shapes[level - 1])
        for level in range(len(widths) - 1):
            self.up[level].build(shapes[level + 1])
            for block in self.up_blocks[level]:
                block.build(shapes[level])
        for merge in self.merges:
            merge.build((*shapes[0][:3], 2 * widths[0]))
        self.built = True

    def logits(self, features) -> list:
        """Return for each stem what the softmax is taken over, `(batch, frames, model_bins * channels)`."""
        patches = x = self.split(self.normalise(features))
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            if level:
                x = self.down[level - 1](x)
            for block in blocks:
                x = block(x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x) + skips[level]
            for block in self.up_blocks[level]:
                x = block(x)
        x = ops.concatenate([x, patches], axis=-1)
        return [merge(x) for merge in self.merges]

    def call(self, features):
        logits = [ops.cast(values, "float32") for values in self.logits(features)]
        peak = logits[0]
        for values in logits[1:]:
            peak = ops.maximum(peak, values)
        peak = ops.stop_gradient(peak)  # softmax does not change when a constant is subtracted
        exponentials = [ops.exp(values - peak) for values in logits]
        total = sum(exponentials[1:], exponentials[0])
        shape = (-1, *features.shape[1:])
        return {stem: ops.reshape(values / total, shape) for stem, values in zip(self.config.stems, exponentials, strict=True)}

    def masks(self, features) -> dict:
        """Return the masks of the contract: what `call` returns."""
        return self(features)

    def get_config(self):
        return super().get_config() | {"config": self.config.to_json()}
