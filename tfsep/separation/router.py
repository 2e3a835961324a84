"""A `Separator` of several models: the song's genre family decides which of them, or what blend of them, takes it apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np

from tfsep.audio import Audio
from tfsep.contract import SPECTROGRAM, ModelContract
from tfsep.data.genres import FAMILIES, FAMILY_TITLES, family_of
from tfsep.errors import ModelError, UsageError
from tfsep.separation.genre import GenreClassifier
from tfsep.separation.locate import find_contract
from tfsep.separation.pipeline import StemBlock
from tfsep.separation.router_table import SOFT, RoutingTable, find_table
from tfsep.separation.runtime import Runtime, load_runtime, shipped_models
from tfsep.separation.separator import Separator

_SHARED = ("mask", "spec", "stems", "overlap_frames")  # of the contracts of a table's models
LISTEN_S = 60.0  # of a stream that is no file: heard before the choice


@dataclass(frozen=True, kw_only=True)
class Route:
    """What was decided for one song.

    Attributes:
        weights: the share of each model in the masks, by name or path; they sum to one.
        reason: why, for people, such as "electronic (91 %)".
    """

    weights: Mapping[str, float]
    reason: str

    def __str__(self) -> str:
        if len(self.weights) == 1:
            return f"{self.reason}: model {_short(next(iter(self.weights)))}"
        return f"{self.reason}: models " + ", ".join(f"{_short(model)} {share:.0%}" for model, share in self.weights.items())


class BlendedRuntime:
    """Several models whose masks are averaged with weights that sum to one, so that the masks still do. A `Runtime`."""

    def __init__(self, parts: Sequence[tuple[Runtime, float]]):
        self._parts = tuple(parts)
        self.contract: ModelContract = self._parts[0][0].contract
        self.workers = min(runtime.workers for runtime, _ in self._parts)

    def predict(self, features: np.ndarray) -> dict[str, np.ndarray]:
        """Return the masks of a chunk, see `Runtime.predict`."""
        blend = {stem: np.zeros((), np.float32) for stem in self.contract.stems}
        for runtime, weight in self._parts:
            for stem, mask in runtime.predict(features).items():
                blend[stem] = blend[stem] + np.float32(weight) * mask
        return blend


class Router(Separator):
    """Chooses for each song; made by `load`.

    A song is heard before it is separated, in a few excerpts if it is a file. In memory are the general model, always, and the
    experts that the song needs.

    Args:
        table: who separates what, its models absolute paths or names that ship.
        genre: the family of all songs, None to hear each.
        threads: see `load_runtime`.

    Raises: ModelError if a model is missing or has another contract than the general one: other spectrogram, chunks or stems.
    """

    def __init__(self, table: RoutingTable, *, genre: str | None = None, threads: int = 2):
        self._table, self._family, self._threads = table, genre, threads
        _check_contracts(table)
        self._loaded: dict[str, Runtime] = {}
        self._classifier = GenreClassifier.load(table.classifier) if genre is None else None
        super().__init__(self._runtime_of(table.general))

    @classmethod
    def load(cls, model: str | Path = "auto", *, threads: int = 2, genre: str | None = None) -> Self:
        """Load a table.

        Args:
            model: "auto", a `routing.json`, or a folder that holds one.
            genre: a family or a genre of one, such as "house", of all songs; None to hear each song.
        Raises: UsageError for an unknown genre; ModelError as the class and `RoutingTable.read`.
        """
        path = find_table(model)
        if path is None:
            raise ModelError(f"{model}: no routing table; use auto, a routing.json, or a folder that holds one")
        return cls(_absolute(RoutingTable.read(path), path.parent), genre=checked_family(genre), threads=threads)

    def route(self, source: str | Path | Audio) -> Route:
        """Return who is to separate a song. Raises: AudioError as `GenreClassifier.probabilities`."""
        if self._family is not None:
            return Route(weights={self._table.model_of(self._family): 1.0}, reason=f"{FAMILY_TITLES[self._family]} (as asked)")
        return choose(self._table, self._classifier.probabilities(source))

    def for_song(self, source: str | Path | Audio) -> tuple[Separator, str]:
        """See `Separator.for_song`."""
        route = self.route(source)
        for model in set(self._loaded) - {*route.weights, self._table.general}:
            del self._loaded[model]  # the experts of the last song
        parts = [(self._runtime_of(model), weight) for model, weight in route.weights.items()]
        return Separator(parts[0][0] if len(parts) == 1 else BlendedRuntime(parts)), str(route)

    def separate(self, source: str | Path | Audio, stems: Sequence[str] | None = None) -> dict[str, Audio]:
        """Take a song apart in memory, see `Separator.separate`."""
        return self.for_song(source)[0].separate(source, stems)

    def stream(
        self, blocks: Iterable[np.ndarray], *, sample_rate_hz: int, channels: int, stems: Sequence[str] | None = None
    ) -> Iterator[StemBlock]:
        """Take sound apart as it arrives, see `Separator.stream`; the choice is made when a minute of it has come."""
        self._checked(sample_rate_hz, channels, stems)
        return self._listened(iter(blocks), sample_rate_hz, channels, stems)

    def _listened(
        self, blocks: Iterator[np.ndarray], sample_rate_hz: int, channels: int, stems: Sequence[str] | None
    ) -> Iterator[StemBlock]:
        heard: list[np.ndarray] = []
        while sum(map(len, heard)) < LISTEN_S * sample_rate_hz and (block := next(blocks, None)) is not None:
            heard.append(block.copy())  # the caller may fill the same block anew
        sound = np.concatenate(heard) if heard else np.zeros((0, channels), np.float32)
        finite = Audio(sound if np.isfinite(sound).all() else np.zeros_like(sound), sample_rate_hz)  # separating tells where
        separator, _ = self.for_song(finite)
        all_blocks = chain(heard, blocks)
        yield from separator.stream(all_blocks, sample_rate_hz=sample_rate_hz, channels=channels, stems=stems)

    def _runtime_of(self, model: str) -> Runtime:
        if model not in self._loaded:
            self._loaded[model] = load_runtime(model, threads=self._threads)
        return self._loaded[model]


def choose(table: RoutingTable, probabilities: Mapping[str, float] | None) -> Route:
    """Return who separates a song of these family probabilities, None where it is silent."""
    if probabilities is None:
        return Route(weights={table.general: 1.0}, reason="nothing to hear")
    family = max(probabilities, key=lambda name: probabilities[name])
    reason = f"{FAMILY_TITLES.get(family, family)} ({probabilities[family]:.0%})"
    if probabilities[family] < table.floor:
        return Route(weights={table.general: 1.0}, reason=f"no genre for sure, {reason} at most")
    if table.mode != SOFT:
        return Route(weights={table.model_of(family): 1.0}, reason=reason)
    kept = {name: share for name, share in probabilities.items() if share >= table.blend_floor or name == family}
    weights: dict[str, float] = {}
    for name, share in kept.items():
        model = table.model_of(name)
        weights[model] = weights.get(model, 0.0) + share / sum(kept.values())
    return Route(weights=weights, reason=reason)


def checked_family(genre: str | None) -> str | None:
    """Return the family of a genre that a person has named, None for None. Raises: UsageError if it is unknown."""
    family = family_of(genre)
    if genre is not None and family is None:
        raise UsageError(f"--genre {genre}: is unknown, use {', '.join(FAMILIES)}, or a genre of one of them, such as house")
    return family


def _absolute(table: RoutingTable, folder: Path) -> RoutingTable:
    """Return the table with paths that do not depend on where the program runs; names of models that ship stay."""

    def place(model: str, shipped: Sequence[str]) -> str:
        return model if model in shipped and not (folder / model).exists() else str(folder / model)

    folder, models = folder.resolve(), shipped_models()
    experts = {family: place(model, models) for family, model in table.experts.items()}
    classifier = place(table.classifier, ("genre",))
    return replace(table, general=place(table.general, models), experts=experts, classifier=classifier)


def _check_contracts(table: RoutingTable) -> None:
    general = None
    experts = {f"expert for {family}": table.experts[family] for family in sorted(table.experts)}
    for place, model in {"general model": table.general, **experts}.items():
        try:
            _, contract = find_contract(model)
        except ModelError as error:
            raise ModelError(f"the {place}: {error}") from None
        if contract.kind != SPECTROGRAM:
            raise ModelError(
                f"the {place}, {model}: is of kind {contract.kind}, a routing table chooses among those of {SPECTROGRAM}"
            )
        general = general or contract
        different = [name for name in _SHARED if getattr(contract, name) != getattr(general, name)]
        if different:
            raise ModelError(
                f"the {place}, {model}: its {', '.join(different)} differ from those of the general model "
                f"{table.general}; all models of a routing table must have one geometry and the same stems: export them alike"
            )


def _short(model: str) -> str:
    path = Path(model)
    return f"{path.parent.name}/{path.name}" if path.is_absolute() else model
