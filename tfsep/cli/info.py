"""`tfsep info MODEL`: what a model is, what it was trained on, what it costs."""

import argparse
from pathlib import Path


def add_parser(subparsers: "argparse._SubParsersAction") -> None:
    """Add the command to `tfsep`."""
    parser = subparsers.add_parser("info", help="describe a model", description=__doc__)
    parser.add_argument("model", nargs="?", default="default", metavar="MODEL", help="a name that ships, a .tflite or a folder")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the description. The cost needs no TensorFlow: it is stored when a model is exported or saved."""
    import json

    from tfsep.contract_live import LIVE
    from tfsep.separation.locate import find_contract

    path, contract = find_contract(args.model)
    if args.json:
        print(json.dumps({"path": str(path), **contract.to_json()}, indent=2))
        return 0
    spec, training = contract.spec, contract.training
    cost = training.get("cost", {})
    lines = [
        ("model", f"{contract.name} ({path})"),
        ("stems", ", ".join(contract.stems)),
        ("masks", "complex: magnitude and phase" if contract.mask == "complex" else "real: the mixture's phase is kept"),
        (
            "spectrogram",
            f"{spec.sample_rate_hz} Hz, {spec.channels} channels, window {spec.window_samples}, hop {spec.hop_samples}",
        ),
        ("bandwidth", f"{(contract.bandwidth_hz or spec.sample_rate_hz / 2) / 1000:g} kHz"),
    ]
    if contract.kind == LIVE:
        delay_ms = 1000 * contract.latency_samples / spec.sample_rate_hz
        lines.append(("latency", f"{contract.latency_samples} samples, {delay_ms:.1f} ms"))
    else:
        chunk_s, shared = spec.frames / spec.frames_per_second, contract.overlap_frames
        lines.append(("chunk", f"{spec.frames} frames, {chunk_s:.2f} s, {shared} shared with the next"))
    if cost:
        lines.append(("parameters", f"{cost['parameters']:,}"))
        lines.append(("multiply-adds", f"{cost['multiply_adds_per_second'] / 1e9:.2f} G for a second of audio"))
    lines += [(name.replace("_", " "), str(training[name])) for name in ("step", "hours_of_audio") if name in training]
    if "validation_sdr" in training:
        lines.append(("validation SDR", f"{training['validation_sdr']:.2f} dB"))
    size = Path(path).stat().st_size if Path(path).is_file() else sum(f.stat().st_size for f in Path(path).iterdir())
    lines.append(("size", f"{size / 1e6:.2f} MB"))
    for name, value in lines:
        print(f"{name:>14}  {value}")
    return 0
