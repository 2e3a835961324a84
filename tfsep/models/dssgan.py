"""The reference generator: DSSGAN's U-Net (2018), after Stoller, Ewert and Dixon (arXiv 1711.00048), as it was.

Valid 3x3 convolutions with ReLU, 2x2 max pooling, 2x2 up-convolutions, crop and concatenate, a 1x1 convolution; 958,596
parameters. It estimates compressed magnitudes, not masks: `masks` turns them into those of the contract.
"""

import keras
from keras import ops

from tfsep.models.config import GeneratorConfig


@keras.saving.register_keras_serializable(package="tfsep")
class DssganUNet(keras.Model):
    """`log1p` magnitudes of the mixture `(batch, frames, model_bins, 1)` to those of each stem, of that shape, >= 0.

    The input is padded with silence by what the valid convolutions eat, so that output and input have one shape.
    """

    output_kind = "log_magnitude"

    def __init__(self, config: GeneratorConfig | dict, **kwargs):
        super().__init__(**kwargs)
        self.config = config = config if isinstance(config, GeneratorConfig) else GeneratorConfig.from_json(config)
        widths = config.widths

        def convolution(width, name):
            return keras.layers.Conv2D(width, 3, activation="relu", kernel_initializer="he_normal", name=name)

        self.down = [convolution(width, f"down{level}") for level, width in enumerate(widths)]
        self.pool = keras.layers.MaxPooling2D(2, name="pool")
        self.up = [
            keras.layers.Conv2DTranspose(width, 2, 2, kernel_initializer="he_normal", name=f"up{level}")
            for level, width in enumerate(widths[:-1])
        ]
        self.merge = [convolution(width, f"merge{level}") for level, width in enumerate(widths[:-1])]
        self.head = keras.layers.Conv2D(len(config.stems), 1, activation="relu", name="head")

    def build(self, input_shape):
        channels, widths = input_shape[3], self.config.widths
        for level, width in enumerate(widths):
            self.down[level].build((None, None, None, widths[level - 1] if level else channels))
            if level + 1 < len(widths):
                self.up[level].build((None, None, None, widths[level + 1]))
                self.merge[level].build((None, None, None, 2 * width))
        self.head.build((None, None, None, widths[0] + channels))
        self.built = True

    def padded_size(self, wanted: int) -> int:
        """Return the smallest input size, along either axis, that pools evenly and gives an output of `wanted` or more."""
        size = wanted
        while (self.output_size(size) or 0) < wanted:
            size += 1
        return size

    def output_size(self, size: int) -> int | None:
        """Return the output size of an input size, None if some level would be pooled unevenly or vanish."""
        levels = len(self.config.widths) - 1
        for _ in range(levels):
            size -= 2
            if size % 2 or size < 2:
                return None
            size //= 2
        size -= 2
        for _ in range(levels):
            size = size * 2 - 2
        return size if size > 0 else None

    def call(self, features):
        _, frames, bins, _ = features.shape
        x = _padded(features, self.padded_size(frames), self.padded_size(bins))
        whole, skips = x, []
        for level, convolution in enumerate(self.down):
            x = convolution(x)
            if level + 1 < len(self.down):
                skips.append(x)
                x = self.pool(x)
        for level in reversed(range(len(self.up))):
            x = self.up[level](x)
            x = self.merge[level](ops.concatenate([_cropped(skips[level], x.shape[1], x.shape[2]), x], axis=-1))
        x = self.head(ops.concatenate([_cropped(whole, x.shape[1], x.shape[2]), x], axis=-1))
        x = ops.cast(_cropped(x, frames, bins), "float32")
        return {stem: x[..., i : i + 1] for i, stem in enumerate(self.config.stems)}

    def masks(self, features) -> dict:
        """Return the masks of the contract: each cell shared by the energy of the estimates, equally where all are 0."""
        floor = 1e-6  # exports in float16 keep it; anything under 6e-8 would become 0, and 0 / 0
        energies = {stem: ops.square(ops.expm1(value)) + floor for stem, value in self(features).items()}
        total = sum(energies.values())
        return {stem: energy / total for stem, energy in energies.items()}

    def get_config(self):
        return super().get_config() | {"config": self.config.to_json()}


def _padded(x, frames: int, bins: int):
    """Pad with zeros on all sides to `frames` and `bins`."""
    front, low = (frames - x.shape[1]) // 2, (bins - x.shape[2]) // 2
    return ops.pad(x, [(0, 0), (front, frames - x.shape[1] - front), (low, bins - x.shape[2] - low), (0, 0)])


def _cropped(x, frames: int, bins: int):
    """Cut the middle out."""
    front, low = (x.shape[1] - frames) // 2, (x.shape[2] - bins) // 2
    return x[:, front : front + frames, low : low + bins]
