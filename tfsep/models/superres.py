"""A small U-Net that continues a spectrum above a cutoff, and fills its holes."""

import keras
from keras import ops

from tfsep.contract_enhance import EnhanceContract
from tfsep.models.layers import BandMerge, BandSplit, FrequencyDense, ResidualConv
from tfsep.models.superres_config import SuperResolutionConfig

UNIT = 10.0  # the compressed magnitude of full scale, about, by which the input is divided


@keras.saving.register_keras_serializable(package="tfsep")
class SuperResolutionNet(keras.Model):
    """Compressed magnitudes from the tensor that `EnhanceContract` describes, `(batch, frames, bins, 3)` to `(batch, frames, bins, 1)`.

    Patches of bins become positions, over which a U-Net of residual convolutions and frequency-wise dense layers runs; the latter
    let the top of the spectrum see the bottom at once. What comes out is added to the excitation, in the compressed domain: a gain
    for each cell.
    """

    def __init__(self, config: SuperResolutionConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = config = config if isinstance(config, SuperResolutionConfig) else SuperResolutionConfig.from_json(config)
        widths, relu = config.widths, {"activation": "relu", "kernel_initializer": "he_normal"}
        self.split = BandSplit(config.bands, widths[0], name="split")
        self.down = [
            keras.layers.Conv2D(width, 2, 2, name=f"down{level + 1}", **relu) for level, width in enumerate(widths[1:])
        ]
        self.up = [
            keras.layers.Conv2DTranspose(width, 2, 2, name=f"up{level}", **relu) for level, width in enumerate(widths[:-1])
        ]
        self.down_blocks = [self._blocks(level, "down") for level in range(len(widths))]
        self.up_blocks = [self._blocks(level, "up") for level in range(len(widths) - 1)]
        self.merge = BandMerge(config.bands, 1, name="merge")

    def _blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        return [
            ResidualConv(self.config.widths[level], name=f"{way}{level}_conv"),
            FrequencyDense(self.config.dense_bottleneck, name=f"{way}{level}_dense"),
        ]

    def build(self, input_shape):
        frames, positions, widths = input_shape[1], self.config.positions, self.config.widths
        shapes = [(None, frames >> level, positions >> level, width) for level, width in enumerate(widths)]
        self.split.build(input_shape)
        for level, shape in enumerate(shapes):
            for block in self.down_blocks[level]:
                block.build(shape)
            if level:
                self.down[level - 1].build(shapes[level - 1])
                self.up[level - 1].build(shape)
                for block in self.up_blocks[level - 1]:
                    block.build(shapes[level - 1])
        self.merge.build((*shapes[0][:3], 2 * widths[0]))
        self.built = True

    def call(self, spectrum):
        known, excitation, mask = ops.split(spectrum, 3, axis=3)
        patches = x = self.split(ops.concatenate([known * (1 / UNIT), excitation * (1 / UNIT), mask], axis=3))
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
        gains = ops.reshape(self.merge(ops.concatenate([x, patches], axis=3)), (-1, *excitation.shape[1:]))
        return ops.relu(excitation + UNIT * ops.cast(gains, "float32"))

    def get_config(self):
        return super().get_config() | {"config": self.config.to_json()}


def build_super_resolution(
    config: SuperResolutionConfig, contract: EnhanceContract, frames: int | None = None
) -> SuperResolutionNet:
    """Build a network with fresh weights.

    Args:
        frames: of its input, None for the contract's.
    Raises: ValueError if the contract's spectrum does not fit the configuration.
    """
    _, contract_frames, bins, channels = contract.input_shape
    frames = contract_frames if frames is None else frames
    if bins != config.bins or frames % 2 ** (len(config.widths) - 1):
        raise ValueError(
            f"{frames} frames of {bins} bins: a network of bands={config.bands}, widths={config.widths} takes others"
        )
    network = SuperResolutionNet(config, name="super_resolution")
    network.build((None, frames, bins, channels))
    return network
