"""What a model file promises to whoever runs it: tensors, spectrogram, stems, chunking."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSIONS = {"real": 1, "complex": 2}  # by kind of mask: programs that know real ones alone read version 1
RESIDUAL_STEMS = ("other", "accompaniment")
SPECTROGRAM, WAVEFORM = "spectrogram", "waveform"
_FEATURES = {
    "real": "log1p(feature_gain * magnitude)",
    "complex": "log1p(feature_gain * magnitude) of each channel, then of each channel the real part of that times X / |X|, then of "
    "each the imaginary part; 0 where X is 0",
}
_MASKS = {
    "real": "mask in [0, 1], the stems' masks sum to 1",
    "complex": "complex mask, of each channel the real part, then of each the imaginary part; the stems' masks sum to 1 + 0i",
}


def residual_stem(stems: Sequence[str]) -> str:
    """Return the stem that takes what no other stem claims: `other` or `accompaniment` if there is one, else the last."""
    return next((stem for stem in RESIDUAL_STEMS if stem in stems), stems[-1])


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """The promise of one exported generator, kept inside the file and as JSON beside it.

    Of kind "spectrogram": input float32 `(1, spec.frames, spec.model_bins, input channels)`; for each stem a float32 mask in a
    tensor with the stem's name, `(1, spec.frames, spec.model_bins, mask channels)`. Masks sum to one over the stems.

    - Real masks, in [0, 1]: the input is `log1p(feature_gain * magnitude)` of the mixture, input and masks have `spec.channels`.
    - Complex masks: the input has three times as many channels, those of real masks and then the real and the imaginary parts of
      `log1p(feature_gain * magnitude) * X / |X|`, 0 where X is. Masks have `2 * spec.channels`, real and then imaginary parts.

    Of kind "waveform": input float32 `(1, chunk_samples, spec.channels)`, full scale 1; for each stem its sound, of that shape.
    The stems sum to the mixture. Transform and inverse are in the file.

    Raises: ValueError from a field out of range.
    """

    spec: SpectrogramSpec
    stems: tuple[str, ...]
    input_name: str = "features"
    overlap_frames: int = 16  # neighbouring chunks share this many frames, over which their masks are cross-faded
    name: str = "model"
    bandwidth_hz: float | None = None  # below half the sample rate where the model leaves the highs to the residual stem
    training: dict[str, Any] = field(default_factory=dict)
    kind: str = SPECTROGRAM
    mask: str = "real"

    def __post_init__(self):
        if len(self.stems) < 2 or len(set(self.stems)) != len(self.stems):
            raise ValueError(f"stems={self.stems}: use two or more different names")
        if not 0 <= self.overlap_frames <= self.spec.frames // 2:
            raise ValueError(f"overlap_frames={self.overlap_frames}: use 0 to {self.spec.frames // 2}")
        if self.kind not in (SPECTROGRAM, WAVEFORM):
            raise ValueError(f"kind={self.kind!r}: use {SPECTROGRAM} or {WAVEFORM}")
        if self.mask not in CONTRACT_VERSIONS:
            raise ValueError(f"mask={self.mask!r}: use {' or '.join(CONTRACT_VERSIONS)}")
        if self.kind == WAVEFORM and self.chunk_samples <= self.overlap_samples:
            raise ValueError(f"frames={self.spec.frames}: too few for a waveform file, use more than a window has hops")

    @property
    def chunk_samples(self) -> int:
        """Samples of one chunk of a waveform file: all that `spec.frames` frames with zeros before and after can rebuild."""
        return (self.spec.frames + 1) * self.spec.hop_samples - self.spec.window_samples

    @property
    def overlap_samples(self) -> int:
        """Samples that neighbouring chunks of a waveform file share, over which their stems are cross-faded."""
        return self.overlap_frames * self.spec.hop_samples

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name: there is one."""
        return {self.input_name: self.input_shape}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name."""
        return dict.fromkeys(self.stems, self.output_shape)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input, float32."""
        return self._tensor_shape(3 if self.mask == "complex" else 1)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of each output, float32."""
        return self._tensor_shape(2 if self.mask == "complex" else 1)

    def _tensor_shape(self, parts: int) -> tuple[int, ...]:
        if self.kind == WAVEFORM:
            return (1, self.chunk_samples, self.spec.channels)
        return (1, self.spec.frames, self.spec.model_bins, parts * self.spec.channels)

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `tensors`, `chunk` and `transform` follow from the rest, for those who have no tfsep."""
        return {
            "contract_version": CONTRACT_VERSIONS[self.mask],
            "kind": self.kind,
            "mask": self.mask,
            "name": self.name,
            "spec": self.spec.to_json(),
            "stems": list(self.stems),
            "input_name": self.input_name,
            "overlap_frames": self.overlap_frames,
            "bandwidth_hz": self.bandwidth_hz,
            **self._derived(),
            "training": self.training,
        }

    def _derived(self) -> dict[str, Any]:
        spectrogram = self.kind == SPECTROGRAM
        tensors = [{"dtype": "float32", "shape": list(shape)} for shape in (self.input_shape, self.output_shape)]
        chunk = (
            {"unit": "frames", "length": self.spec.frames, "overlap": self.overlap_frames}
            if spectrogram
            else {"unit": "samples", "length": self.chunk_samples, "overlap": self.overlap_samples}
        )
        return {
            "tensors": {
                "inputs": [{"name": self.input_name, **tensors[0]}],
                "outputs": [{"name": stem, **tensors[1]} for stem in self.stems],
                "axes": ["batch", "frames", "bins", "channels"] if spectrogram else ["batch", "samples", "channels"],
                "output": _MASKS[self.mask] if spectrogram else "sound, the stems sum to the mixture",
            },
            "chunk": chunk | {"cross_fade": "sin^2(pi / 2 * (k + 0.5) / overlap) for k = 0 .. overlap - 1"},
            "transform": {
                "window": "periodic Hann, 0.5 - 0.5 * cos(2 * pi * n / window_samples)",
                "scale": "2 / sum(window)",
                "first_frame_starts_at_sample": self.spec.hop_samples - self.spec.window_samples,
                "bins": "0 .. window_samples / 2 - 1; the Nyquist bin takes the mask of the bin below",
                "features": _FEATURES[self.mask],
                "inverse": "overlap-add with the window, divided by the sum of its squares",
            },
        }

    @classmethod
    def read(cls, path: Path) -> "ModelContract":
        """Read a contract from a JSON file. Raises: ModelError if it is missing, damaged or of another version."""
        return cls.from_bytes(_bytes_of(path), str(path))

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> "ModelContract":
        """Read a contract from what `to_bytes` returns. Raises: ModelError, which names the `source`."""
        fields = _parsed(content, source)
        version = fields.get("contract_version") if isinstance(fields, dict) else None
        if version not in CONTRACT_VERSIONS.values():
            known = " and ".join(str(each) for each in CONTRACT_VERSIONS.values())
            raise ModelError(f"{source}: contract version {version}, this program reads {known}: export it again")
        try:
            contract = cls(
                spec=SpectrogramSpec.from_json(fields["spec"]),
                stems=tuple(fields["stems"]),
                input_name=fields["input_name"],
                overlap_frames=fields["overlap_frames"],
                name=fields["name"],
                bandwidth_hz=fields["bandwidth_hz"],
                training=fields["training"],
                kind=fields.get("kind", SPECTROGRAM),  # the first files of version 1 say neither
                mask=fields.get("mask", "real"),
            )
            if version != CONTRACT_VERSIONS[contract.mask]:
                raise ValueError(
                    f"mask={contract.mask!r} has contract version {CONTRACT_VERSIONS[contract.mask]}, not {version}"
                )
            derived = contract._derived()
            wrong = [name for name in derived if name in fields and fields[name] != derived[name]]
            if wrong:
                raise ValueError(f"{', '.join(wrong)} do not follow from the other fields")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{source}: the model description is incomplete or wrong ({error}); export the model again"
            ) from None
        return contract

    def to_bytes(self, *, sha256: str | None = None) -> bytes:
        """Return what `read` reads: indented JSON.

        Args:
            sha256: of the model file that the contract lies beside, see `described_sha256`.
        """
        fields = self.to_json() if sha256 is None else {"model_sha256": sha256, **self.to_json()}
        return (json.dumps(fields, indent=2) + "\n").encode()

    def write(self, path: Path) -> None:
        """Write the contract as indented JSON."""
        path.write_bytes(self.to_bytes())


def contract_kind(content: bytes) -> str | None:
    """Return what a contract's JSON says of its kind; None if nothing, and of what is no JSON."""
    try:
        fields = json.loads(content)
    except ValueError:  # also UnicodeDecodeError
        return None
    return fields.get("kind") if isinstance(fields, dict) else None


def described_sha256(path: Path) -> str | None:
    """Return the hash of the model file that a contract's JSON file was written for, None if it does not say.

    Raises: ModelError if it is missing or damaged.
    """
    fields = _parsed(_bytes_of(path), str(path))
    found = fields.get("model_sha256") if isinstance(fields, dict) else None
    if found is not None and not isinstance(found, str):
        raise ModelError(f"{path}: model_sha256 is {found!r}, use 64 hexadecimal digits; export the model again")
    return found


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: this description of the model is missing; copy it together with the model file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); export the model again") from None


def _parsed(content: bytes, source: str) -> Any:
    try:
        return json.loads(content.decode("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{source}: not a model description ({error}); export the model again") from None
