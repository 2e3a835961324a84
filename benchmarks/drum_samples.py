"""The sampler of drum hits: how near it comes to hits of unheard kits, and what its free samples are worth. Needs the extra train."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from drum_sample_classifier import HitClassifier, frechet_distance
from harness import Table, benchmark_parser, count, machine, publish

from tfsep.contract_drums import CLASSES
from tfsep.creative.drums.phases import with_phases
from tfsep.creative.drums.sampler import DrumSampler
from tfsep.data.drum_shots import HELD_OUT_KITS, DrumShots, training_kits
from tfsep.data.render.material import Material

WINDOWS = (256, 1024, 4096)
FLOOR_DB = 60.0
RATE_HZ = 44_100


def _levels_db(sound: np.ndarray, window: int) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, window // 2), window)[:: window // 4]
    return 20 * np.log10(np.maximum(np.abs(np.fft.rfft(frames * np.hanning(window))), 1e-12))


def spectral_distance_db(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the mean distance of log spectra of three resolutions, where either is within 60 dB of the loudest bin."""
    distances = []
    for window in WINDOWS:
        one, other = _levels_db(wanted, window), _levels_db(found, window)
        floor = one.max() - FLOOR_DB
        there = (one > floor) | (other > floor)
        distances.append(np.abs(np.maximum(one, floor) - np.maximum(other, floor))[there].mean())
    return float(np.mean(distances))


