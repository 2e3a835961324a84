"""Which songs the demo plays, and by whose leave."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsep.audio import Audio
from tfsep.data.catalogue.contribution import ALLOWED_LICENCES
from tfsep.errors import AudioError, DataError, UsageError
from tfsep.evaluation.dataset import SongAudio, find_songs, read_song
from tfsep.separation.runtime_contract import sidecar_path

SONG_FILE = "song.json"
MOST_SONGS = 4


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Under which licence, an SPDX identifier of `ALLOWED_LICENCES`, a song comes, whom to credit, and where it is from."""

    licence: str
    credit: str
    source: str


@dataclass(frozen=True, kw_only=True)
class DemoSong:
    """A song to cut a clip from: a folder of stems or an audio file.

    Attributes:
        start_s: of the clip; None takes the middle of the song.
    """

    path: Path
    rights: Rights
    start_s: float | None = None

    @property
    def name(self) -> str:
        """Of the clip: that of the folder, or of the file without its suffix."""
        path = self.path.resolve()
        return path.name if path.is_dir() else path.name.partition(".")[0]

    def cut(self, seconds: float) -> "Cut":
        """Cut the clip out.

        Raises: AudioError or DataError if the song cannot be read, UsageError if it is shorter.
        """
        song = _folder_mixture(self.path) if self.path.is_dir() else Audio.read(self.path)
        rate_hz = song.sample_rate_hz
        length, total = round(seconds * rate_hz), len(song.samples)
        start = max(0, (total - length) // 2) if self.start_s is None else round(self.start_s * rate_hz)
        if start + length > total:
            raise UsageError(
                f"{self.path}: has {song.duration_s:.1f} s, the clip takes {seconds:g} s from {start / rate_hz:g} s on: choose "
                "another start, SONG@SECONDS, or fewer --seconds"
            )
        return Cut(self, Audio(song.samples[start : start + length].copy(), rate_hz), start / rate_hz)


@dataclass(frozen=True)
class Cut:
    """A stretch of a song, and where in it that starts."""

    song: DemoSong
    sound: Audio
    start_s: float


def demo_songs(named: Sequence[str], *, licence: str | None, credit: str | None, source: str | None) -> list[DemoSong]:
    """Return the songs that the command line names.

    Args:
        named: each a folder of stems or a file, with `@SECONDS` behind it where the clip is to start.
        licence, credit, source: of all of them; None where JSON beside the song says it, `song.json` in a folder, `NAME.json`
            beside a file, with these names.
    Raises: UsageError for no song or too many, two of a name, or a start below 0; DataError for one that is missing or whose
        licence is not stated or does not allow shipping.
    """
    if not 1 <= len(named) <= MOST_SONGS:
        raise UsageError(f"--songs: {len(named)} are named, use 1 to {MOST_SONGS}; two make two decks")
    songs = []
    for text in named:
        path, start_s = _place(text)
        if not path.exists():
            raise DataError(f"{path}: there is no such song: check the name")
        if path.is_dir() and find_songs([path]) != [path]:
            raise DataError(f"{path}: is a folder of songs: name one of them")
        stated = {"licence": licence, "credit": credit, "source": source}
        songs.append(DemoSong(path=path, rights=_rights(path, stated), start_s=start_s))
    names = [song.name for song in songs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"--songs: more than one is called {', '.join(twice)}: rename one")
    return songs


def _place(text: str) -> tuple[Path, float | None]:
    """Part a name from the start behind it; a song whose own name holds an @ is found by that name."""
    if Path(text).exists() or "@" not in text:
        return Path(text), None
    name, _, seconds = text.rpartition("@")
    try:
        start_s = float(seconds)
    except ValueError:
        start_s = -1.0
    if not 0 <= start_s < float("inf"):
        raise UsageError(f"--songs {text}: behind the @ stands where the clip starts, in seconds from 0 on")
    return Path(name), start_s


def _rights(path: Path, stated: dict[str, str | None]) -> Rights:
    beside = path / SONG_FILE if path.is_dir() else sidecar_path(path)
    told = _read(beside)
    if "credit" not in told and "artist" in told:  # as `tfsep data add` writes it
        told["credit"] = " - ".join(told[name] for name in ("artist", "title") if name in told)
    found = {name: value or told.get(name, "") for name, value in stated.items()}
    for name, what in (("licence", "under which licence it comes"), ("credit", "whom to credit for it")):
        if not found[name]:
            raise DataError(f'{path}: nobody says {what}: add --{name}, or "{name}" in {beside}')
    if found["licence"] not in ALLOWED_LICENCES:
        raise DataError(
            f"{path}: licence {found['licence']!r} is none of {', '.join(ALLOWED_LICENCES)}, under which clips may ship: "
            "choose another song"
        )
    return Rights(licence=found["licence"], credit=found["credit"], source=found["source"] or path.resolve().name)


def _read(path: Path) -> dict[str, str]:
    """Return the texts in a JSON object; nothing if there is no file."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}): repair it or state the licence with --licence") from None
    return {name: value for name, value in fields.items() if isinstance(value, str)} if isinstance(fields, dict) else {}


def _folder_mixture(folder: Path) -> Audio:
    with SongAudio(read_song(folder)) as song:
        blocks = [mixture for mixture, _ in song.blocks()]
        if not blocks:
            raise AudioError(f"{folder}: the song has 0 samples: choose another")
        return Audio(np.concatenate(blocks), song.sample_rate_hz)
