"""The folder of a run: its record, its log, TensorBoard's, and the state to go on from."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from tfsep.audio.atomic import AtomicFile, write_error
from tfsep.errors import ModelError

RECORD_FILE, LOG_FILE, STATE_FILE = "config.json", "log.jsonl", "last.npz"


class RunFolder:
    """`config.json` (what is trained, on what, with which versions), `log.jsonl`, `logs/`, `last.npz`, `best/`.

    Args:
        record: JSON values to be kept, `record["config"]` being what a resumed run must have in common but for `may_differ`.
        writable: whether this process writes it; others of the same run only read it.

    Raises: ModelError if the folder holds a run of another configuration; AudioError if it cannot be written.
    """

    def __init__(self, path: Path, record: Mapping[str, Any], *, may_differ: Sequence[str] = ("steps",), writable: bool = True):
        self.path, self.writable = path, writable
        self.record = json.loads(json.dumps(record))
        if writable:
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise write_error(path, error) from None
        self._check_record(may_differ)
        if not writable:
            return
        with AtomicFile(path / RECORD_FILE) as target:
            target.file.write(json.dumps(self.record, indent=2).encode())

    @property
    def state(self) -> Path:
        """Where the checkpoint lies, or will."""
        return self.path / STATE_FILE

    def _check_record(self, may_differ: Sequence[str]) -> None:
        path = self.path / RECORD_FILE
        if not path.is_file():
            return
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))["config"]
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path}: not the record of a run ({error}): use another --out") from None
        config = self.record["config"]
        changed = sorted(key for key in config if key not in may_differ and stored.get(key) != config[key])
        if changed and self.state.is_file():
            raise ModelError(f"{self.path}: holds a run with another {', '.join(changed)}: use its settings or another --out")

    def forget_log(self, step: int) -> None:
        """Take out of the log what a killed run wrote after its checkpoint: those steps are done again."""
        path = self.path / LOG_FILE
        if not self.writable or not path.is_file():
            return
        kept = []
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                done = json.loads(line)["step"] <= step
            except ValueError:  # the kill cut it off
                done = False
            if done:
                kept.append(line)
        with AtomicFile(path) as target:
            target.file.writelines(kept)


class RunLog:
    """The two logs of a run, open while it trains; a context manager. It writes nothing in a folder that is only read.

    TensorBoard's is written by TensorFlow: without that, on Keras' JAX backend, there is `log.jsonl` alone.
    """

    def __init__(self, folder: RunFolder):
        self._summary, self._lines = None, None
        if not folder.writable:
            return
        if find_spec("tensorflow"):
            from tensorflow import summary

            self._summary, self._writer = summary, summary.create_file_writer(str(folder.path / "logs"))
        self._lines = open(folder.path / LOG_FILE, "a", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lines:
            self._lines.close()
        if self._summary:
            self._writer.close()

    def write(self, entry: Mapping[str, Any]) -> None:
        """Log JSON values of one step, `entry["step"]`; numbers go to TensorBoard, nested ones under `outer/inner`."""
        if not self._lines:
            return
        self._lines.write(json.dumps(entry) + "\n")
        self._lines.flush()
        if self._summary:
            with self._writer.as_default():
                for name, value in _numbers(entry):
                    self._summary.scalar(name, value, step=entry["step"])


def _numbers(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and name != "step":
            found.append((prefix + name, float(value)))
    return found
