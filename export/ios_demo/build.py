"""Making the demo's folder: models, clips, golden vectors and the manifest, staged and put in place at the end."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tfsep
from tfsep.bundle import Bundle
from tfsep.contract import SPECTROGRAM, WAVEFORM
from tfsep.contract_genre import GENRE
from tfsep.contract_live import LIVE
from tfsep.errors import UsageError
from tfsep.separation.router_table import RoutingTable
from tfsep.separation.runtime import BundleRuntime
from tfsep.separation.runtime_contract import Contract, sha256_of
from tfsep.separation.separator import Separator
from tfsep.training.genre_bundle import GenreBundle

from ..artefact import write_artefact
from ..format import Options
from ..formats import FORMATS
from ..genre_graph import genre_graph
from ..graph import Graph, spectrogram_graph
from ..live import live_graph
from ..parity import Reference
from ..waveform import waveform_graph
from .clips import Clip, write_clip
from .golden import GoldenSet, compare, sets_of, write_golden
from .golden_genre import compare_genre, genre_set
from .golden_live import compare_live, live_set
from .manifest import FOLDERS, MANIFEST, About, listed_files, write_manifest
from .package import make_reproducible
from .routing import ROUTING, check_table, write_routing
from .songs import Cut, DemoSong
from .staging import staged

NAME = "tfsep"  # that model files begin with, whatever the bundle is called, so that an app's code need not change
GIT_MEGABYTES = 10.2  # that the folder may add to a checkout before the command says so
LICENCE = "MIT"  # of models that tfsep ships


@dataclass(frozen=True)
class Model:
    """A model file of the demo."""

    to: str
    precision: str
    kind: str = SPECTROGRAM
    in_git: bool = True

    @property
    def path(self) -> str:
        """In the demo's folder."""
        return f"models/{NAME}-{_CALLED[self.kind]}{self.precision}{FORMATS[self.to].suffix}"


_CALLED = {SPECTROGRAM: "", WAVEFORM: "wave-", LIVE: "live-", GENRE: "genre-"}
SEPARATING = Model("litert", "int8")  # makes the clips' stems
HEARING = Model("litert", "int8", GENRE)
MODELS = (
    Model("coreml", "int8"),
    SEPARATING,
    Model("coreml", "fp16", in_git=False),
    Model("litert", "fp16", in_git=False),
    Model("litert", "fp16", WAVEFORM, in_git=False),
    Model("coreml", "int8", LIVE),
    Model("litert", "int8", LIVE),
    Model("coreml", "int8", GENRE),
    HEARING,
)


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What is asked for.

    Attributes:
        bundle: the trained model.
        live: a streaming model.
        classifier: of genres.
        routing: which model is for which of them.
        songs: to cut clips from.
        seconds: of each clip.
        all_models: also those that are too large for git.
        command: how the manifest says that it was made.
        model_licence: of the weights.

    Raises: UsageError for a length that no clip can have, a model of another kind, or a table with experts.
    """

    bundle: Bundle
    live: Bundle
    classifier: GenreBundle
    routing: RoutingTable
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
        if self.live.contract.kind != LIVE:
            raise UsageError(f"--live: is of kind {self.live.contract.kind}, use a model of kind {LIVE}")
        check_table(self.routing)

    def graphs(self) -> dict[str, Callable[[], Graph]]:
        """Return what makes the graph of each kind of model."""
        return {
            SPECTROGRAM: lambda: spectrogram_graph(self.bundle),
            WAVEFORM: lambda: waveform_graph(self.bundle),
            LIVE: lambda: live_graph(self.live),
            GENRE: lambda: genre_graph(self.classifier),
        }


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
        routing = write_routing(folder, demo.routing, general=SEPARATING.path, classifier=HEARING.path)
        about[ROUTING] = About(kind="routing", licence=demo.model_licence, source="the table of tfsep's model auto")
        tell(ROUTING)
        first = clips[0]
        sets = _golden_sets(demo, first)
        source = f"clip {first.described['name']} ({first.described['credit']}) through the models; seeded music"
        for path in write_golden(folder, sets, _distances(folder, sets, models)):
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
            "routing": routing,
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
    for kind, build in demo.graphs().items():
        group = [model for model in wanted if model.kind == kind]
        graph = build() if group else None
        reference = Reference(graph) if group else None
        for model in group:
            path = folder / model.path
            exported = write_artefact(graph, reference, path, FORMATS[model.to], model.precision, Options())
            if model.to == "coreml":
                make_reproducible(path)
                described_anew = graph.renamed(path.stem).contract.to_bytes(sha256=sha256_of(path))
                exported.contract_path.write_bytes(described_anew)
            source = f"weights of the model {_trained(graph.contract)}"
            told = About(kind="model", licence=demo.model_licence, source=source, in_git=model.in_git)
            about[model.path] = told
            about[f"{model.path}.json"] = About(kind="contract", licence=told.licence, source=source, in_git=model.in_git)
            described[model.path] = {
                "path": model.path,
                "contract": f"{model.path}.json",
                "format": FORMATS[model.to].title,
                "precision": model.precision,
                "kind": kind,
                "sha256": sha256_of(path),
                "parity_db": round(exported.parity_db, 1),
                "sdr_loss_db": round(max(0.0, exported.parity.sdr_loss_db), 3),
                "in_git": model.in_git,
            }
            tell(f"{model.path}  {exported.megabytes:.2f} MB  {exported.parity_db:.1f} dB from Keras")
    return described


def _trained(contract: Contract) -> str:
    step = contract.training.get("step")
    return contract.name if step is None else f"{contract.name}, {step} steps"


def _golden_sets(demo: Demo, clip: Clip) -> dict[str, GoldenSet]:
    source = f"the clip {clip.described['name']}"
    return {
        **sets_of(BundleRuntime(demo.bundle), clip.sound.samples, source),
        "live": live_set(demo.live, clip.sound.samples, source),
        "genre": genre_set(demo.classifier, clip.sound, source),
    }


def _distances(folder: Path, sets: Mapping[str, GoldenSet], written: Collection[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return how far each model file is from the set of its kind."""
    ways = {SPECTROGRAM: ("model", compare), LIVE: ("live", compare_live), GENRE: ("genre", compare_genre)}
    return {
        name: {
            model.path: way(sets[name], FORMATS[model.to].load(folder / model.path))
            for model in MODELS
            if model.kind == kind and model.path in written
        }
        for kind, (name, way) in ways.items()
    }


def _write_clip(cut: Cut, folder: Path, separator: Separator, about: dict[str, About], tell: Callable[[str], None]) -> Clip:
    clip = write_clip(folder, cut, separator)
    rights = cut.song.rights
    source = f"{rights.source} ({rights.credit}); {clip.described['changes']}"
    for path in clip.paths.values():
        about[path] = About(kind="clip", licence=rights.licence, source=source)
    tell(f"clips/{cut.song.name}  {clip.described['changes']}; {rights.licence}, {rights.credit}")
    return clip
