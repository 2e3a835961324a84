"""Draw the README's picture: log spectrograms of an excerpt and of the stems that a model makes of it.

python benchmarks/separation_picture.py SONG --start 60 --seconds 10 --out docs/separation.png
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tfsep import Separator
from tfsep.audio import Audio
from tfsep.dsp.stft import stft
from tfsep.spec import SpectrogramSpec

FLOOR_DB = -75


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--start", type=float, default=60.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    separator = Separator.load(args.model)
    spec = SpectrogramSpec(window_samples=2048, hop_samples=512)
    song = Audio.read(args.song, sample_rate_hz=spec.sample_rate_hz, channels=2)
    first, last = (int(spec.sample_rate_hz * second) for second in (args.start, args.start + args.seconds))
    panels = {"song": song} | separator.separate(song)

    figure, axes = plt.subplots(1, len(panels), figsize=(13, 3.2), sharey=True, layout="constrained")
    frequencies = np.geomspace(40, 20_000, 400)
    rows = np.rint(frequencies * spec.window_samples / spec.sample_rate_hz).astype(int)
    for axis, (name, audio) in zip(axes, panels.items(), strict=True):
        magnitude = np.abs(stft(audio.samples[first:last], spec)).mean(axis=2)[:, rows].T
        axis.imshow(
            20 * np.log10(magnitude + 1e-6),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=FLOOR_DB,
            vmax=-15,
            extent=(0, args.seconds, 0, len(rows)),
        )
        axis.set_title(name, fontsize=11)
        axis.set_xlabel("s", fontsize=9)
        axis.tick_params(labelsize=8)
    ticks = [50, 200, 1000, 5000, 15_000]
    axes[0].set_yticks([int(np.searchsorted(frequencies, tick)) for tick in ticks], [f"{tick:,}" for tick in ticks])
    axes[0].set_ylabel("Hz", fontsize=9)
    figure.savefig(args.out, dpi=110)


if __name__ == "__main__":
    main()
