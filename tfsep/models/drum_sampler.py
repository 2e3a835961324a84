"""The networks of the drum sampler: an encoder of hits, a decoder of codes, and the critic that the decoder is trained against.

A variational autoencoder whose decoder is also the generator of a GAN (VAE-GAN; Larsen et al. 2016, arXiv 1512.09300), on grids of
`tfsep.dsp.hit_grid`. All hits begin at the same cell, so that nothing is gained by convolutions: dense layers along bands and
along time (as in MLP-Mixer; Tolstikhin et al. 2021, arXiv 2105.01601) train twenty times as fast on a CPU.
"""

import keras
from keras import ops

from tfsep.contract_drum_sampler import CODE, CODES, GRID, DrumSamplerContract

WIDTH = 64  # channels that the bands of a cell are mixed into
SLOTS = 24  # that the cells are mixed into
HIDDEN = 320
PATCH = 8  # cells and bands of what the critic's first layer sees
CRITIC_WIDTHS = (64, 96)
MIDDLE = -0.5  # a grid's values lie between 0 and 1


@keras.saving.register_keras_serializable(package="tfsep")
class CodeScales(keras.layers.Layer):
    """What codes of the hits of each drum have in common: mean and Cholesky factor of the covariance; set from data, not trained.

    Called on codes of the network `(batch, code)` it returns codes of unit scale as each drum's, `(batch, drums, code)`.
    """

    def __init__(self, drums, code, **kwargs):
        super().__init__(**kwargs)
        self.drums, self.code = drums, code

    def build(self, input_shape=None):
        shape = (self.drums, self.code)
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.factor = self.add_weight(name="factor", shape=(*shape, self.code), initializer="zeros", trainable=False)
        self.inverse = self.add_weight(name="inverse", shape=(*shape, self.code), initializer="zeros", trainable=False)
        self.set([ops.zeros(self.code)] * self.drums, [ops.eye(self.code)] * self.drums)

    def set(self, means, factors) -> None:
        """Set each drum's mean `(code,)` and lower triangular factor `(code, code)`."""
        self.mean.assign(ops.stack(means))
        self.factor.assign(ops.stack(factors))
        self.inverse.assign(ops.stack([ops.inv(factor) for factor in factors]))

    def call(self, code):
        flat = ops.reshape(self.inverse, (self.drums * self.code, self.code))
        shift = ops.reshape(ops.sum(self.inverse * self.mean[:, None], axis=2), (self.drums * self.code,))
        return ops.reshape(code @ ops.transpose(flat) - shift, (-1, self.drums, self.code))

    def network_code(self, code, drum):
        """Undo `call` for codes of unit scale `(batch, code)` and drums `(batch, drums)`, one-hot."""
        # sums over drums by masks, since a gather is refused by accelerators
        spread = ops.reshape(drum[:, :, None] * code[:, None, :], (-1, self.drums * self.code))
        flat = ops.reshape(ops.transpose(self.factor, (0, 2, 1)), (self.drums * self.code, self.code))
        return spread @ flat + drum @ self.mean

    def get_config(self):
        return super().get_config() | {"drums": self.drums, "code": self.code}


@keras.saving.register_keras_serializable(package="tfsep")
class Sampler(keras.Model):
    """The networks that share a code; called on a grid and on a code with its drum it gives both parts' outputs.

    Attributes:
        encoder: grids `(batch, cells, bands, 1)` to `{"mean", "log_variance"}`, each `(batch, code)`.
        decoder: a code and a one-hot drum, `[(batch, code), (batch, drums)]`, to grids.
        scales: between codes of the networks and codes of unit scale.

    Args:
        contract: of either part.
    """

    def __init__(self, contract: DrumSamplerContract, **kwargs):
        super().__init__(**kwargs)
        self.contract = contract
        self.encoder, self.decoder = _encoder(contract), _decoder(contract)
        self.scales = CodeScales(len(contract.drums), contract.code, name="scales", dtype="float32")
        self.scales.build()
        self.built = True

    def codes(self, grid):
        """Return `{"codes": (batch, drums, code)}`, codes of unit scale, of grids: the part "encoder" of the contract."""
        return {CODES: self.scales(self.encoder(grid, training=False)["mean"])}

    def grids(self, code_and_drum):
        """Return `{"grid": grids}` of codes of unit scale with one-hot drums, joined: the part "decoder"."""
        code, drum = ops.split(ops.convert_to_tensor(code_and_drum), [self.scales.code], axis=1)
        grid = self.decoder([self.scales.network_code(code, drum), drum], training=False)
        return {GRID: ops.clip(grid, 0.0, 1.0)}

    def call(self, inputs):
        return self.codes(inputs[GRID]) | self.grids(inputs[CODE])

    def get_config(self):
        return {"contract": self.contract.to_json()}

    @classmethod
    def from_config(cls, config) -> "Sampler":
        return cls(DrumSamplerContract.from_json(config["contract"], "model.keras"))


