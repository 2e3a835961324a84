"""Songs as `tfsep render` writes them, with a hit of each class in turn and a sound of its own for each."""

import json
from pathlib import Path

import numpy as np

from tfsep.audio import Audio

DRUMS = ("kick", "snare", "closed_hat", "open_hat", "crash", "tom", "percussion")


def toy_hits(seconds: float, seed: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    times_s = np.arange(0.05, seconds - 0.1, 0.11) + rng.uniform(0, 0.02)
    order = rng.permutation(len(times_s)) % len(DRUMS)
    return [
        {"time_s": round(float(time_s), 5), "drum": DRUMS[place], "piece": 0, "velocity": round(float(rng.uniform(0.3, 1)), 3)}
        for time_s, place in zip(times_s, order, strict=True)
    ]


def write_toy_song(folder: Path, *, seconds: float = 2.0, seed: int = 0, rate_hz: int = 44_100, loop: bool = False) -> None:
    """Write `drums.flac`, `mixture.flac` and `song.json`."""
    folder.mkdir(parents=True)
    hits = toy_hits(seconds, seed)
    sound = np.zeros(round(seconds * rate_hz))
    for hit in hits:
        at, t = round(hit["time_s"] * rate_hz), np.arange(round(0.08 * rate_hz)) / rate_hz
        tone = np.sin(2 * np.pi * 90 * 1.7 ** DRUMS.index(hit["drum"]) * t) * np.exp(-40 * t)
        sound[at : at + len(t)] += 0.5 * hit["velocity"] * tone[: len(sound) - at]
    drums = np.repeat(sound[:, None], 2, axis=1).astype(np.float32)
    chord = 0.1 * np.sin(2 * np.pi * 330 * np.arange(len(sound)) / rate_hz)[:, None].astype(np.float32)
    Audio(drums, rate_hz).write(folder / "drums.flac", "pcm_16")
    Audio(drums + chord, rate_hz).write(folder / "mixture.flac", "pcm_16")
    (folder / "song.json").write_text(json.dumps({"hits": hits, "loop": {"file": "x"} if loop else None}))
