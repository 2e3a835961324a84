"""What every artefact costs against Keras, on real songs: the rows of the report."""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfsep.audio import open_writer
from tfsep.bundle import Bundle
from tfsep.contract import WAVEFORM
from tfsep.evaluation.dataset import SongAudio, find_songs, read_song
from tfsep.evaluation.scoring import score_song
from tfsep.models.cost import generator_cost
from tfsep.separation.runtime import load_runtime
from tfsep.separation.separator import Separator

from .artefact import Exported, size_of
from .formats import FORMATS
from .measure import RunCost, measure
from .transform import Transform
from .waveform_separator import WaveformSeparator

KERAS = "Keras"
THREADS = (1, 2)
MEASURED_S = 30.0  # of seeded music, to measure speed


@dataclass(frozen=True, kw_only=True)
class Row:
    """One artefact.

    Attributes:
        sdr_db: by stem, mean over songs.
        loss_db: Keras' SDR less that of the file, by stem.
        parity_db: worst trial; None for Keras itself.
        multiply_adds_per_second: for a second of audio, chunk overlap left out.
        costs: by number of threads; empty where the file does not run here.
    """

    label: str
    precision: str
    megabytes: float
    sdr_db: dict[str, float]
    loss_db: dict[str, float]
    parity_db: float | None
    multiply_adds_per_second: float
    costs: dict[int, RunCost]
    warnings: tuple[str, ...] = ()

    @property
    def worst_loss_db(self) -> float:
        """Of the stem that loses most."""
        return max(self.loss_db.values(), default=0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def collect(
    bundle: Bundle,
    folder: Path,
    exported: Sequence[tuple[str, Exported]],
    songs: Sequence[Path],
    *,
    seconds: float | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Separate songs with Keras and with each artefact, and measure what that takes.

    Args:
        bundle, folder: the model, and where it lies.
        exported: format and what was written.
        songs: folders `SONG/{drums,bass,other,vocals}.*`, or folders of such folders.
        seconds: of the middle of each song; None for all of it.
        tell: called with what is being done.
    Raises: DataError for folders without songs, AudioError, ModelError.
    """
    folders = find_songs(list(songs))
    estimators = {KERAS: Separator(load_runtime(folder))}
    for to, each in exported:
        runtime = FORMATS[to].load(each.path)
        separator = WaveformSeparator(runtime) if runtime.contract.kind == WAVEFORM else Separator(runtime)
        estimators[each.path.name] = separator
    scores: dict[str, dict[str, list[float]]] = {label: {} for label in estimators}
    with tempfile.TemporaryDirectory(prefix="tfsep-export-") as cut:
        for song in folders:
            tell(f"separating {song.name}")
            taken = song if seconds is None else _excerpt(song, Path(cut) / song.name, seconds)
            result, _ = score_song(taken, estimators)
            for label in estimators:
                for stem, score in result.scores[label].items():
                    if score.sdr_db is not None:
                        scores[label].setdefault(stem, []).append(score.sdr_db)
    sdr_db = {label: {stem: float(np.mean(values)) for stem, values in found.items()} for label, found in scores.items()}
    work = generator_cost(bundle.config).multiply_adds_per_second
    rows = [_row(KERAS, "fp32", size_of(folder / "model.keras") / 1e6, sdr_db, None, work, _costs(folder, tell))]
    for to, each in exported:
        contract = estimators[each.path.name].contract
        extra = Transform(contract.spec).multiply_adds_per_second(len(contract.stems)) if contract.kind == WAVEFORM else 0.0
        costs = {} if to == "coreml" else _costs(each.path, tell)
        rows.append(
            _row(
                each.path.name,
                each.precision,
                each.megabytes,
                sdr_db,
                each.parity_db,
                work + extra,
                costs,
                each.census.warnings,
            )
        )
    return rows


def _row(
    label: str,
    precision: str,
    megabytes: float,
    sdr_db: dict[str, dict[str, float]],
    parity_db: float | None,
    work: float,
    costs: dict[int, RunCost],
    warnings: tuple[str, ...] = (),
) -> Row:
    return Row(
        label=label,
        precision=precision,
        megabytes=megabytes,
        sdr_db=sdr_db[label],
        loss_db={stem: sdr_db[KERAS][stem] - value for stem, value in sdr_db[label].items()},
        parity_db=parity_db,
        multiply_adds_per_second=work,
        costs=costs,
        warnings=warnings,
    )


def _costs(model: Path, tell: Callable[[str], None]) -> dict[int, RunCost]:
    tell(f"timing {model.name}")
    return {threads: measure(model, threads=threads, seconds=MEASURED_S) for threads in THREADS}


def _excerpt(song: Path, folder: Path, seconds: float) -> Path:
    """Copy the middle of a song's files to `folder`, as float32."""
    with SongAudio(read_song(song)) as audio:
        pieces = [{"mixture": mixture, **stems} for mixture, stems in audio.blocks()]
        whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        count = min(round(seconds * audio.sample_rate_hz), len(whole["mixture"]))
        start = (len(whole["mixture"]) - count) // 2
        os.makedirs(folder)
        for name, samples in whole.items():
            with open_writer(
                folder / f"{name}.wav", sample_rate_hz=audio.sample_rate_hz, channels=audio.channels, subtype="float32"
            ) as writer:
                writer.write(samples[start : start + count])
    return folder
