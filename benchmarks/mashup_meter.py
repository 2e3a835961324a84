"""Fit the network of `tfsep.creative.mashup.meter` to rendered songs, whose bars are known. Needs the extra train."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.creative.mashup.features import CHROMA_PER_S, FRAMES_PER_S, Features, FeatureStream
from tfsep.creative.mashup.meter import BEATS, INPUTS, STEPS, STEPS_PER_BEAT, folded_bars
from tfsep.creative.mashup.pulse import follow_pulse, onset_envelope, tempo_candidates
from tfsep.separation.separator import Separator

_CANDIDATES = 6
_SHORTEST_S = 10.0  # of the stretches that are cut out of songs
_HIDDEN = (32, 12)
_NOISE, _DECAY = 0.35, 1e-3


def features_of(song: Path, separator: Separator | None) -> Features:
    """Return the features of a rendered song, from its own stems or, with a separator, from what that makes of the mixture."""
    mixture = Audio.read(song / "mixture.flac", channels=2)
    stream = FeatureStream(mixture.sample_rate_hz)
    if separator is not None:
        drums = separator.separate(mixture, ["drums"])["drums"].samples
    elif (song / "drums.flac").is_file():
        drums = Audio.read(song / "drums.flac", channels=2).samples
    else:
        drums = np.zeros_like(mixture.samples)
    stream.push(drums, mixture.samples - drums)
    return stream.finish()


def example_of(features: Features, start_s: float, length_s: float, truth: dict) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the inputs of all guesses about a stretch, and which of them are right; None if none is.

    Returns: float32 `(_CANDIDATES, STEPS, INPUTS)` and bool `(_CANDIDATES, STEPS)`; candidates that there are not are all 0.
    """
    onsets, chroma = (
        values[int(start_s * rate) : int((start_s + length_s) * rate)]
        for values, rate in ((features.onsets, FRAMES_PER_S), (features.chroma, CHROMA_PER_S))
    )
    part = Features(onsets, chroma, length_s)
    envelope = onset_envelope(onsets)
    inputs, right = np.zeros((_CANDIDATES, STEPS, INPUTS), np.float32), np.zeros((_CANDIDATES, STEPS), bool)
    downbeats_s = np.array(truth["downbeats_s"]) - int(start_s * FRAMES_PER_S) / FRAMES_PER_S
    downbeats_s = downbeats_s[(downbeats_s >= 0) & (downbeats_s < length_s)]
    for index, (bpm, height) in enumerate(tempo_candidates(envelope, _CANDIDATES)):
        pulse = follow_pulse(envelope, bpm)
        inputs[index] = folded_bars(part, envelope, pulse, height)
        if abs(pulse.bpm / truth["tempo_bpm"] - 1) < 0.012 and len(downbeats_s):
            steps = pulse.beats_at(downbeats_s) * STEPS_PER_BEAT
            place = np.angle(np.exp(2j * np.pi * steps / STEPS).mean()) / (2 * np.pi) * STEPS
            right[index, int(np.rint(place)) % STEPS] = True
    return (inputs, right) if right.any() else None


def examples_of(songs: list[Path], separator: Separator | None, stretches: int, rng: np.random.Generator) -> list:
    """Return examples of each song: the whole of it, and stretches cut out at random."""
    examples = []
    for song in songs:
        truth = json.loads((song / "song.json").read_text("utf-8"))
        if int(truth["tags"]["beats_per_bar"]) != BEATS:
            continue
        features = features_of(song, separator)
        for stretch in range(stretches):
            length_s = features.duration_s if stretch == 0 else rng.uniform(_SHORTEST_S, features.duration_s)
            example = example_of(features, rng.uniform(0, features.duration_s - length_s), length_s, truth)
            if example is not None:
                examples.append(example)
    return examples


def fit(inputs: np.ndarray, right: np.ndarray, epochs: int, seed: int) -> list[list[np.ndarray]]:
    """Return weights and bias of each layer of a network that chooses among all guesses about a stretch."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    decay = keras.regularizers.L2(_DECAY)
    dense = [keras.layers.Dense(size, "relu", kernel_regularizer=decay) for size in _HIDDEN]
    model = keras.Sequential([keras.Input((INPUTS,)), dense[0], keras.layers.Dropout(0.2), dense[1], keras.layers.Dense(1)])
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, epochs * max(1, len(inputs) // 32)))
    there = inputs.any(axis=(2, 3)).repeat(STEPS, axis=1)

    @tf.function
    def step(x: tf.Tensor, y: tf.Tensor, known: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = tf.where(known, tf.reshape(model(x, training=True), tf.shape(y)), -1e9)
            shares = y / tf.reduce_sum(y, 1, keepdims=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(shares, logits)) + tf.add_n(model.losses)
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(inputs)), max(1, len(inputs) // 32)):
            noisy = inputs[batch] + _NOISE * rng.standard_normal(inputs[batch].shape, dtype=np.float32)
            step(noisy.reshape(-1, INPUTS), right[batch].reshape(len(batch), -1).astype(np.float32), there[batch])
    return [layer.get_weights() for layer in (*dense, model.layers[-1])]


def joined(networks: list[list[list[np.ndarray]]]) -> dict[str, np.ndarray]:
    """Return one network, float16 arrays by name, whose output is the mean of those of several."""
    first, second, last = zip(*networks, strict=True)
    blocks = np.zeros((len(networks) * _HIDDEN[0], len(networks) * _HIDDEN[1]))
    for index, (weights, _) in enumerate(second):
        blocks[index * _HIDDEN[0] :, index * _HIDDEN[1] :][: _HIDDEN[0], : _HIDDEN[1]] = weights
    arrays = {
        "weights_0": np.concatenate([weights for weights, _ in first], axis=1),
        "bias_0": np.concatenate([bias for _, bias in first]),
        "weights_1": blocks,
        "bias_1": np.concatenate([bias for _, bias in second]),
        "weights_2": np.concatenate([weights for weights, _ in last]) / len(networks),
        "bias_2": np.mean([bias for _, bias in last], axis=0),
    }
    return {name: values.astype(np.float16) for name, values in arrays.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--songs", type=Path, nargs="+", required=True, metavar="DIR", help="folders of rendered songs")
    parser.add_argument(
        "--separated", type=int, default=300, metavar="N", help="songs of the first folder to be heard separated as well"
    )
    parser.add_argument("--model", default="default", metavar="M", help="that separates them")
    parser.add_argument("--networks", type=int, default=5, metavar="N", help="whose mean is kept, from seeds 0 to N - 1")
    parser.add_argument("--epochs", type=int, default=9, metavar="N")
    parser.add_argument("--out", type=Path, required=True, metavar="F.npz")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    folders = [sorted(path.parent for path in folder.glob("*/song.json")) for folder in args.songs]
    examples = [example for songs in folders for example in examples_of(songs, None, 2, rng)]
    chosen = [folders[0][index] for index in rng.permutation(len(folders[0]))[: args.separated]]
    # twice, since it is separated stems that the network will see
    examples += 2 * examples_of(chosen, Separator.load(args.model), 5, rng)
    inputs, right = (np.stack(arrays) for arrays in zip(*examples, strict=True))
    networks = [fit(inputs, right, args.epochs, seed) for seed in range(args.networks)]
    np.savez_compressed(args.out, **joined(networks))
    print(f"{len(examples)} examples, {args.networks} networks: wrote {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
