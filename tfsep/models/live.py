"""The generator for separation as the sound comes in: a band-split U-Net that strides in frequency only and never looks ahead."""

import keras
from keras import ops

from tfsep.models.causal import CausalConv, RunningMean
from tfsep.models.layers import BandMerge, BandSplit, FrequencyDense
from tfsep.models.live_states import has_mean, state_shapes
from tfsep.models.unet import BandUNet


@keras.saving.register_keras_serializable(package="tfsep")
class CausalUNet(BandUNet):
    """Masks from compressed magnitudes, frame by frame: those of a frame depend on it and on earlier ones; see `BandUNet`.

    `call` begins with silence before the first frame; `step` takes the past and gives it back as tensors.
    """

    frame_stride = 1

    def make_split(self, width: int, name: str) -> keras.layers.Layer:
        """Return the band split."""
        return BandSplit(self.config.bands, width, name=name)

    def make_merge(self, channels: int, name: str) -> keras.layers.Layer:
        """Return a band merge."""
        return BandMerge(self.config.bands, channels, name=name)

    def make_blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        """Return the causal convolutions of a level, its running mean, and its frequency-wise dense layer if there are any."""
        config, width = self.config, self.config.widths[level]
        blocks = [CausalConv(width, name=f"{way}{level}_conv{i}") for i in range(config.blocks[level])]
        if has_mean(level, way):
            blocks.append(RunningMean(width, name=f"{way}{level}_mean"))
        if config.dense_bottleneck:
            blocks.append(FrequencyDense(config.dense_bottleneck, name=f"{way}{level}_dense"))
        return blocks

    def step(self, features, states: dict) -> tuple[dict, dict]:
        """Return masks by stem and the next states by name, from features and states, each with a batch axis in front."""
        following = {}

        def run(block, x):
            if block.name not in states:
                return block(x)
            x, following[block.name] = block(x, states[block.name])
            return x

        return self.heads(self.trunk(features, run), features.shape), following

    def silence(self, batch: int) -> dict:
        """Return the states before the first frame, by name: zeros."""
        return {name: ops.zeros((batch, *shape), "float32") for name, shape in state_shapes(self.config).items()}

    def call(self, features):
        return self.step(features, self.silence(ops.shape(features)[0]))[0]
