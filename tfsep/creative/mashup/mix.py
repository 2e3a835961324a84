"""The mash-up itself: two songs in, one out."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from tfsep.audio import AudioInfo, read_info
from tfsep.creative.mashup.align import Alignment, align, describe_bars, matched_beats
from tfsep.creative.mashup.beats import BeatGrid
from tfsep.creative.mashup.deck import Deck, load_deck
from tfsep.creative.mashup.files import MashupFiles
from tfsep.creative.mashup.key import best_shift
from tfsep.creative.mashup.limiter import Limiter
from tfsep.creative.mashup.meter import BEATS
from tfsep.creative.mashup.playback import Playback
from tfsep.creative.mashup.settings import AUTO, DECKS, MOST_SEMITONES, STEMS, MashupSettings
from tfsep.creative.mashup.store import StemStore
from tfsep.errors import ModelError
from tfsep.separation.separator import Separator

Progress = Callable[[str, float], None]  # what is done, and how much of it, 0 to 1
_BLOCK = 1 << 16
_FADE_S = 0.005  # at both ends, against clicks


@dataclass(frozen=True, eq=False)
class PlayedDeck:
    """What became of a deck.

    Attributes:
        beats: as played: at half or double time, if need be.
        start_bar: the first bar that is played, counted from 0.
        beats_s, output_s: float64 `(beats,)`: times in the song and in the mash-up of the beats that are played, with the one
            that ends the last bar.
        speed: mean, against the song.
        semitones: by which it was shifted.
        gain_db: that brings it to the loudness of deck A.
    """

    deck: Deck
    beats: BeatGrid
    start_bar: int
    beats_s: np.ndarray
    output_s: np.ndarray
    speed: float
    semitones: int
    gain_db: float


@dataclass(frozen=True, eq=False)
class Mashup:
    """What was made: `files` by name ("mix", the stems, "stem.mp4"); `limited_db` is the most that the limiter took away."""

    files: dict[str, Path]
    decks: tuple[PlayedDeck, PlayedDeck]
    alignment: Alignment
    bpm: float
    duration_s: float
    limited_db: float
    notes: tuple[str, ...]


def mash_up(
    a: str | Path,
    b: str | Path,
    out: str | Path = "mashups",
    settings: MashupSettings | None = None,
    *,
    separator: Separator | None = None,
    format: str = "wav",
    overwrite: bool = False,
    progress: Progress = lambda what, share: None,
) -> Mashup:
    """Play stems of one song with stems of another, beat on beat, and write the mix, its stems and a `.stem.mp4`.

    The sample rate is that of deck A. Memory does not depend on the songs' lengths but for their features; the stems that are
    played lie on the disk of `out` meanwhile, about 21 MB a minute and stereo stem.

    Args:
        a, b: the songs on decks A and B.
        out: folder; the files go to `OUT/A_x_B/`.
        settings: None for the drums of A under the rest of B.
        separator: takes the songs apart, into `STEMS`; None for that of the model that ships.
        format: of mix and stems: "wav", "flac" or "mp3".
        overwrite: replace files that are there already.
    Raises: `tfsep.errors`: for files that cannot be read or written, songs without sound or beats, tempi too far apart,
        sections that the songs do not have; nothing is written then.
    """
    settings = settings or MashupSettings()
    paths = dict(zip(DECKS, (Path(a), Path(b)), strict=True))
    infos = {deck: read_info(path) for deck, path in paths.items()}
    separator = separator or Separator.load()
    if set(separator.stems) != set(STEMS):
        raise ModelError(
            f"model {separator.contract.name}: has the stems {', '.join(separator.stems)}: a mash-up needs {', '.join(STEMS)}"
        )
    info = _output_info(infos["A"], infos["B"])
    with ExitStack() as stack:
        files = stack.enter_context(MashupFiles(Path(out), paths["A"], paths["B"], info, format, overwrite))
        decks = []
        for name in DECKS:
            store = StemStore(files.folder, settings.stems_of(name), info.channels)
            stack.callback(store.close)
            decks.append(
                load_deck(
                    name,
                    paths[name],
                    separator,
                    store,
                    sample_rate_hz=info.sample_rate_hz,
                    hint_bpm=settings.tempo_a if name == "A" else settings.tempo_b,
                    progress=partial(progress, f"listening to deck {name}"),
                )
            )
        alignment, played = bring_together(decks, settings)
        samples = round(float(played[0].output_s[-1]) * info.sample_rate_hz)
        limiter = Limiter(info.sample_rate_hz, info.channels)
        done, written = 0, None
        # encoding takes longer than mixing: it goes on beside it, a block behind
        with ThreadPoolExecutor(1, thread_name_prefix="tfsep-mashup") as writing:
            for block in _limited(_sums(played, info.sample_rate_hz, samples), limiter):
                if written is not None:
                    written.result()
                stems = {stem: block[:, index] for index, stem in enumerate(STEMS)}
                written = writing.submit(files.write, np.einsum("tsc->tc", block), stems)
                done += len(block)
                progress("mixing", done / samples)
            if written is not None:
                written.result()
    bpm = 60 * BEATS * alignment.bars / float(played[0].output_s[-1])
    notes = tuple(note for deck in decks for note in deck.notes)
    limited_db = -20 * np.log10(limiter.least_gain)
    return Mashup(files.paths, played, alignment, bpm, samples / info.sample_rate_hz, limited_db, notes)


def bring_together(decks: Sequence[Deck], settings: MashupSettings) -> tuple[Alignment, tuple[PlayedDeck, PlayedDeck]]:
    """Decide at which tempo, in which key and from which bars on two decks are played. Raises: as `matched_beats` and `align`."""
    master = 0 if settings.stretch == "B" else 1
    bpm = settings.bpm or decks[master].beats.bpm
    beats = [deck.beats if deck.name not in settings.stretched else matched_beats(deck.beats, bpm, deck.path) for deck in decks]
    semitones = [_semitones(decks, settings) if name == settings.shifted else 0 for name in DECKS]
    bars = [describe_bars(deck, grid) for deck, grid in zip(decks, beats, strict=True)]
    alignment = align(bars[0], bars[1], settings, (semitones[0], semitones[1]))
    starts = alignment.start_a, alignment.start_b
    played_s = [
        grid.beats_s[grid.first_downbeat + start * BEATS :][: alignment.bars * BEATS + 1]
        for grid, start in zip(beats, starts, strict=True)
    ]
    output_s = played_s[master] - played_s[master][0]
    if settings.bpm is not None:
        output_s = np.arange(alignment.bars * BEATS + 1) * 60 / settings.bpm
    played = [
        PlayedDeck(
            deck=deck,
            beats=grid,
            start_bar=start,
            beats_s=times_s,
            output_s=output_s,
            speed=float((times_s[-1] - times_s[0]) / output_s[-1]),
            semitones=shift,
            gain_db=decks[0].loudness_lufs - deck.loudness_lufs,
        )
        for deck, grid, start, times_s, shift in zip(decks, beats, starts, played_s, semitones, strict=True)
    ]
    return alignment, (played[0], played[1])


def _semitones(decks: Sequence[Deck], settings: MashupSettings) -> int:
    if settings.key_shift != AUTO:
        return int(settings.key_shift)
    moved, other = decks if settings.shifted == "A" else reversed(decks)
    # drums alone have no key that anything would have to fit
    if moved.key is None or other.key is None or any(deck.store.names == ("drums",) for deck in decks):
        return 0
    return best_shift(moved.key, other.key, MOST_SEMITONES)


def _output_info(a: AudioInfo, b: AudioInfo) -> AudioInfo:
    return replace(a, channels=max(a.channels, b.channels), frames=None, tags={}, cover=None)


def _sums(played: Sequence[PlayedDeck], sample_rate_hz: int, samples: int) -> Iterator[np.ndarray]:
    """Yield the stems of the mash-up before the limiter, float32 `(samples, STEMS, channels)`."""
    playbacks = []
    for one in played:
        as_it_is = np.allclose(one.beats_s - one.beats_s[0], one.output_s, rtol=0, atol=1e-9) and not one.semitones
        playbacks.append(
            Playback(one.deck, sample_rate_hz, one.beats_s, None if as_it_is else one.output_s, one.semitones, samples)
        )
    fade = max(1, round(_FADE_S * sample_rate_hz))
    for start in range(0, samples, _BLOCK):
        count = min(_BLOCK, samples - start)
        block = np.zeros((count, len(STEMS), played[0].deck.store.channels), np.float32)
        at = np.arange(start, start + count)
        envelope = np.clip(np.minimum(at + 1, samples - at) / fade, 0, 1).astype(np.float32)
        for one, playback in zip(played, playbacks, strict=True):
            gain = np.float32(10 ** (one.gain_db / 20)) * envelope
            places = [STEMS.index(name) for name in one.deck.store.names]
            block[:, places] = playback.take(count) * gain[:, None, None]
        yield block


def _limited(blocks: Iterator[np.ndarray], limiter: Limiter) -> Iterator[np.ndarray]:
    for block in blocks:
        yield from limiter.push(block)
    yield from limiter.finish()
