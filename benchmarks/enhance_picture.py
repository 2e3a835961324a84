"""Draw the picture of docs/enhance.md: spectrograms of an excerpt, of what a codec or filter left of it, and of that restored.

python benchmarks/enhance_picture.py SONG --start 60 --kind mp3 --amount 64000 --out docs/enhance.png
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from tfsep.audio import Audio
from tfsep.creative.enhance import Enhancer
from tfsep.creative.enhance.degrade import Degradation
from tfsep.dsp.stft import stft

FLOOR_DB = -95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("song", type=Path, nargs="+", help="files that are summed, such as a song's stems")
    parser.add_argument("--network", default="enhance")
    parser.add_argument("--start", type=float, default=60.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--kind", default="mp3", help="as of Degradation")
    parser.add_argument("--amount", type=float, default=64_000.0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    enhancer = Enhancer.load(args.network)
    spec = enhancer.contract.spec
    parts = [Audio.read(path, sample_rate_hz=spec.sample_rate_hz, channels=2).samples for path in args.song]
    first, last = (int(spec.sample_rate_hz * second) for second in (args.start, args.start + args.seconds))
    sound = np.sum([part[first:last] for part in parts], axis=0)
    narrow = Audio(Degradation(args.kind, args.amount).apply(sound, spec.sample_rate_hz), spec.sample_rate_hz)
    panels = {
        "recording": sound,
        f"{args.kind}, {args.amount / 1000:g} k{'Hz' if args.amount < 30_000 else 'b/s'}": narrow.samples,
        "restored": enhancer.enhance(narrow).samples,
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(11, 3.2), sharey=True, layout="constrained")
    for axis, (name, samples) in zip(axes, panels.items(), strict=True):
        magnitude = np.abs(stft(samples, spec)).mean(axis=2)[::2].T
        axis.imshow(
            20 * np.log10(magnitude + 1e-6),
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=FLOOR_DB,
            vmax=-25,
            extent=(0, args.seconds, 0, spec.sample_rate_hz / 2000),
        )
        axis.set_title(name, fontsize=11)
        axis.set_xlabel("s", fontsize=9)
        axis.tick_params(labelsize=8)
    axes[0].set_ylabel("kHz", fontsize=9)
    figure.savefig(args.out, dpi=80)


if __name__ == "__main__":
    main()
