"""The default generator: a U-Net on patches of the spectrum, small ones in low bands and large ones in high bands."""

import keras

from tfsep.models.layers import BandMerge, BandSplit, FrequencyDense, PlainConv, ResidualConv
from tfsep.models.unet import BandUNet


@keras.saving.register_keras_serializable(package="tfsep")
class BandSplitUNet(BandUNet):
    """Patches of neighbouring bins, 3x3 convolutions, and one frequency-wise dense layer at each level; see `BandUNet`."""

    def make_split(self, width: int, name: str) -> keras.layers.Layer:
        """Return the band split."""
        return BandSplit(self.config.bands, width, name=name)

    def make_merge(self, channels: int, name: str) -> keras.layers.Layer:
        """Return a band merge."""
        return BandMerge(self.config.bands, channels, name=name)

    def make_blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        """Return the convolutions of a level, and its frequency-wise dense layer if there are any."""
        config = self.config
        kind = ResidualConv if config.block == "residual" else PlainConv
        blocks = [kind(config.widths[level], name=f"{way}{level}_conv{i}") for i in range(config.blocks[level])]
        if config.dense_bottleneck:
            blocks.append(FrequencyDense(config.dense_bottleneck, name=f"{way}{level}_dense"))
        return blocks
