"""The contract of a model file: inside it, and as JSON beside it; the two must agree."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tfsep.contract import ModelContract, contract_kind, described_sha256
from tfsep.contract_drum_sampler import DRUM_SAMPLER, DrumSamplerContract
from tfsep.contract_drums import DRUM_HITS, DrumContract
from tfsep.contract_enhance import ENHANCE, EnhanceContract
from tfsep.contract_genre import GENRE, GenreContract
from tfsep.contract_live import LIVE, LiveContract
from tfsep.errors import ModelError
from tfsep.separation import onnx_metadata, tflite_metadata

METADATA_NAME = "tfsep_contract"  # of the entry inside a file
Contract = ModelContract | GenreContract | LiveContract | DrumContract | EnhanceContract | DrumSamplerContract


def sidecar_path(path: Path) -> Path:
    """Return where the contract lies beside a model file: `model.tflite.json` beside `model.tflite`."""
    return path.with_name(path.name + ".json")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file or, of a folder, that of its files' names and contents in the order of their names."""
    digest = hashlib.sha256()
    if not path.is_dir():
        digest.update(path.read_bytes())
        return digest.hexdigest()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(path).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def parse_contract(content: bytes, source: str) -> Contract:
    """Read a contract of any kind. Raises: ModelError, which names the `source`."""
    kinds = {
        GENRE: GenreContract,
        LIVE: LiveContract,
        DRUM_HITS: DrumContract,
        ENHANCE: EnhanceContract,
        DRUM_SAMPLER: DrumSamplerContract,
    }
    return kinds.get(contract_kind(content), ModelContract).from_bytes(content, source)


def read_contract(path: Path) -> Contract:
    """Return the contract of a `.tflite` or `.onnx` file.

    It is inside the file. The JSON file beside it, `sidecar_path`, may be missing; if it is there, it must belong to this very
    file. Files of old have none inside and `model.json` beside them.

    Raises: ModelError if there is none, if it is damaged, or if the JSON file was changed or belongs to another file.
    """
    embedded, sidecar = _embedded(path), sidecar_path(path)
    if not sidecar.exists():
        if embedded is not None:
            return embedded
        sidecar = path.with_suffix(".json")
    wanted = described_sha256(sidecar)
    contract = parse_contract(sidecar.read_bytes(), str(sidecar))
    remedy = f"copy both from one export{'' if embedded is None else f', or delete {sidecar.name}'}"
    if wanted is not None and wanted != (found := sha256_of(path)):
        raise ModelError(
            f"{path}: is not the file that {sidecar.name} describes (SHA-256 {found[:12]}..., described {wanted[:12]}...): {remedy}"
        )
    if embedded is not None and contract != embedded:
        raise ModelError(f"{sidecar}: was changed, {path.name} itself says something else: {remedy}")
    return contract


def _embedded(path: Path) -> Contract | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); copy it again") from None
    reader, kind = (onnx_metadata, "ONNX") if path.suffix == ".onnx" else (tflite_metadata, "LiteRT")
    try:
        value = reader.read_metadata(content, METADATA_NAME)
    except (tflite_metadata.NotTfliteError, onnx_metadata.NotOnnxError) as error:
        raise ModelError(f"{path}: is not a model that {kind} can run ({error}): export it again") from None
    return None if value is None else parse_contract(value, str(path))


def check_tensors(
    path: Path,
    contract: Contract,
    inputs: Mapping[str, tuple[Iterable[int], str]],
    outputs: Mapping[str, tuple[Iterable[int], str]],
) -> None:
    """Raise ModelError unless a file has the tensors that its contract promises.

    Args:
        inputs, outputs: shape and type of each, by name.
    """
    for side, found, wanted in (("input", inputs, contract.inputs), ("output", outputs, contract.outputs)):
        if set(found) != set(wanted):
            raise ModelError(
                f"{path}: has the {side}s {', '.join(sorted(found))}, its description says {', '.join(sorted(wanted))}"
                ": copy both files from one export"
            )
        for name, (shape, dtype) in found.items():
            actual = tuple(int(size) for size in shape)
            if actual != wanted[name] or dtype != "float32":
                raise ModelError(
                    f"{path}: its {side} {name} is {dtype} {actual}, its description says float32 {wanted[name]}"
                    ": copy both files from one export"
                )
