"""Sound that every exported file is tried on: seeded music whose stems are known, silence, noise, full scale."""

from dataclasses import dataclass

import numpy as np

from tfsep.contract import WAVEFORM, ModelContract, residual_stem
from tfsep.contract_drum_sampler import DRUM_SAMPLER, DrumSamplerContract
from tfsep.contract_drums import DRUM_HITS, DrumContract
from tfsep.contract_enhance import ENHANCE, EnhanceContract
from tfsep.contract_genre import GENRE, GenreContract
from tfsep.contract_live import LIVE
from tfsep.dsp.drum_mel import DrumMel
from tfsep.dsp.genre_excerpts import GenreInput
from tfsep.dsp.hit_grid import HitGrid
from tfsep.dsp.replication import network_input
from tfsep.dsp.stft import features, stft
from tfsep.separation.runtime_contract import Contract
from tfsep.spec import SpectrogramSpec

BEAT_S = 0.5
STREAM_FRAMES = 64
ROOTS_HZ = (55.0, 65.41, 49.0, 73.42)  # A, C, G, D, a beat each


@dataclass(frozen=True, eq=False)
class Trial:
    """One input of a model.

    Attributes:
        name: what it is.
        tensor: the input, float32, without the batch axis.
        mixture: complex `(frames, model_bins, channels)` of a spectrogram trial, float `(samples, channels)` of a waveform trial.
        stems: by name, as `mixture`; None where there are none.
    """

    name: str
    tensor: np.ndarray
    mixture: np.ndarray
    stems: dict[str, np.ndarray] | None = None


def trials(contract: Contract) -> list[Trial]:
    """Return a chunk each of music, silence, noise, and music clipped at full scale; the same each time.

    For a causal generator it is as long as its means of the past need to fill.
    """
    if contract.kind == GENRE:
        return _genre_trials(contract)
    if contract.kind == DRUM_HITS:
        return _drum_trials(contract)
    if contract.kind == ENHANCE:
        return _enhance_trials(contract)
    if contract.kind == DRUM_SAMPLER:
        return _sampler_trials(contract)
    if contract.kind == LIVE:
        contract = contract.in_chunks(STREAM_FRAMES)
    spec = contract.spec
    samples = contract.chunk_samples if contract.kind == WAVEFORM else spec.frames * spec.hop_samples
    parts = music(samples, spec)
    song = sum(parts.values())
    stems = {stem: np.zeros_like(song) for stem in contract.stems}
    for name, part in parts.items():
        stems[name if name in stems else residual_stem(contract.stems)] += part
    sounds = _sounds(song)
    return [_trial(name, sound, contract, stems if name == "music" else None) for name, sound in sounds.items()]


def _sounds(song: np.ndarray) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(1).normal(0, 0.1, song.shape).astype(np.float32)
    loud = np.clip(4 * song / np.abs(song).max(), -1, 1)
    return {"music": song, "silence": np.zeros_like(song), "noise": noise, "full scale": loud}


def _genre_trials(contract: GenreContract) -> list[Trial]:
    hear = GenreInput(contract).log_mel
    silence = np.zeros(contract.input_shape[1:], np.float32)  # which no song is judged by, but the file must bear
    sounds = _sounds(sum(music(contract.excerpt_samples, contract.spec).values()))
    return [Trial(name, silence if name == "silence" else hear(sound), sound) for name, sound in sounds.items()]


def _drum_trials(contract: DrumContract) -> list[Trial]:
    sounds = _sounds(sum(music(contract.spec.frames * contract.spec.hop_samples, contract.spec).values()))
    heard = {name: DrumMel(contract).push(sound) for name, sound in sounds.items()}
    tensors = {
        name: np.pad(mel, ((0, contract.spec.frames - len(mel)), (0, 0)))[..., np.newaxis] for name, mel in heard.items()
    }
    return [Trial(name, tensors[name], sound) for name, sound in sounds.items()]


