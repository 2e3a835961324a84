"""Bands as channels: a U-Net of TFC-TDF blocks on equal bands of the spectrum that are stacked as channels."""

import keras

from tfsep.models.layers import BandStack, BandUnstack, TfcTdf
from tfsep.models.unet import BandUNet


@keras.saving.register_keras_serializable(package="tfsep")
class BandStackUNet(BandUNet):
    """Channel-wise subbands, and blocks with a frequency-wise dense layer in each, after TFC-TDF-UNet v3; see `BandUNet`."""

    def make_split(self, width: int, name: str) -> keras.layers.Layer:
        """Return the layer that stacks the bands."""
        return BandStack(self.config.subbands, width, name=name)

    def make_merge(self, channels: int, name: str) -> keras.layers.Layer:
        """Return a layer that lays the bands out along frequency again."""
        return BandUnstack(self.config.subbands, channels, name=name)

    def make_blocks(self, level: int, way: str) -> list[keras.layers.Layer]:
        """Return the TFC-TDF blocks of a level."""
        config = self.config
        return [
            TfcTdf(config.widths[level], config.dense_bottleneck, config.block == "residual", name=f"{way}{level}_block{i}")
            for i in range(config.blocks[level])
        ]
