"""What critics and generator are trained to reduce in stage 2, in `keras.ops` and float32.

Examples are weighted: `weights` are `(batch,)` with a mean of 1 over the joint batch, see `shares`, or all 0.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from tfsep.dsp import stft_ops
from tfsep.spec import SpectrogramSpec
from tfsep.training.backend_steps import input_gradients, replica_mean
from tfsep.training.loss import FLOOR

Tensor = Any

AUDIBLE_DB = -70.0  # of the root mean square magnitude of a crop; a quiet room's recording lies higher
HEADROOM = 10.0  # linear; estimates of compressed magnitudes count up to this many times full scale


# --- silence ----------------------------------------------------------------------------------------------------------


def audible(magnitude: Tensor) -> Tensor:
    """Return `(batch,)`, 1 where a crop's linear magnitudes `(batch, frames, bins, channels)` are more than silence, else 0.

    The power is summed over bins, so that it does not depend on how many there are.
    """
    power = ops.mean(ops.sum(ops.square(magnitude) - FLOOR**2, axis=2), axis=(1, 2))
    return ops.cast(power > 10 ** (AUDIBLE_DB / 10), "float32")


def shares(*audibles: Tensor) -> list[Tensor]:
    """Turn each `audible` into weights with a mean of 1 over the joint batch of all replicas; all 0 if one of them is all silent.

    A silent crop says nothing about how drums sound: as a recording it would teach the critic that silence is real, and so
    reward a generator that is silent. Left out of one mean only, it would let a Wasserstein critic gain by a constant.
    """
    counts = replica_mean([ops.mean(values) for values in audibles])
    usable = 1.0
    for count in counts:
        usable = usable * ops.cast(count > 0, "float32")
    return [usable * values / ops.maximum(count, 1e-6) for values, count in zip(audibles, counts, strict=True)]


# --- scores -----------------------------------------------------------------------------------------------------------


def _example_mean(values: Tensor) -> Tensor:
    """Average all but the first axis, in float32."""
    values = ops.cast(values, "float32")
    return ops.mean(values, axis=tuple(range(1, len(values.shape))))


def _views_mean(logits: Sequence[Tensor], function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return `(batch,)`: the mean of `function` of each view's logits, and of the views."""
    return sum(_example_mean(function(ops.cast(view, "float32"))) for view in logits) / len(logits)


def scores(logits: Sequence[Tensor]) -> Tensor:
    """Return one score for each example, `(batch,)`: the mean logit of each view, averaged over the views."""
    return _views_mean(logits, lambda view: view)


def critic_loss(
    loss: str, real: Sequence[Tensor], fake: Sequence[Tensor], real_weights: Tensor, fake_weights: Tensor
) -> Tensor:
    """Return what a critic reduces, a scalar, without gradient penalty.

    `wgan-gp`: `E[D(fake)] - E[D(real)]` (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3); `lsgan`: `E[(D(real) - 1)^2] / 2 +
    E[D(fake)^2] / 2` (Mao et al. 2017, arXiv 1611.04076, eq. 9); `hinge`: `E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))]` (Lim
    and Ye 2017, arXiv 1705.02894).

    Args:
        real, fake: a critic's logits, each view `(batch, ...)`.
    """
    of_real, of_fake = {
        "wgan-gp": (lambda view: -view, lambda view: view),
        "lsgan": (lambda view: 0.5 * ops.square(view - 1), lambda view: 0.5 * ops.square(view)),
        "hinge": (lambda view: ops.relu(1 - view), lambda view: ops.relu(1 + view)),
    }[loss]
    return ops.mean(real_weights * _views_mean(real, of_real)) + ops.mean(fake_weights * _views_mean(fake, of_fake))


