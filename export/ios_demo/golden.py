"""Golden vectors: what each stage of a separation must give, so that an app's own code can be checked stage by stage.

`model`: a moment of the first clip through the trained model, with its own geometry, in one short chunk. `seams`: seeded music and
masks in a tiny geometry, several chunks of it and a last one that is short, which shows how chunks join; `seams-complex`: the same with
complex masks. `live` and `genre` are of other kinds of models, see `golden_live` and `golden_genre`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.contract import SPECTROGRAM, ModelContract
from tfsep.contract_genre import GENRE
from tfsep.dsp.stft import stft
from tfsep.separation.runtime import Runtime
from tfsep.separation.runtime_contract import Contract
from tfsep.separation.separator import Separator
from tfsep.spec import SpectrogramSpec

from ..parity import distance_db
from ..signals import music

GOLDEN_FILE = "golden.json"
GOLDEN_VERSION = 1
MODEL_HOPS = 8  # samples of the set `model`, in hops: enough for frames that lie wholly inside
SEAMS_SPEC = SpectrogramSpec(window_samples=128, hop_samples=32, frames=12)
SEAMS_OVERLAP_FRAMES, SEAMS_SAMPLES = 4, 1010
# What an implementation in float32 may differ at most; the one in plain Swift stays below a quarter of it.
TOLERANCES = {"stft": 1e-6, "features": 1e-3, "stems": 1e-6}
MARGIN_DB = 6.0  # that another device's rounding may add to a file's distance from Keras


@dataclass
class Recorder:
    """A runtime that remembers what it was asked and what it answered."""

    runtime: Runtime
    features: list[np.ndarray] = field(default_factory=list)
    masks: list[dict[str, np.ndarray]] = field(default_factory=list)
    workers: int = 1  # so that chunks come in order

    @property
    def contract(self) -> ModelContract:
        """Of the model."""
        return self.runtime.contract

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the model's masks."""
        masks = self.runtime.predict(features)
        self.features.append(features)
        self.masks.append({stem: mask.copy() for stem, mask in masks.items()})
        return masks


class SeededMasks:
    """No model: masks of noise, the same for each run."""

    workers = 1

    def __init__(self, contract: ModelContract) -> None:
        self.contract = contract
        self._rng = np.random.default_rng(0)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return masks whose real parts sum to one over the stems, the imaginary parts of complex ones to zero."""
        shape = (len(self.contract.stems), *self.contract.output_shape[1:])
        shares = self._rng.exponential(1.0, shape).astype(np.float32)
        shares /= shares.sum(axis=0)
        shares[..., self.contract.spec.channels :] -= 1 / len(self.contract.stems)
        return dict(zip(self.contract.stems, shares, strict=True))


@dataclass(frozen=True, eq=False)
class GoldenSet:
    """One run of a separation with all that passed through it.

    Attributes:
        arrays: by name, float32: input `(samples, channels)`, stft `(frames, bins, channels, 2)`, features `(frames, model_bins,
            input channels)`, masks `(chunks, stems, frames, model_bins, mask channels)`, stems `(stems, samples, channels)`; others of
            other kinds of models, see `AXES`.
    """

    contract: Contract
    what: str
    arrays: dict[str, np.ndarray]


def run_set(runtime: Runtime, sound: np.ndarray, what: str) -> GoldenSet:
    """Separate float32 `(samples, channels)` at the model's rate and channels, and keep every stage."""
    recorder = Recorder(runtime)
    contract = recorder.contract
    spec = contract.spec
    stems = _separated(recorder, sound)
    spectra = stft(sound, spec)
    longest = min(spec.frames, len(spectra))
    seen = np.concatenate([recorder.features[0], *(chunk[contract.overlap_frames :] for chunk in recorder.features[1:])])
    masks = [np.stack([masks[stem][:longest] for stem in contract.stems]) for masks in recorder.masks]
    arrays = {
        "input": sound,
        "stft": parts(spectra),
        "features": seen[: len(spectra)],  # the last chunk is filled up with silence
        "masks": np.stack(masks),
        "stems": stems,
    }
    return GoldenSet(contract, what, arrays)


def parts(spectra: np.ndarray) -> np.ndarray:
    """Return complex values as real and imaginary parts along a new last axis."""
    return np.stack([spectra.real, spectra.imag], axis=-1)


