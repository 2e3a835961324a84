"""The AAC of stem files: how near each way of coding comes to the original at 256 kb/s, and its processor time."""

import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from harness import Table, benchmark_parser, machine, positive, publish

from tfsep.audio import Audio
from tfsep.audio.encode import EncodedStream
from tfsep.audio.stems import AAC_BIT_RATE, AAC_OPTIONS

CODERS = {
    "libav's default (twoloop)": {},
    "twoloop, no noise substitution, no intensity stereo": {"aac_pns": "0", "aac_is": "0"},
    "fast": {"aac_coder": "fast"},
    "fast, no noise substitution, no intensity stereo": AAC_OPTIONS,  # what stem files have
}
BANDS_HZ = (0, 500, 2000, 5000, 10_000, 16_000)
WINDOW = 2048
ACTIVE = 1e-4  # frames of a band with less than this part of its mean power say nothing about the coder
_TINY = 1e-12


def main() -> int:
    parser = benchmark_parser(__doc__, model=False)
    parser.add_argument("--seconds", type=positive, default=16.0, metavar="S", help="of each file, from its start")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="mixtures or stems")
    args = parser.parse_args()
    about = machine()
    results: dict[str, list[dict[str, float]]] = {coder: [] for coder in CODERS}
    for path in args.files:
        song = Audio.read(path, channels=2)
        rate_hz = song.sample_rate_hz
        samples = song.samples[: round(args.seconds * rate_hz)]
        for coder, options in CODERS.items():
            results[coder].append(measured(samples, rate_hz, options))
    names = list(results[next(iter(CODERS))][0])
    table = Table(
        title="AAC at 256 kb/s",
        columns=("coder", *names),
        rows=[
            (coder, *(f"{np.nanmean([score[name] for score in scores]):.1f}" for name in names))
            for coder, scores in results.items()
        ],
        notes=(
            f"Mean of {len(args.files)} files, {args.seconds:g} s of each.",
            "SNR: signal to coding noise in dB, of the whole file; in bands, the median of the frames.",
        ),
    )
    publish(args, table, about, {"files": [path.name for path in args.files], "scores": results})
    return 0


def measured(samples: np.ndarray, rate_hz: int, options: dict[str, str]) -> dict[str, float]:
    """Return speed and signal-to-noise ratios of one way of coding float32 `(samples, 2)`."""
    import av

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coded.m4a"
        start_s = time.process_time()
        with av.open(str(path), "w", format="ipod", options={"movie_timescale": str(rate_hz)}) as container:
            stream = EncodedStream(
                container,
                "aac",
                sample_rate_hz=rate_hz,
                channels=2,
                sample_format="fltp",
                bit_rate=AAC_BIT_RATE,
                options=options,
            )
            for packet in (*stream.encode(samples), *stream.flush()):
                container.mux(packet)
        spent_s = time.process_time() - start_s
        decoded = Audio.read(path).samples
        size = path.stat().st_size
    noise = decoded - samples
    duration_s = len(samples) / rate_hz
    scores = {
        "times real time": duration_s / spent_s,
        "kb/s": size * 8 / duration_s / 1000,
        "SNR": _ratio_db(np.square(samples).sum(), np.square(noise).sum()),
    }
    power, noise_power = _frame_powers(samples, rate_hz), _frame_powers(noise, rate_hz)
    for band, (low_hz, high_hz) in enumerate(pairwise(BANDS_HZ)):
        active = power[band] > ACTIVE * power[band].mean()
        ratios_db = _ratio_db(power[band][active], noise_power[band][active])
        scores[f"{low_hz / 1000:g} to {high_hz / 1000:g} kHz"] = float(np.median(ratios_db)) if active.any() else np.nan
    return scores


def _ratio_db(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return 10 * np.log10((signal + _TINY) / (noise + _TINY))


def _frame_powers(samples: np.ndarray, rate_hz: int) -> list[np.ndarray]:
    """Return for each of the bands the power of all frames, `(channels, frames)`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=0)[:: WINDOW // 2]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(WINDOW))))
    at_hz = np.fft.rfftfreq(WINDOW, 1 / rate_hz)
    bands = [(at_hz >= low) & (at_hz < high) for low, high in pairwise(BANDS_HZ)]
    return [power[..., band].sum(axis=-1).T for band in bands]


if __name__ == "__main__":
    sys.exit(main())
