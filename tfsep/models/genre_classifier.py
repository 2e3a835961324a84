"""A small convolutional network that tells the genre family of an excerpt from its log-mel spectrum."""

from collections.abc import Sequence

import keras
from keras import ops

from tfsep.contract_genre import LOGITS, GenreContract
from tfsep.models.layers import BinNormalisation

WIDTHS = (16, 32, 48, 64, 96)


def build_genre_classifier(contract: GenreContract, widths: Sequence[int] = WIDTHS, *, dropout: float = 0.3) -> keras.Model:
    """Build a classifier with fresh weights: 3x3 convolutions of stride 2 with ReLU, the mean over time, one dense layer.

    Frequency is kept to the end, since where energy lies tells more than that there is some.

    Args:
        contract: for the shapes of input and output.
        widths: channels of each convolution; each halves frames and bands.
    Returns: a model from `contract.input_shape` to `{"logits": (batch, families)}`; its layer `normalise` is to be set from data.
    """
    log_mel = keras.Input(contract.input_shape[1:], name=contract.input_name)
    x = BinNormalisation(name="normalise")(log_mel)
    for level, width in enumerate(widths):
        convolution = keras.layers.Conv2D(
            width, 3, strides=2, padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv{level}"
        )
        x = convolution(x)
    x = ops.mean(x, axis=1)
    x = keras.layers.Flatten(name="bands")(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(log_mel, {LOGITS: keras.layers.Dense(len(contract.families), name=LOGITS)(x)}, name="genre_classifier")
