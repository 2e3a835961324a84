"""Plot a run's log: loss, validation SDR by song and stem, and a fit that says what more training would bring.

python benchmarks/learning_curve.py runs/first/log.jsonl --out docs/learning_curve.png
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    # A run that was killed logs some steps twice; the later entry is the one that counts.
    entries = list({entry["step"]: entry for entry in map(json.loads, args.log.read_text().splitlines())}.values())
    scored = [entry for entry in entries if "sdr" in entry]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    left.plot([entry["hours"] for entry in entries], [entry["loss"] for entry in entries], color="tab:gray")
    left.set(xlabel="hours of audio", ylabel="training loss", title="loss")
    hours = np.array([entry["hours"] for entry in scored])
    for song in scored[0]["sdr"]:
        for stem, color in zip(
            ("drums", "bass", "other", "vocals"), ("tab:red", "tab:blue", "tab:green", "tab:orange"), strict=True
        ):
            if stem in scored[0]["sdr"][song]:
                values = [entry["sdr"][song][stem] for entry in scored]
                style = "-" if song == next(iter(scored[0]["sdr"])) else "--"
                right.plot(hours, values, style, color=color, label=f"{song} {stem}")
    right.set(xlabel="hours of audio", ylabel="SDR, dB", title="validation")
    right.legend(fontsize=8)
    figure.savefig(args.out, dpi=110)

    # Over the second half of the run: dB gained each time the audio seen doubles.
    half = hours >= hours[-1] / 2
    if half.sum() >= 3:
        slope, _ = np.polyfit(np.log2(hours[half]), [entry["mean_sdr"] for entry in np.array(scored)[half]], 1)
        print(f"{hours[-1]:.1f} h of audio; {slope:.2f} dB mean SDR for each doubling, over the second half of the run")


if __name__ == "__main__":
    main()
