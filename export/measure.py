"""What running a model costs: load time, real-time factor, memory. Measured in a process of its own, since memory peaks stay.

python -m tfsep_export.measure MODEL THREADS SECONDS  prints one line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """Of one model on one number of threads.

    Attributes:
        load_s: from the path to the first masks, wall-clock; modules already imported.
        real_time_factor: seconds of music for each second of wall-clock time, transform and writing to memory included.
        cpu_factor: seconds of music for each second of processor time: the same on an idle machine with one thread.
        peak_mb: the largest resident memory of the whole process, Python and NumPy included.
    """

    load_s: float
    real_time_factor: float
    cpu_factor: float
    peak_mb: float


def measure(model: Path, *, threads: int, seconds: float) -> RunCost:
    """Run a model in a fresh process. Raises: ModelError if that fails."""
    command = [sys.executable, "-m", "tfsep_export.measure", str(model), str(threads), str(seconds)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(f"{model}: cannot be measured ({last})")
    return RunCost(**json.loads(ran.stdout.splitlines()[-1]))


def _measure_here(model: Path, threads: int, seconds: float) -> RunCost:
    from tfsep.contract import WAVEFORM
    from tfsep.separation.runtime import load_file, load_runtime
    from tfsep.separation.separator import Separator

    from .signals import music
    from .waveform_separator import WaveformSeparator

    if model.is_dir():
        import keras  # noqa: F401  (so that loading does not count it)
    else:
        import ai_edge_litert.interpreter  # noqa: F401
    start_s = time.perf_counter()
    runtime = load_runtime(model, threads=threads) if model.is_dir() else load_file(model, threads=threads)
    contract = runtime.contract
    runtime.predict(np.zeros(contract.input_shape[1:], np.float32))
    load_s = time.perf_counter() - start_s
    separator = WaveformSeparator(runtime) if contract.kind == WAVEFORM else Separator(runtime)
    spec = contract.spec
    song = sum(music(round(seconds * spec.sample_rate_hz), spec).values())
    wall_s, cpu_s = [], []
    for _ in range(2):  # the first run also meets cold caches and touches new memory
        start_s, start_cpu_s = time.perf_counter(), time.process_time()
        for _block in separator.stream([song], sample_rate_hz=spec.sample_rate_hz, channels=spec.channels):
            pass
        wall_s.append(time.perf_counter() - start_s)
        cpu_s.append(time.process_time() - start_cpu_s)
    return RunCost(
        load_s=load_s,
        real_time_factor=seconds / min(wall_s),
        cpu_factor=seconds / min(cpu_s),
        peak_mb=_peak_bytes() / 1e6,
    )


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; what getrusage says there begins with the peak of the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cost = _measure_here(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    print(json.dumps(vars(cost)))
