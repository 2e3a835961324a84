"""The whole check of a contribution: description, layout, sound, duplicates. It reads and reports, and changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsep.data.catalogue.catalogue import Catalogue
from tfsep.data.catalogue.checks import Limits, check_song
from tfsep.data.catalogue.contribution import Contribution, read_contribution
from tfsep.data.catalogue.findings import Finding, error, warning
from tfsep.data.catalogue.fingerprints import Match, compare
from tfsep.data.catalogue.layout import MIXTURE, SongFolder, read_layout
from tfsep.data.catalogue.measure import SongMeasurement, measure_song
from tfsep.errors import DataError, MissingExtraError


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What the check of a contribution came to.

    Attributes:
        contribution: None if `contribution.json` is not as it should be.
        measurements: by song.
        findings: all of them, errors first.
    """

    folder: Path
    contribution: Contribution | None
    songs: tuple[SongFolder, ...]
    measurements: Mapping[str, SongMeasurement]
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing that was found refuses the contribution."""
        return not any(finding.severity == "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        songs = {
            name: {
                "duration_s": song.duration_s,
                "files": {part: {"sha256": file.levels.sha256, "peak": file.levels.peak} for part, file in song.files.items()},
            }
            for name, song in self.measurements.items()
        }
        findings = [finding.to_json() for finding in self.findings]
        return {"folder": str(self.folder), "accepted": self.accepted, "findings": findings, "songs": songs}


def check_contribution(
    folder: Path,
    *,
    catalogue: Path | None = None,
    limits: Limits | None = None,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> CheckReport:
    """Check a folder that somebody sent.

    Args:
        catalogue: whose songs must not come again.
        on_progress: told before each song how many are done, of how many, and its name.
    Raises: DataError if there is no such folder or the catalogue cannot be read; MissingExtraError without scipy.
    """
    check_scipy()
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder: give the one that holds contribution.json and the songs")
    if catalogue is not None:
        Catalogue(catalogue).close()  # before the work rather than after it
    contribution, found = read_contribution(folder)
    try:
        songs, wrong = read_layout(folder, contribution)
    except OSError as problem:
        raise DataError(f"{problem.filename}: cannot be read ({problem.strerror}): check its permissions") from None
    found += wrong
    measurements = {}
    for done, song in enumerate(songs):
        if on_progress:
            on_progress(done, len(songs), song.name)
        measurements[song.name] = measure_song(song)
        found += check_song(measurements[song.name], limits or Limits())
    found += _doubles_within(measurements)
    if catalogue is not None:
        with Catalogue(catalogue) as opened:
            found += doubles_in_catalogue(measurements, opened)
    return CheckReport(
        folder=folder,
        contribution=contribution,
        songs=tuple(songs),
        measurements=measurements,
        findings=tuple(sorted(found, key=lambda finding: finding.severity)),
    )


def check_scipy() -> None:
    """Raise MissingExtraError without scipy, which the checks of sound need."""
    try:
        import scipy  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("scipy", "render", "checking contributions") from None


def doubles_in_catalogue(measurements: Mapping[str, SongMeasurement], catalogue: Catalogue) -> list[Finding]:
    """Return the songs and stems that a catalogue has already."""
    found = []
    for name, song in measurements.items():
        doubles = catalogue.alike(song.fingerprint) if song.fingerprint else []
        found += [_double(name, f"{other} in the catalogue", match) for other, match in doubles]
        for part, file in song.files.items() if not doubles else ():
            if part != MIXTURE and not file.levels.silent:
                same = catalogue.same_sound(file.levels.sha256)
                found += [_same_stem(f"{name}/{file.path.name}", f"{other} in the catalogue") for other in same]
    return found


def _doubles_within(measurements: Mapping[str, SongMeasurement]) -> list[Finding]:
    found = []
    seen: dict[str, str] = {}
    doubled: set[str] = set()
    names = sorted(measurements)
    for index, name in enumerate(names):
        song = measurements[name]
        for other in names[:index]:
            prints = song.fingerprint, measurements[other].fingerprint
            if prints[0] and prints[1] and (match := compare(prints[0], prints[1])).same:
                found.append(_double(name, other, match))
                doubled.add(name)
        for part, file in song.files.items() if name not in doubled else ():
            if part == MIXTURE or file.levels.silent:
                continue
            shown = f"{name}/{file.path.name}"
            first = seen.setdefault(file.levels.sha256, shown)
            if not first.startswith(f"{name}/"):  # two stems of one song that are the same are found as copies
                found.append(_same_stem(shown, first))
    return found


def _double(name: str, other: str, match: Match) -> Finding:
    value = (
        f"is the same recording as {other} ({match.aligned} landmarks, {match.share:.0%}, shifted by {match.offset_s:.0f} s)"
    )
    return error("duplicate", f"{name}/{MIXTURE}", value, "recordings that are new", "leave this song out")


def _same_stem(shown: str, other: str) -> Finding:
    value = f"is to the last sample the same as {other}"
    return warning("duplicate", shown, value, "recordings that are new", "fine for a remix; leave it out otherwise")
