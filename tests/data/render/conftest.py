"""A tiny material folder of seeded sounds, and a score that plays on it."""

import csv

import numpy as np
import pytest
import soundfile

from tfsep.data.render.score import DrumHit, Note, Part, Score

RATE = 44100


def decaying(frequency_hz: float, seconds: float, decay_s: float, noise: float, seed: int) -> np.ndarray:
    """A tone and noise that die away: float32 `(samples,)`."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(seed)
    sound = np.sin(2 * np.pi * frequency_hz * time_s + 0.5) + noise * rng.standard_normal(len(time_s))
    return (0.4 * sound * np.exp(-time_s / decay_s)).astype(np.float32)


SOUNDS = {
    "drums/kick/kit/kick_1.wav": (60, 0.3, 0.06, 0.05),
    "drums/snare/kit/snare_1.wav": (190, 0.3, 0.05, 1.0),
    "drums/snare/kit/snare_2.wav": (195, 0.3, 0.05, 1.0),
    "drums/hat/kit/hat-closed.wav": (8000, 0.1, 0.02, 2.0),
    "drums/hat/kit/hat-open.wav": (8000, 0.8, 0.25, 2.0),
    "drums/cymbal/kit/crash.wav": (5000, 1.0, 0.4, 3.0),
    "bass/plain/m033.wav": (55.0, 1.5, 0.8, 0.0),
    "bass/plain/m040.wav": (82.41, 1.5, 0.8, 0.0),
    "bass/plain/m045.wav": (110.0, 1.5, 0.8, 0.0),
    "other/piano/upright/m057.wav": (220.0, 1.5, 0.8, 0.0),
    "other/piano/upright/m064.wav": (329.63, 1.5, 0.8, 0.0),
    "other/piano/upright/m069.wav": (440.0, 1.5, 0.8, 0.0),
    "vocals/vowels/choir/male_aa_A3.wav": (220.0, 1.5, 1.5, 0.01),
}


def write_manifest(folder, rows):
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "role", "licence", "attribution", "licence_confidence"])
        writer.writerows(rows)


@pytest.fixture
def material_folder(tmp_path):
    folder = tmp_path / "material"
    rows = []
    for seed, (path, (frequency_hz, seconds, decay_s, noise)) in enumerate(SOUNDS.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / path, decaying(frequency_hz, seconds, decay_s, noise, seed), RATE)
        role = path.split("/")[0] if path.startswith("bass") else "/".join(path.split("/")[:2])
        rows.append([path, role, "CC0-1.0", "nobody", "A"])
    write_manifest(folder, rows)
    return folder


@pytest.fixture
def score():
    """Three seconds at 120 beats a minute: drums, bass, piano; no vocals."""
    beats_s = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
    hits = [DrumHit(time_s=t + 0.003, drum="snare" if i % 2 else "kick", velocity=0.9) for i, t in enumerate(beats_s)]
    hits += [DrumHit(time_s=t + 0.25, drum="open_hat" if t == 1.0 else "closed_hat", velocity=0.6) for t in beats_s]
    bass = tuple(Note(time_s=t, duration_s=0.4, midi=33, velocity=0.8) for t in beats_s)
    chord = tuple(Note(time_s=t, duration_s=0.9, midi=m, velocity=0.6) for t in (0.0, 1.0, 2.0) for m in (57, 60, 64))
    return Score(
        genre="house",
        tempo_bpm=120.0,
        key=9,
        mode="minor",
        swing=0.5,
        duration_s=3.0,
        beats_s=beats_s,
        downbeats_s=(0.0, 2.0),
        drum_hits=tuple(hits),
        parts=(Part(stem="bass", sound="electric", notes=bass), Part(stem="other", sound="piano", notes=chord, role="comp")),
    )
