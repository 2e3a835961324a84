"""Making the demo's folder: models, clips, golden vectors and the manifest, staged and put in place at the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tfsep
from tfsep.bundle import Bundle
from tfsep.contract import SPECTROGRAM
from tfsep.errors import UsageError
from tfsep.separation.runtime import BundleRuntime
from tfsep.separation.runtime_contract import sha256_of
from tfsep.separation.separator import Separator

from ..artefact import write_artefact
from ..format import Options
from ..formats import FORMATS
from ..graph import spectrogram_graph
from ..parity import Reference
from ..waveform import waveform_graph
from .clips import Clip, write_clip
from .golden import compare, sets_of, write_golden
from .manifest import FOLDERS, MANIFEST, About, listed_files, write_manifest
from .package import make_reproducible
from .songs import Cut, DemoSong
from .staging import staged

NAME = "tfsep"  # that model files begin with, whatever the bundle is called, so that an app's code need not change
GIT_MEGABYTES = 8.5  # that the folder may add to a checkout before the command says so
LICENCE = "MIT"  # of models that tfsep ships


@dataclass(frozen=True)
class Model:
    """A model file of the demo."""

    to: str
    precision: str
    in_git: bool
    waveform: bool = False

    @property
    def path(self) -> str:
        """In the demo's folder."""
        return f"models/{NAME}-{'wave-' if self.waveform else ''}{self.precision}{FORMATS[self.to].suffix}"


SEPARATING = Model("litert", "int8", in_git=True)  # makes the clips' stems
MODELS = (
    Model("coreml", "int8", in_git=True),
    SEPARATING,
    Model("coreml", "fp16", in_git=False),
    Model("litert", "fp16", in_git=False),
    Model("litert", "fp16", in_git=False, waveform=True),
)


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What is asked for.

    Attributes:
        bundle: the trained model.
        songs: to cut clips from.
        seconds: of each clip.
        all_models: also those that are too large for git.
        command: how the manifest says that it was made.
        model_licence: of the weights.

    Raises: UsageError for a length that no clip can have.
    """

    bundle: Bundle
    songs: Sequence[DemoSong]
    seconds: float = 8.0
    all_models: bool = False
    command: str
    model_licence: str = LICENCE

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 60:
            raise UsageError(f"--seconds {self.seconds:g}: use 1 to 60")
        if self.bundle.contract.kind != SPECTROGRAM:
            raise UsageError(f"--model: is of kind {self.bundle.contract.kind}, the demo separates whole songs: use another")


def make_demo(demo: Demo, out: Path, *, tell: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Make the folder; what else lies in `out` is not touched.

    Args:
        tell: is told what has been made.
    Returns: the manifest.
    Raises: as `write_artefact`, `write_clip` and `staged`; nothing has changed in `out` then.
    """
    cuts = [song.cut(demo.seconds) for song in demo.songs]  # first, since a song that cannot be used is soon found
    with staged(out, (*FOLDERS, MANIFEST)) as folder:
        about: dict[str, About] = {}
        models = _write_models(demo, folder, about, tell)
        separator = Separator.load(folder / SEPARATING.path)
        clips = [_write_clip(cut, folder, separator, about, tell) for cut in cuts]
        first = clips[0]
        sets = sets_of(BundleRuntime(demo.bundle), first.sound.samples, f"the clip {first.described['name']}")
        distances = {
            path: compare(sets["model"], FORMATS[model.to].load(folder / path))
            for path, model in ((model.path, model) for model in MODELS)
            if path in models and not model.waveform
        }
        source = f"clip {first.described['name']} ({first.described['credit']}) through the model; seeded music"
        for path in write_golden(folder, sets, distances):
            about[path] = About(kind="golden", licence=first.described["licence"], source=source)
            tell(path)
        files = listed_files(folder, about)
        manifest = {
            "tfsep_version": tfsep.__version__,
            "command": demo.command,
            "bytes_in_git": sum(entry["bytes"] for entry in files if entry["in_git"]),
            "contract": demo.bundle.contract.to_json(),
            "models": list(models.values()),
            "models_by_command_only": [] if demo.all_models else [model.path for model in MODELS if not model.in_git],
            "clips": [clip.described for clip in clips],
            "golden": "golden/golden.json",
            "files": files,
        }
        write_manifest(folder, manifest)
    megabytes = manifest["bytes_in_git"] / 1e6
    tell(f"{out / MANIFEST}: {len(files)} files, {megabytes:.2f} MB of them for git")
    if megabytes > GIT_MEGABYTES:
        tell(f"warning: more than {GIT_MEGABYTES} MB for git: use shorter clips, --seconds, or fewer --songs")
    return manifest


def _write_models(demo: Demo, folder: Path, about: dict[str, About], tell: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Write the model files; return by path what the manifest says of each."""
    wanted = [model for model in MODELS if model.in_git or demo.all_models]
    described = {}
    for waveform, build in ((False, spectrogram_graph), (True, waveform_graph)):
        group = [model for model in wanted if model.waveform is waveform]
        graph = build(demo.bundle) if group else None
        reference = Reference(graph) if group else None
        for model in group:
            path = folder / model.path
            exported = write_artefact(graph, reference, path, FORMATS[model.to], model.precision, Options())
            if model.to == "coreml":
                make_reproducible(path)
                described_anew = graph.renamed(path.stem).contract.to_bytes(sha256=sha256_of(path))
                exported.contract_path.write_bytes(described_anew)
            source = f"weights of the model {demo.bundle.name}, {demo.bundle.about.training.get('step', 'unknown')} steps"
            told = About(kind="model", licence=demo.model_licence, source=source, in_git=model.in_git)
            about[model.path] = told
            about[f"{model.path}.json"] = About(kind="contract", licence=told.licence, source=source, in_git=model.in_git)
            described[model.path] = {
                "path": model.path,
                "contract": f"{model.path}.json",
                "format": FORMATS[model.to].title,
                "precision": model.precision,
                "kind": "waveform" if model.waveform else "spectrogram",
                "sha256": sha256_of(path),
                "parity_db": round(exported.parity_db, 1),
                "sdr_loss_db": round(max(0.0, exported.parity.sdr_loss_db), 3),
                "in_git": model.in_git,
            }
            tell(f"{model.path}  {exported.megabytes:.2f} MB  {exported.parity_db:.1f} dB from Keras")
    return described


def _write_clip(cut: Cut, folder: Path, separator: Separator, about: dict[str, About], tell: Callable[[str], None]) -> Clip:
    clip = write_clip(folder, cut, separator)
    rights = cut.song.rights
    source = f"{rights.source} ({rights.credit}); {clip.described['changes']}"
    for path in clip.paths.values():
        about[path] = About(kind="clip", licence=rights.licence, source=source)
    tell(f"clips/{cut.song.name}  {clip.described['changes']}; {rights.licence}, {rights.credit}")
    return clip