def envelope_error_db(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the mean distance of levels of 5 ms, where either is within 50 dB of the loudest."""
    width = round(0.005 * RATE_HZ)
    levels = []
    for sound in (wanted, found):
        blocks = sound[: len(sound) // width * width].reshape(-1, width)
        levels.append(10 * np.log10(np.mean(blocks**2, axis=1) + 1e-12))
    floor = levels[0].max() - 50
    there = (levels[0] > floor) | (levels[1] > floor)
    return float(np.abs(np.maximum(levels[0], floor) - np.maximum(levels[1], floor))[there].mean())


def pitch_hz(kick: np.ndarray) -> float:
    """Return the strongest frequency from 30 to 250 Hz of a kick's body, 40 to 200 ms."""
    body = kick[round(0.04 * RATE_HZ) : round(0.2 * RATE_HZ)]
    spectrum = np.abs(np.fft.rfft(body * np.hanning(len(body)), 1 << 18))
    low, high = (round(hz / RATE_HZ * (1 << 18)) for hz in (30, 250))
    return (low + int(np.argmax(spectrum[low:high]))) * RATE_HZ / (1 << 18)


def fitted(clip: np.ndarray, samples: int) -> np.ndarray:
    """Return a clip cut or filled with silence to a length, at RMS 1."""
    cut = np.zeros(samples, np.float32)
    cut[: len(clip)] = clip[:samples]
    return cut / max(float(np.sqrt(np.mean(cut**2))), 1e-9)


def damaged(clip: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a hit as a separated stem holds it: another one begins 60 to 300 ms later or earlier, and a hiss 45 dB below."""
    start = int(rng.uniform(0.06, 0.3) * RATE_HZ) * int(rng.choice((-1, 1)))
    beside = np.zeros_like(clip)
    part = other[-start:] if start < 0 else other[: len(clip) - start]
    beside[max(0, start) : max(0, start) + len(part)] = part
    hiss = rng.standard_normal(len(clip)).astype(np.float32) * 10 ** (-45 / 20)
    return clip + 10 ** (rng.uniform(-20, -3) / 20) * beside + hiss * float(np.sqrt(np.mean(clip**2)))


def rebuilt(
    sampler: DrumSampler, real: Sequence[tuple[str, np.ndarray]], known: Sequence[tuple[str, np.ndarray]], seed: int
) -> dict[str, dict[str, float]]:
    """Return the errors of each way to come near hits: the sampler's and the controls."""
    rng, samples = np.random.default_rng(seed), sampler.grid.clip_samples
    grids = [sampler.grid.of_clip(clip) for _, clip in known]
    means = {drum: np.mean([g for g, (of, _) in zip(grids, known, strict=True) if of == drum], axis=0) for drum in CLASSES}
    errors: dict[str, list[tuple[float, float, float]]] = {}
    for drum, clip in real:
        wanted = fitted(clip, samples)
        grid = sampler.grid.of_clip(wanted)
        same = [index for index, (of, _) in enumerate(known) if of == drum]
        nearest = known[min(same, key=lambda index: np.abs(grids[index] - grid).mean())][1]
        spoilt = damaged(wanted, fitted(real[int(rng.integers(len(real)))][1], samples), rng)
        code, spec = sampler.code(wanted, drum), sampler.contract.spec
        mean = with_phases(sampler.grid.magnitudes(means[drum]), sampler.grid.spectrum(wanted), spec, samples)
        made = {
            "sampler, phases of the hit": sampler.clip(code, drum, like=wanted),
            "sampler, phases by iteration": sampler.clip(code, drum),
            "sampler, from the damaged hit": sampler.clip(sampler.code(spoilt, drum), drum, like=spoilt),
            "the damaged hit itself": spoilt,
            "nearest training sample": nearest,
            "mean of the drum, phases of the hit": mean,
        }
        for name, clip_made in made.items():
            found = fitted(clip_made, samples)
            cents = 1200 * abs(np.log2(pitch_hz(found) / pitch_hz(wanted))) if drum == "kick" else np.nan
            errors.setdefault(name, []).append((spectral_distance_db(wanted, found), envelope_error_db(wanted, found), cents))
    return {
        name: {
            "spectral_db": float(np.mean([e[0] for e in each])),
            "envelope_db": float(np.mean([e[1] for e in each])),
            "kick_cents": float(np.nanmedian([e[2] for e in each])),
        }
        for name, each in errors.items()
    }


def diversity_db(grids: np.ndarray, drums: np.ndarray, floor_db: float) -> float:
    """Return the mean distance of two hits of one drum, mean over drums."""
    apart = []
    for drum in np.unique(drums):
        own = grids[drums == drum]
        pairs = [np.abs(own[i] - own[j]).mean() for i in range(len(own)) for j in range(i)]
        apart.append(np.mean(pairs))
    return floor_db * float(np.mean(apart))


def nearest_db(grids: np.ndarray, known: np.ndarray, floor_db: float) -> np.ndarray:
    """Return how far each grid is from the nearest known one."""
    return floor_db * np.array([np.abs(known - grid).mean(axis=(1, 2)).min() for grid in grids])


def free_samples(
    sampler: DrumSampler,
    real: Sequence[tuple[str, np.ndarray]],
    known: Sequence[tuple[str, np.ndarray]],
    varied: Sequence[tuple[str, np.ndarray]],
    count_each: int,
) -> tuple[dict[str, dict[str, float]], float]:
    """Return what the classifier and the grids say of free samples and of real ones, and the Fréchet distance of two real halves.

    Args:
        varied: what the classifier learns from.
    """
    classifier = HitClassifier([clip for _, clip in varied], _labels(varied))
    free = [(drum, sampler.free(drum, seed)) for drum in CLASSES for seed in range(count_each)]
    sets = {"free samples": free, "real, held out": real, "real, learnt from": known}
    seen = {name: classifier([clip for _, clip in hits]) for name, hits in sets.items()}
    grids = {name: np.stack([sampler.grid.of_clip(clip) for _, clip in hits]) for name, hits in sets.items()}
    floor_db = sampler.contract.floor_db
    values = {
        name: {
            "accuracy": float((seen[name][0] == _labels(hits)).mean()),
            "frechet_to_held_out": frechet_distance(seen[name][1], seen["real, held out"][1]),
            "frechet_to_learnt": frechet_distance(seen[name][1], seen["real, learnt from"][1]),
            "diversity_db": diversity_db(grids[name], _labels(hits), floor_db),
            "nearest_learnt_db": float(np.median(nearest_db(grids[name], grids["real, learnt from"], floor_db))),
        }
        for name, hits in sets.items()
    }
    order = np.random.default_rng(0).permutation(len(known))
    halves = np.array_split(seen["real, learnt from"][1][order], 2)
    return values, frechet_distance(*halves)


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--material", type=Path, required=True, metavar="DIR", help="one-shots and their manifest.csv")
    parser.add_argument(
        "--sampler", metavar="DIR", help="folder of encoder.tflite and decoder.tflite (default: the one that ships)"
    )
    parser.add_argument("--what", choices=("rebuilt", "free"), default="rebuilt", help="hits of unheard kits, or free samples")
    parser.add_argument("--free", type=count, default=40, metavar="N", help="free samples of each drum")
    parser.add_argument(
        "--varied", type=count, default=300, metavar="N", help="varied hits of each drum the classifier learns from"
    )
    args = parser.parse_args()
    about, sampler, rng = machine(), DrumSampler.load(args.sampler), np.random.default_rng(0)
    material = Material.load(args.material)
    held_out, learnt = DrumShots(material, HELD_OUT_KITS), DrumShots(material, training_kits(material))
    real, known = (
        [(drum, shots.plain(sample)) for drum in CLASSES for sample in shots.samples[drum]] for shots in (held_out, learnt)
    )
    of_kits = (
        f"{len(real)} one-shots of the kits {', '.join(HELD_OUT_KITS)}; {len(known)} one-shots of other kits to learn from"
    )
    if args.what == "rebuilt":
        values = rebuilt(sampler, real, known, seed=1)
        keys = ("spectral_db", "envelope_db", "kick_cents")
        rows = [(name, *(f"{each[key]:.2f}" for key in keys)) for name, each in values.items()]
        columns = ("rebuilt from", "log-spectral distance dB", "envelope error dB", "kick pitch error, median cents")
        table = Table(title="Hits of unheard kits rebuilt", columns=columns, rows=rows, notes=(of_kits,))
    else:
        varied = [(drum, learnt.varied(drum, rng)) for drum in CLASSES for _ in range(args.varied)]
        values, floor = free_samples(sampler, real, known, varied, args.free)
        rows = [
            (name, f"{each['accuracy']:.1%}", *(f"{each[key]:.2f}" for key in list(each)[1:])) for name, each in values.items()
        ]
        columns = (
            "hits",
            "told right",
            "Fréchet to held out",
            "Fréchet to learnt",
            "two of a drum apart, dB",
            "nearest learnt, dB",
        )
        notes = (
            of_kits,
            f"{args.free} free samples of each drum; Fréchet distance of two halves of those learnt from: {floor:.2f}",
        )
        table = Table(title="Free samples", columns=columns, rows=rows, notes=notes)
    publish(args, table, about, {args.what: values})
    return 0


def _labels(hits: Sequence[tuple[str, np.ndarray]]) -> np.ndarray:
    return np.array([CLASSES.index(drum) for drum, _ in hits])


if __name__ == "__main__":
    sys.exit(main())
