"""Small songs that sound a little like songs, and contributions made of them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tfsep.audio import Audio
from tfsep.data.catalogue.checks import Limits

RATE_HZ = 44_100
SECONDS = 4.0
LIMITS = Limits(shortest_s=2.0)
STEMS = ("bass", "drums", "other", "vocals")


def make_stems(seed: int, seconds: float = SECONDS) -> dict[str, np.ndarray]:
    """Return stems, float32 `(samples, 1)` on a 16-bit grid: hits of noise, low notes, chords, a singing line."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE_HZ)
    time_s = np.arange(samples) / RATE_HZ
    stems = {stem: np.zeros(samples) for stem in STEMS}
    for start_s in np.sort(rng.uniform(0, seconds, round(5 * seconds))):
        at = int(start_s * RATE_HZ)
        length = min(samples - at, RATE_HZ // 6)
        stems["drums"][at : at + length] += rng.normal(size=length) * np.exp(-40 * time_s[:length])
    steps = np.sort(rng.uniform(0, seconds, round(2 * seconds)))
    for start_s, end_s in zip(steps, [*steps[1:], seconds], strict=True):
        part = slice(int(start_s * RATE_HZ), int(end_s * RATE_HZ))
        t = time_s[part] - start_s
        envelope = np.minimum(1, t / 0.03) * np.minimum(1, (end_s - start_s - t) / 0.03) * np.exp(-2 * t)
        hz = 55 * 2 ** (rng.integers(12) / 12)
        stems["bass"][part] = envelope * sum(np.sin(2 * np.pi * hz * k * t) / k**2 for k in range(1, 12))
        for note in rng.choice(24, 3, replace=False):
            hz = 262 * 2 ** (note / 12)
            stems["other"][part] += envelope * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6)) / 3
        hz = 330 * 2 ** (rng.integers(12) / 12)
        phase = 2 * np.pi * hz * t + 3 * np.sin(2 * np.pi * 5.5 * t)
        stems["vocals"][part] = envelope * sum(np.sin(k * phase + k) / k for k in range(1, 9))
    return {stem: (np.rint(x / np.abs(x).max() * 0.2 * 32768) / 32768).astype(np.float32)[:, None] for stem, x in stems.items()}


def song_note(number: int = 0, **changes: str) -> dict[str, str]:
    return {"title": f"Song {number}", "artist": "The Tests", "genre": "House", "source": "own session"} | changes


def description(*folders: str, **changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "format": 1,
        "contributor": "Ann Onymous",
        "licence": "CC-BY-4.0",
        "rights": "I wrote, played and recorded all of it myself.",
        "songs": {folder: song_note(number) for number, folder in enumerate(folders)},
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def write_song(folder: Path, stems: dict[str, np.ndarray], *, mixture: np.ndarray | None = None, suffix: str = ".wav") -> None:
    """Write stems and their sum, or another mixture."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = stems | {"mixture": sum(stems.values()) if mixture is None else mixture}
    for part, samples in parts.items():
        Audio(samples.astype(np.float32), RATE_HZ).write(folder / f"{part}{suffix}")


@pytest.fixture(scope="session")
def stems_of() -> list[dict[str, np.ndarray]]:
    """Stems of three songs, float32 `(samples, 1)`."""
    return [make_stems(seed) for seed in range(3)]


@pytest.fixture(scope="session")
def limits() -> Limits:
    return LIMITS


@pytest.fixture
def describe() -> Callable[..., dict[str, object]]:
    """Return a function that gives the content of a `contribution.json` for folders; None as a value leaves a field out."""
    return description


@pytest.fixture
def save_song() -> Callable[..., None]:
    return write_song


@pytest.fixture(scope="session")
def write_contribution(stems_of) -> Callable[..., Path]:
    """Return a function that writes a contribution of songs of the given seeds, "a", "b" ..."""

    def make(folder: Path, songs: tuple[int, ...] = (0,), suffix: str = ".wav", **changes: object) -> Path:
        names = "abc"[: len(songs)]
        for name, seed in zip(names, songs, strict=True):
            write_song(folder / name, stems_of[seed], suffix=suffix)
        (folder / "contribution.json").write_text(json.dumps(description(*names, **changes)))
        return folder

    return make


@pytest.fixture
def contribute(tmp_path, write_contribution) -> Callable[..., Path]:
    """Return a function that does so in the test's own folder."""
    return lambda name="sent", *args, **options: write_contribution(tmp_path / name, *args, **options)


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes]]:
    return files_below


def files_below(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
