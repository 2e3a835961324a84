"""The generator for separation as the sound comes in: a band-split U-Net that strides in frequency only and never looks ahead."""

import keras
from keras import ops

from tfsep.models.causal import CausalConv, RunningMean
from tfsep.models.config import GeneratorConfig
from tfsep.models.layers import BandMerge, BandSplit, BinNormalisation, FrequencyDense
from tfsep.models.live_states import has_mean, state_shapes
from tfsep.models.unet import softmax


@keras.saving.register_keras_serializable(package="tfsep")
class CausalUNet(keras.Model):
    """Masks from compressed magnitudes, frame by frame: those of a frame depend on it and on earlier ones.

    Input `(batch, frames, model_bins, channels)`; output: for each stem `(batch, frames, model_bins, channels)` float32, a softmax
    over the stems. `call` begins with silence before the first frame; `step` takes the past and gives it back as tensors.
    """

    output_kind = "mask"

    def __init__(self, config: GeneratorConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = config = config if isinstance(config, GeneratorConfig) else GeneratorConfig.from_json(config)
        widths, channels = config.widths, config.spec.channels
        self.normalise = BinNormalisation(name="normalise")
        self.split = BandSplit(config.bands, widths[0], name="split")
        self.down_blocks = [self._blocks(level, "down") for level in range(len(widths))]
        self.down = [self._halving(keras.layers.Conv2D, width, f"down{level + 1}") for level, width in enumerate(widths[1:])]
        self.up = [self._halving(keras.layers.Conv2DTranspose, width, f"up{level}") for level, width in enumerate(widths[:-1])]
        self.up_blocks = [self._blocks(level, "up") for level in range(len(widths) - 1)]
        self.merges = [BandMerge(config.bands, channels, name=f"merge_{stem}") for stem in config.stems]

    @staticmethod
    def _halving(kind: type[keras.layers.Layer], width: int, name: str) -> keras.layers.Layer:
        return kind(width, (1, 2), (1, 2), activation="relu", kernel_initializer="he_normal", name=name)

    def _blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        config, width = self.config, self.config.widths[level]
        blocks = [CausalConv(width, name=f"{way}{level}_conv{i}") for i in range(config.blocks[level])]
        if has_mean(level, way):
            blocks.append(RunningMean(width, name=f"{way}{level}_mean"))
        if config.dense_bottleneck:
            blocks.append(FrequencyDense(config.dense_bottleneck, name=f"{way}{level}_dense"))
        return blocks

    def build(self, input_shape):
        self.normalise.build(input_shape)
        self.split.build(input_shape)
        frames, positions, widths = input_shape[1], self.config.positions, self.config.widths
        shapes = [(None, frames, positions >> level, width) for level, width in enumerate(widths)]
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

    def step(self, features, states: dict) -> tuple[dict, dict]:
        """Return masks by stem and the next states by name, from features and states, each with a batch axis in front."""
        following = {}

        def run(blocks, x):
            for block in blocks:
                if block.name in states:
                    x, following[block.name] = block(x, states[block.name])
                else:
                    x = block(x)
            return x

        patches = x = self.split(self.normalise(features))
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            x = run(blocks, self.down[level - 1](x) if level else x)
            skips.append(x)
        for level in reversed(range(len(self.up))):
            x = run(self.up_blocks[level], self.up[level](x) + skips[level])
        x = ops.concatenate([x, patches], axis=-1)
        shares = softmax([ops.cast(merge(x), "float32") for merge in self.merges])
        shape = (-1, *features.shape[1:])
        return {stem: ops.reshape(share, shape) for stem, share in zip(self.config.stems, shares, strict=True)}, following

    def silence(self, batch: int) -> dict:
        """Return the states before the first frame, by name: zeros."""
        return {name: ops.zeros((batch, *shape), "float32") for name, shape in state_shapes(self.config).items()}

    def call(self, features):
        return self.step(features, self.silence(ops.shape(features)[0]))[0]

    def masks(self, features) -> dict:
        """Return the masks of the contract: what `call` returns."""
        return self(features)

    def get_config(self):
        return super().get_config() | {"config": self.config.to_json()}
