"""TFLite (LiteRT) files: float32, float16 weights that are computed with in float32, or int8 weights.

With int8 weights, symmetric for each output channel, LiteRT quantises the activations as it goes, by the range that it finds in
each run ("dynamic range"), and multiplies in integers: there is nothing to calibrate, and where the processor has integer dot
products it is about twice as fast as float32.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.bundle import Bundle
from tfsep.contract import ModelContract
from tfsep.errors import MissingExtraError, ModelError, UsageError

# Of the masks, against Keras in float32. That of int8 only tells a broken file: what it costs is measured in SDR.
PARITY_FLOOR_DB = {"fp32": 100.0, "fp16": 50.0, "int8": 25.0}


@dataclass(frozen=True)
class Exported:
    """What was written: the model, its description beside it, and how far it is from Keras on seeded input."""

    path: Path
    contract_path: Path
    megabytes: float
    parity_db: float


def check_precision(precision: str) -> None:
    """Raise UsageError unless LiteRT files come in this precision."""
    if precision not in PARITY_FLOOR_DB:
        raise UsageError(f"precision {precision!r}: LiteRT files come in {', '.join(PARITY_FLOOR_DB)}")


def export_litert(bundle: Bundle, path: Path, *, precision: str = "fp16") -> Exported:
    """Convert a bundle's generator with fixed shapes and built-in operators only, and compare the file with Keras.

    Args:
        path: of the `.tflite`; the `ModelContract` is written beside it as `.json`.
        precision: fp32, fp16 or int8.
    Raises: UsageError for another precision or suffix; ModelError if the converter fails, needs operators that are not built in,
        or what it made differs from Keras by more than the floor of its precision; AudioError if it cannot be written. Nothing is
        left behind then.
    """
    check_precision(precision)
    if path.suffix != ".tflite":
        raise UsageError(f"{path}: LiteRT files end in .tflite")
    contract = replace(bundle.contract, name=path.stem)
    content = _convert(bundle, contract, precision)
    parity_db = _parity_db(bundle, contract, content)
    if not parity_db >= PARITY_FLOOR_DB[precision]:
        raise ModelError(
            f"{path}: differs from Keras by {parity_db:.1f} dB, {precision} must reach {PARITY_FLOOR_DB[precision]:.0f} dB: not written"
        )
    contract_path = path.with_suffix(".json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with AtomicFile(path) as model, AtomicFile(contract_path) as description:
            model.file.write(content)
            description.file.write(contract.to_bytes())
    except OSError as error:
        raise write_error(path, error) from None
    return Exported(path, contract_path, len(content) / 1e6, parity_db)


def _convert(bundle: Bundle, contract: ModelContract, precision: str) -> bytes:
    try:
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError  # derives from Exception alone, and is not exported
    except ModuleNotFoundError:
        raise MissingExtraError("tensorflow", "train", "exporting to LiteRT") from None
    spec = contract.spec
    shape = (1, spec.frames, spec.model_bins, spec.channels)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name=contract.input_name)])
    def serve(features):
        return {stem: tf.identity(mask, name=stem) for stem, mask in bundle.generator.masks(features).items()}

    module = tf.Module()
    module.weights = [variable.value for variable in bundle.generator.variables]  # a saved model must own what it refers to
    folder = tempfile.mkdtemp(prefix="tfsep-export-")
    try:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()
    except (ConverterError, tf.errors.OpError, ValueError, RuntimeError) as error:
        why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"LiteRT conversion of {bundle.name} failed: {why}") from None
    finally:
        shutil.rmtree(folder)


def _parity_db(bundle: Bundle, contract: ModelContract, content: bytes) -> float:
    """Return 10 log10 of the masks' energy over that of their difference from Keras, on seeded noise-like features and silence."""
    from ai_edge_litert.interpreter import Interpreter

    spec = contract.spec
    interpreter = Interpreter(model_content=content, num_threads=os.cpu_count())
    runner = interpreter.get_signature_runner()
    rng = np.random.default_rng(0)
    shape = (1, spec.frames, spec.model_bins, spec.channels)
    slope = 2.0 * np.exp(-np.arange(spec.model_bins) / (spec.model_bins / 4))[:, None]  # spectra fall towards the highs
    signal = noise = 0.0
    for features in (rng.exponential(1.0, shape) * slope, np.zeros(shape)):
        features = features.astype(np.float32)
        masks, expected = runner(**{contract.input_name: features}), bundle.predict(features)
        if set(masks) != set(contract.stems):
            raise ModelError(f"the exported outputs are {', '.join(sorted(masks))}; expected {', '.join(contract.stems)}")
        for stem, mask in expected.items():
            signal += float(np.sum(mask.astype(np.float64) ** 2))
            noise += float(np.sum((masks[stem].astype(np.float64) - mask) ** 2))
    return 10 * np.log10(signal / max(noise, 1e-30))