def loudest(clip: np.ndarray, spec: SpectrogramSpec, samples: int) -> tuple[np.ndarray, str]:
    """Return so many samples of a clip `(samples, channels)`, with the spectrogram's channels, and where they are."""
    sound = (
        clip.mean(axis=1, keepdims=True)
        if clip.shape[1] > spec.channels
        else np.repeat(clip, spec.channels // clip.shape[1], 1)
    )
    energies = np.array(
        [np.sum(np.square(sound[at : at + samples])) for at in range(0, len(sound) - samples + 1, spec.hop_samples)]
    )
    start = int(np.argmax(energies)) * spec.hop_samples if len(energies) else 0
    return sound[start : start + samples], f"samples {start} to {start + samples}"


def model_set(runtime: Runtime, clip: np.ndarray, source: str) -> GoldenSet:
    """Return the set of the trained model on the loudest moment of a clip `(samples, channels)`."""
    spec = runtime.contract.spec
    sound, where = loudest(clip, spec, MODEL_HOPS * spec.hop_samples)
    return run_set(runtime, sound, f"{where} of {source}, through Keras in float32")


def seams_set(mask: str = "real") -> GoldenSet:
    """Return the set without a model, with masks of a kind of `ModelContract.mask`."""
    contract = ModelContract(
        spec=SEAMS_SPEC,
        stems=("drums", "bass", "other", "vocals"),
        overlap_frames=SEAMS_OVERLAP_FRAMES,
        name="seams",
        mask=mask,
    )
    sound = sum(music(SEAMS_SAMPLES, SEAMS_SPEC).values())
    return run_set(SeededMasks(contract), sound, "seeded music and seeded masks, no model; not for listening")


def compare(golden: GoldenSet, runtime: Runtime) -> dict[str, float]:
    """Return how far a file's masks and stems are from the set's, in dB."""
    recorder, names = Recorder(runtime), golden.contract.stems
    stems = _separated(recorder, golden.arrays["input"])
    wanted = golden.arrays["masks"]
    found = np.stack([np.stack([masks[stem][: wanted.shape[2]] for stem in names]) for masks in recorder.masks])
    return {
        name: distance_db(dict(enumerate(one)), dict(enumerate(other)), range(len(names)))
        for name, one, other in (
            ("masks", found.swapaxes(0, 1), wanted.swapaxes(0, 1)),
            ("stems", stems, golden.arrays["stems"]),
        )
    }


def _separated(recorder: Recorder, sound: np.ndarray) -> np.ndarray:
    """Return `(stems, samples, channels)`."""
    spec, names = recorder.contract.spec, recorder.contract.stems
    blocks = list(Separator(recorder).stream([sound], sample_rate_hz=spec.sample_rate_hz, channels=sound.shape[1]))
    return np.stack([np.concatenate([block.stems[name] for block in blocks]) for name in names])


AXES = {
    "input": ["samples", "channels"],
    "stft": ["frames", "bins", "channels", "real and imaginary"],
    "features": ["frames", "model_bins", "input channels"],
    "masks": ["chunks", "stems", "frames", "model_bins", "mask channels"],
    "stems": ["stems", "samples", "channels"],
    "states": ["values"],
    "log_mel": ["frames", "mel bands", "channels"],
    "logits": ["families"],
}


def _units(contract: Contract) -> dict[str, str]:
    told = contract.to_json()
    if contract.kind == GENRE:
        return {
            "input": "full scale 1, mono; silence up to the length of an excerpt",
            "log_mel": "log1p(feature_gain * mean magnitude of the band), the input brought to level_rms before",
            "logits": told["tensors"]["output"],
        }
    return {
        "input": "full scale 1",
        "stft": "a full-scale sine on a bin has magnitude 1",
        "features": told["transform"]["features"],
        "masks": f"{told['tensors']['output']}; frames after a chunk's last are unused",
        "stems": "full scale 1; they sum to the input",
        "states": "what the last chunk leaves, one state after the other in the order of the contract; the first chunk has zeros",
    }


def write_golden(
    folder: Path, sets: Mapping[str, GoldenSet], distances: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> list[str]:
    """Write `golden/`: raw float32 files and a description of them.

    Args:
        folder: that holds all of the demo.
        distances: by set and by path of a model in `folder`, what `compare` found.
    Returns: the paths written, relative to `folder`.
    """
    described: dict[str, Any] = {}
    written = []
    for name, golden in sets.items():
        (folder / "golden" / name).mkdir(parents=True)
        arrays, units = {}, _units(golden.contract)
        for array, values in golden.arrays.items():
            path = f"golden/{name}/{array}.f32"
            (folder / path).write_bytes(values.astype("<f4").tobytes())
            written.append(path)
            about = {"shape": list(values.shape), "axes": AXES[array], "unit": units[array]}
            arrays[array] = {"file": f"{name}/{array}.f32", **about}
            if array in TOLERANCES:
                arrays[array]["tolerance"] = TOLERANCES[array]
        described[name] = {"what": golden.what, "arrays": arrays, "contract": golden.contract.to_json()}
        if name in distances:
            described[name]["files"] = {path: _told(found) for path, found in distances[name].items()}
    others = [name for name, golden in sets.items() if golden.contract.kind != SPECTROGRAM]  # whose readers are others too
    index = {
        "golden_version": GOLDEN_VERSION,
        "format": "float32, little-endian, no header, the last axis fastest",
        "tolerance": "largest absolute difference that an implementation in float32 may have, given the stage before as it is here; "
        "stems from the masks as they are here",
        "files": "10 log10 of the energy of masks, stems or logits over that of the file's distance from them, measured "
        f"here, and {MARGIN_DB:g} dB less as the floor for other devices",
        "sets": {name: about for name, about in described.items() if name not in others},
        **{name: described[name] for name in others},
    }
    (folder / "golden" / GOLDEN_FILE).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return [f"golden/{GOLDEN_FILE}", *written]


def _told(found: Mapping[str, float]) -> dict[str, float]:
    return {
        f"{what}_{kind}": round(value, 1)
        for what, db in found.items()
        for kind, value in (("db", db), ("floor_db", max(0.0, db - MARGIN_DB)))
    }


def read_set(folder: Path, name: str) -> tuple[ModelContract, dict[str, np.ndarray]]:
    """Return a set's contract and arrays from a `golden` folder."""
    described = json.loads((folder / GOLDEN_FILE).read_text(encoding="utf-8"))["sets"][name]
    contract = ModelContract.from_bytes(json.dumps(described["contract"]).encode(), str(folder / GOLDEN_FILE))
    arrays: dict[str, np.ndarray] = {}
    for array, about in described["arrays"].items():
        arrays[array] = np.fromfile(folder / about["file"], "<f4").reshape(about["shape"])
    return contract, arrays


def sets_of(runtime: Runtime, clip: np.ndarray, source: str) -> dict[str, GoldenSet]:
    """Return all sets by name."""
    return {"model": model_set(runtime, clip, source), "seams": seams_set(), "seams-complex": seams_set("complex")}