def generator_loss(loss: str, fake: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return what a generator reduces to please a critic, a scalar: `-E[D(fake)]`, for `lsgan` `E[(D(fake) - 1)^2] / 2`."""
    if loss == "lsgan":
        return ops.mean(weights * _views_mean(fake, lambda view: 0.5 * ops.square(view - 1)))
    return -ops.mean(weights * scores(fake))


def mixing_shares(update: Tensor, first: Tensor | int, count: int) -> Tensor:
    """Return `(count,)` numbers that fill (0, 1) evenly: where the penalty looks, between a recording and an estimate.

    Multiples of the golden ratio modulo 1, in integers: the same on every backend, for any split over replicas, and after a
    resume, because only the number of the update and the example's place in the joint batch decide.

    Args:
        update: how many updates the critics have seen, an integer.
        first: place of the first example in a batch of `count * replicas` examples.
    """
    index = ops.cast(update % 32768, "int32") * 61 + first + ops.arange(count, dtype="int32")
    return (ops.cast((index % 32768) * 20251 % 32768, "float32") + 0.5) / 32768


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Return the one-sided penalty `E[max(0, |grad D(x)| - 1)^2]` and the mean norm, at points between `real` and `fake`.

    Only slopes above 1 are punished (Petzka et al. 2018, arXiv 1709.08894, eq. 6), as in the reference.

    Args:
        critic: spectra `(batch, frames, bins, channels)` to scores `(batch,)`.
        mix: `(batch,)`, the share of `real` in each point.
    """
    mix = ops.reshape(mix, (-1, 1, 1, 1))
    gradients = ops.cast(input_gradients(critic, mix * real + (1 - mix) * fake), "float32")
    norms = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + 1e-12)  # the root has no slope at 0
    return ops.mean(ops.square(ops.relu(norms - 1))), ops.mean(norms)


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor], real_weights: Tensor, fake_weights: Tensor) -> Tensor:
    """Return how far a critic's mean features of estimates are from those of recordings, a scalar.

    The recordings belong to other songs than the estimates, so expectations are compared (Salimans et al. 2016, arXiv
    1606.03498, section 3.1), over examples and frames; here by their mean absolute difference, relative to the mean size of the
    recordings' features, so that each layer counts alike.

    Args:
        real, fake: a critic's features, each `(batch, frames, bins, channels)`.
    """
    expectations = []
    for layers, weights in ((real, real_weights), (fake, fake_weights)):
        weights = ops.reshape(weights, (-1, 1, 1, 1))
        expectations.append(replica_mean([ops.mean(weights * ops.cast(layer, "float32"), axis=(0, 1)) for layer in layers]))
    distances = [
        ops.mean(ops.abs(one - other)) / (ops.mean(ops.abs(one)) + 1e-3) for one, other in zip(*expectations, strict=True)
    ]
    return sum(distances) / len(distances)


# --- estimates --------------------------------------------------------------------------------------------------------


def _floored(estimate: Tensor) -> Tensor:
    """Raise linear estimates to `FLOOR` as recordings are, lest a critic know estimates by their perfect silence."""
    return ops.sqrt(ops.square(estimate) + FLOOR**2)


def estimated_pair(
    generator: Any, stems: Sequence[str], target: str, magnitude: Tensor, spec: SpectrogramSpec
) -> tuple[Tensor, Tensor]:
    """Separate a mixture into `target` and the sum of all other stems, as critics see them.

    Args:
        magnitude: linear, `(batch, frames, bins, channels)`.
    Returns: compressed magnitudes of that shape, of the target and of the rest.
    """
    estimates = generator(stft_ops.features(magnitude, spec))
    others = [estimates[stem] for stem in stems if stem != target]
    if generator.output_kind == "log_magnitude":
        pair = (estimates[target], others[0] if len(others) == 1 else ops.log1p(sum(_linear(other, spec) for other in others)))
        return tuple(ops.maximum(estimate, float(np.log1p(spec.feature_gain * FLOOR))) for estimate in pair)
    rest = sum(others[1:], others[0])
    return tuple(stft_ops.features(_floored(mask * magnitude), spec) for mask in (estimates[target], rest))


def _linear(compressed: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Undo the compression, up to `HEADROOM`: `feature_gain` times the linear magnitude."""
    return ops.expm1(ops.minimum(compressed, float(np.log1p(HEADROOM * spec.feature_gain))))


def additivity(target: Tensor, rest: Tensor, magnitude: Tensor, spec: SpectrogramSpec) -> Tensor:
    """Return the mean square of what the stems lack to the mixture, in linear magnitude times `feature_gain`, a scalar.

    `E[(drums + rest - mixture)^2]` (Stoller et al., arXiv 1711.00048, section 3.2), in the units of the preset `dssgan`, whose gain
    makes them those of the plain transform. It is 0 for masks that sum to one, but for rounding: there it need not be computed.

    Args:
        target, rest: compressed magnitudes, as `estimated_pair` returns them.
        magnitude: linear, of the mixture.
    """
    return ops.mean(ops.square(_linear(target, spec) + _linear(rest, spec) - spec.feature_gain * magnitude))