def _sampler_trials(contract: DrumSamplerContract) -> list[Trial]:
    if contract.part == "decoder":
        rng, drums = np.random.default_rng(0), np.eye(len(contract.drums), dtype=np.float32)
        codes = {drum: rng.standard_normal(contract.code, np.float32) for drum in contract.drums}
        tensors = {drum: np.concatenate([code, drums[row]]) for row, (drum, code) in enumerate(codes.items())}
        return [Trial(drum, tensor, tensor) for drum, tensor in tensors.items()]
    grid = HitGrid(contract)
    sounds = _sounds(music(grid.clip_samples, contract.spec)["drums"])
    return [Trial(name, grid.of_clip(sound[:, 0])[..., np.newaxis], sound) for name, sound in sounds.items()]


def _enhance_trials(contract: EnhanceContract) -> list[Trial]:
    spec = contract.spec
    first_bin = contract.first_bin((contract.lowest_cutoff_hz + contract.highest_cutoff_hz) / 2)
    sounds = _sounds(sum(music(spec.frames * spec.hop_samples, spec).values()))
    spectra = {name: stft(sound, spec)[: spec.frames] for name, sound in sounds.items()}
    tensors = {name: network_input(features(each, spec)[..., 0], first_bin, spec) for name, each in spectra.items()}
    return [Trial(name, tensors[name], sound) for name, sound in sounds.items()]


def _trial(name: str, sound: np.ndarray, contract: ModelContract, stems: dict[str, np.ndarray] | None = None) -> Trial:
    if contract.kind == WAVEFORM:
        return Trial(name, sound, sound, stems)
    spec = contract.spec

    def spectra(signal: np.ndarray) -> np.ndarray:
        return stft(signal, spec)[: spec.frames]

    mixture = spectra(sound)
    cut = {stem: spectra(part)[:, : spec.model_bins] for stem, part in stems.items()} if stems else None
    return Trial(name, features(mixture, spec, contract.mask), mixture[:, : spec.model_bins], cut)


def music(samples: int, spec: SpectrogramSpec) -> dict[str, np.ndarray]:
    """Return drums, bass, other and vocals, float32 `(samples, channels)` each, their sum below full scale; seeded."""
    rng = np.random.default_rng(0)
    time_s = np.arange(samples) / spec.sample_rate_hz
    beat_s = time_s % BEAT_S
    root_hz = np.asarray(ROOTS_HZ)[(time_s / BEAT_S).astype(int) % len(ROOTS_HZ)]
    off_s = (time_s + BEAT_S / 2) % BEAT_S
    kick = np.sin(2 * np.pi * (50 * beat_s + 4 * (1 - np.exp(-30 * beat_s)))) * np.exp(-8 * beat_s)
    hat = rng.normal(0, 0.3, samples) * np.exp(-60 * off_s)
    bass = _harmonics(root_hz, 6, spec) * np.exp(-2 * beat_s)
    chord = sum(_harmonics(root_hz * ratio, 8, spec) for ratio in (4.0, 4.76, 6.0))
    voice_hz = 330 * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * time_s))
    vocals = _harmonics(voice_hz, 14, spec) * np.clip(np.sin(2 * np.pi * time_s / 1.7), 0, 1)
    pans = {"drums": 0.0, "bass": 0.0, "other": 0.4, "vocals": -0.2}
    parts = {"drums": kick + hat, "bass": bass, "other": 0.4 * chord, "vocals": vocals}
    result = {}
    for name, part in parts.items():
        gains = np.array([1.0]) if spec.channels == 1 else np.array([1 - pans[name], 1 + pans[name]])
        result[name] = 0.12 * part[:, np.newaxis] * gains
    peak = max(1.0, float(np.abs(sum(result.values())).max()) / 0.9)
    return {name: (part / peak).astype(np.float32) for name, part in result.items()}


def _harmonics(pitch_hz: np.ndarray, count: int, spec: SpectrogramSpec) -> np.ndarray:
    """Return a tone of `count` harmonics that fall off as 1 / k, those above the band left out."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / spec.sample_rate_hz
    highest_hz = 0.45 * spec.sample_rate_hz
    return sum(np.sin(k * phase) / k * (k * pitch_hz < highest_hz) for k in range(1, count + 1))