def _dense(size, name, activation="relu"):
    return keras.layers.Dense(size, activation=activation, kernel_initializer="he_normal", name=name)


def _turned(x):
    return ops.transpose(x, (0, 2, 1))


def _encoder(contract: DrumSamplerContract) -> keras.Model:
    grid = keras.Input((contract.cells, contract.bands, 1), name=GRID)
    x = ops.reshape(grid + MIDDLE, (-1, contract.cells, contract.bands))
    x = _dense(WIDTH, "bands")(x)
    x = _turned(_dense(SLOTS, "time")(_turned(x)))
    x = _dense(HIDDEN, "hidden")(ops.reshape(x, (-1, SLOTS * WIDTH)))
    outputs = {name: keras.layers.Dense(contract.code, dtype="float32", name=name)(x) for name in ("mean", "log_variance")}
    return keras.Model(grid, outputs, name="encoder")


def _decoder(contract: DrumSamplerContract) -> keras.Model:
    code, drum = keras.Input((contract.code,), name=CODE), keras.Input((len(contract.drums),), name="drum")
    joined = ops.concatenate([code, drum], axis=1)
    x = _dense(SLOTS * WIDTH, "slots")(_dense(HIDDEN, "hidden")(joined))
    x = _turned(_dense(contract.cells, "time")(_turned(ops.reshape(x, (-1, SLOTS, WIDTH)))))
    x = x + _dense(WIDTH, "mixed")(x)
    fine = keras.layers.Dense(contract.bands, dtype="float32", name="bands")(x)
    # what the code says linearly is learnt at once, and the rest adds to it
    coarse = keras.layers.Dense(contract.cells * contract.bands, dtype="float32", name="coarse")(joined)
    grid = fine + ops.reshape(coarse, (-1, contract.cells, contract.bands)) - MIDDLE
    return keras.Model([code, drum], ops.expand_dims(grid, -1), name="decoder")


def build_critic(contract: DrumSamplerContract) -> keras.Model:
    """Build a critic with fresh weights: grids and one-hot drums to `{"logit": (batch,), "features": [hidden layers]}`.

    It sees patches, then squares of two by two patches. The drum enters by projection (Miyato and Koyama 2018, arXiv 1802.05637).
    """
    grid = keras.Input((contract.cells, contract.bands, 1), name=GRID)
    drum = keras.Input((len(contract.drums),), name="drum")
    x, hidden = grid + MIDDLE, []
    for level, (width, stride) in enumerate(zip(CRITIC_WIDTHS, (PATCH, 2), strict=True)):
        x = keras.layers.Conv2D(width, stride, strides=stride, kernel_initializer="he_normal", name=f"patches{level}")(x)
        x = ops.where(x > 0, x, 0.2 * x)
        hidden.append(x)
    places = (contract.cells // (2 * PATCH)) * (contract.bands // (2 * PATCH))
    joint = ops.cast(ops.reshape(x, (-1, places * CRITIC_WIDTHS[-1])), "float32")
    joint = keras.layers.Dense(CRITIC_WIDTHS[-1], kernel_initializer="he_normal", dtype="float32", name="whole")(joint)
    joint = ops.where(joint > 0, joint, 0.2 * joint)
    seen = keras.layers.Dense(1, dtype="float32", name="seen")(joint)[:, 0]
    matched = ops.sum(
        keras.layers.Dense(CRITIC_WIDTHS[-1], use_bias=False, dtype="float32", name="projection")(drum) * joint, axis=1
    )
    return keras.Model([grid, drum], {"logit": seen + matched, "features": hidden}, name="critic")
