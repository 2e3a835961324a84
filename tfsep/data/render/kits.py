"""Drum kits drawn piece by piece, and the playing of hits on them."""

import re
from dataclasses import dataclass, field

import numpy as np
import soxr

from tfsep.data.drum_names import is_open_hat
from tfsep.data.render.chance import between, chance, pick, pick_weighted
from tfsep.data.render.drums import SYNTHESISERS
from tfsep.data.render.effects import SAMPLE_RATE, biquad, db, equalise, pan_gains
from tfsep.data.render.material import Material, Sample
from tfsep.data.render.score import PERCUSSION_PIECES, DrumHit

ROLES = {
    "kick": "kick",
    "snare": "snare",
    "closed_hat": "hat",
    "open_hat": "hat",
    "crash": "cymbal",
    "ride": "cymbal",
    "tom": "tom",
    "percussion": "perc",
}
ACOUSTIC_FOLDERS = re.compile(
    r"muldjord|open-source|pearl|karoryfer|vcsl|frankensnare|gogodze|world-perc|body-perc|berklee|"
    r"kit-(brush|jazz|power|room|standard|orchestra)|acoustic"
)
RIDE = re.compile(r"ride|(^|[^a-z])rd|k51|k53|k59")
CRASH = re.compile(r"crash|china|splash|(^|_)cr_|k49|k52|k55|k57")
PERCUSSION = {
    "shaker": re.compile(r"shak|marac|cabas|tamb|univox-ch|coinshake|k54|k69|k70|k82|hojas|caxixi"),
    "high_drum": re.compile(r"bongo|conga-?h|hc00|hc75|djembe|tabla|k60|k62|k63|bongoh|darbuka|timbal|cajon"),
    "low_drum": re.compile(r"conga|lc00|lc75|k61|k64|stomp|thump|bongol|low"),
    "clap": re.compile(r"clap|(^|[^a-z])cp|(^|[^a-z])cl($|-lofi|-0)|k39|snap"),
    "rim": re.compile(r"rim|stick|(^|[^a-z])ss_|k37|clave|block|k75|k76|k77"),
    "bell": re.compile(r"cowb|(^|[^a-z])cb_|agogo|triangle|k56|k67|k68|k80|k81"),
}
TOMS = tuple(
    re.compile(words)
    for words in (r"(^|[^a-z])h|high|hi|k50|k48|1", r"mid|medium|mt|k47|k45|2", r"low|lo|lt|large|floor|k41|k43|3|4")
)
MAX_SECONDS = {
    "kick": 1.2,
    "snare": 1.0,
    "closed_hat": 0.35,
    "open_hat": 1.4,
    "crash": 4.0,
    "ride": 2.5,
    "tom": 1.6,
    "percussion": 1.0,
}
LEVEL_DB = {
    "kick": 0.0,
    "snare": -1.5,
    "closed_hat": -13,
    "open_hat": -12,
    "crash": -8,
    "ride": -14,
    "tom": -3,
    "percussion": -10,
}
REVERB_SEND = {
    "kick": 0.03,
    "snare": 0.5,
    "closed_hat": 0.12,
    "open_hat": 0.15,
    "crash": 0.3,
    "ride": 0.2,
    "tom": 0.45,
    "percussion": 0.4,
}


def decay_seconds(audio: np.ndarray) -> float:
    """Return after how long a hit `(channels, samples)` stays 20 dB under its peak."""
    level = np.abs(audio).max(axis=0)
    loud = np.flatnonzero(level > 0.1 * level.max(initial=1e-9))
    return (int(loud[-1]) + 1) / SAMPLE_RATE if len(loud) else 0.0


def suits(sample: Sample, material: Material, drum: str, piece: int) -> bool:
    """True if a sample of the right role can play this class and piece; told by its name, else by how fast it decays.

    A hat that sounds for over a quarter of a second is open; a cymbal that is 20 dB down within 0.2 s (its stick is louder than
    its wash) is a ride.
    """
    name = sample.name.lower()
    if drum in ("closed_hat", "open_hat"):
        return is_open_hat(name, lambda: decay_seconds(material.audio(sample))) == (drum == "open_hat")
    if drum in ("crash", "ride"):
        is_ride = bool(RIDE.search(name)) or (not CRASH.search(name) and decay_seconds(material.audio(sample)) < 0.2)
        return is_ride == (drum == "ride")
    if drum == "percussion":
        return bool(PERCUSSION[PERCUSSION_PIECES[piece]].search(name))
    if drum == "tom":
        return bool(TOMS[min(piece, 2)].search(name))
    return True


@dataclass
class Piece:
    """One instrument of a kit: its hits, loud and soft, and how it is placed."""

    loud: list[np.ndarray]
    soft: list[np.ndarray]
    gain: float
    pan: float
    send: float
    sources: list[Sample] = field(default_factory=list)
    synthesised: str = ""


def _resample(audio: np.ndarray, ratio: float) -> np.ndarray:
    """Play `(channels, samples)` `ratio` times as fast, and as high."""
    if abs(ratio - 1) < 1e-3:
        return audio
    return np.ascontiguousarray(soxr.resample(audio.T, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="LQ").T)


def _aligned(audio: np.ndarray) -> np.ndarray:
    """Cut a slow attack (shakers, flammed claps) so that a quarter of the peak is reached at most 7 ms after the start."""
    level = np.abs(audio).max(axis=0)
    start = int(np.argmax(level > 0.25 * level.max(initial=0.0))) - int(0.007 * SAMPLE_RATE)
    if start <= 0:
        return audio
    audio = audio[:, start:].copy()
    fade = min(200, audio.shape[1])
    audio[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    return audio


def _finish(audio: np.ndarray, drum: str, decay_scale: float, sections: list[np.ndarray]) -> np.ndarray:
    """Shorten, equalise and scale a hit to peak 1."""
    limit = int(MAX_SECONDS[drum] * SAMPLE_RATE)
    audio = audio[:, :limit]
    if decay_scale < 1:
        time_s = np.arange(audio.shape[1], dtype=np.float32) / SAMPLE_RATE
        audio = audio * np.exp(-time_s * np.float32((1 - decay_scale) * 6 / MAX_SECONDS[drum]))
    audio = equalise(audio, *sections)
    fade = min(600, audio.shape[1])
    if audio.shape[1] == limit:
        audio = audio.copy()
        audio[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return audio / max(float(np.abs(audio).max(initial=0.0)), 1e-6)


def _tone(drum: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw the equaliser of a piece."""
    sections = [biquad("high_pass", {"kick": 25, "tom": 45, "snare": 70, "percussion": 90}.get(drum, 250))]
    if chance(rng, 0.6):
        sections.append(biquad("peak", 10 ** between(rng, (2.0, 4.0)), between(rng, (-6, 5)), between(rng, (0.6, 2))))
    if chance(rng, 0.5):
        sections.append(biquad("high_shelf", between(rng, (4000, 9000)), between(rng, (-6, 5))))
    if drum == "kick" and chance(rng, 0.5):
        sections.append(biquad("low_shelf", between(rng, (60, 120)), between(rng, (-3, 5))))
    return sections


class Kit:
    """The drum kit of one song. Pieces are drawn when they are first asked for, always in the same order for a score."""

    def __init__(self, material: Material, style: str, rng: np.random.Generator) -> None:
        self.material, self.style, self.rng = material, style, rng
        self.pieces: dict[tuple[str, int], Piece] = {}
        self._home = self._draw_home()
        self._procedural = {"acoustic": 0.03, "electronic": 0.4, "mixed": 0.2}[style]
        self._tuning = 2 ** (rng.normal(0, 1.0) / 12)

    def _draw_home(self) -> str | None:
        """Draw a folder that most pieces shall come from, as in real kits; None: every piece from anywhere."""
        names = [name for name in self.material.folders("drums/kick") if self._fits(name)]
        return pick(self.rng, names) if names and chance(self.rng, 0.55) else None

    def _fits(self, folder: str) -> bool:
        acoustic = bool(ACOUSTIC_FOLDERS.search(folder))
        return self.style == "mixed" or acoustic == (self.style == "acoustic")

    def _candidates(self, drum: str, piece: int) -> list[Sample]:
        """Return the samples of one folder that can play a piece: of the home folder, else of another that fits the style."""
        folders = self.material.folders(f"drums/{ROLES[drum]}")
        names = [name for name in folders if self._fits(name)] or list(folders)
        order = list(self.rng.permutation(len(names)))
        tries = [names[index] for index in order[:8]]
        if self._home in folders and chance(self.rng, 0.8):
            tries.insert(0, self._home)
        for name in tries:
            found = [sample for sample in folders[name] if suits(sample, self.material, drum, piece)]
            if found:
                return found
        return folders[tries[0]] if tries and drum in ("kick", "snare", "tom") else []

    def _draw_piece(self, drum: str, piece: int) -> Piece:
        rng = self.rng
        found = [] if chance(rng, self._procedural) else self._candidates(drum, piece)
        tuning = self._tuning * 2 ** (rng.normal(0, 0.7) / 12)
        decay, tone = between(rng, (0.4, 1.6)), _tone(drum, rng)
        # Variants of one drum (round robin) share the first word of their names: snare_1, snare_2; other names are other drums.
        chosen: list[Sample] = []
        if found:
            first = pick(rng, found)
            stem = re.sub(r"[\d_.-]+$|_v\d+.*$", "", first.name)
            chosen = [s for s in found if s.name.startswith(stem)][:4] if len(stem) > 1 else [first]
            loud = [_aligned(_resample(self.material.audio(s)[:, : 5 * SAMPLE_RATE], tuning)) for s in chosen]
            name = ""
        else:
            name, synthesise = pick(rng, SYNTHESISERS[drum if drum != "percussion" else PERCUSSION_PIECES[piece]])
            loud = synthesise(rng, tuning, piece)
        loud = [_finish(audio, drum, decay, tone) for audio in loud]
        if drum in ("kick", "snare") and chance(rng, 0.25):
            loud = self._layered(loud, drum, chosen)
        soft = [equalise(audio, biquad("low_pass", {"kick": 1800, "tom": 1500}.get(drum, 4500), q=0.6)) for audio in loud]
        spread = {"kick": 0, "snare": 0.1, "tom": 0.15}.get(drum, 0.45)
        pan = {"tom": (-0.4, 0.0, 0.45)[min(piece, 2)]}.get(drum, 0.0) + rng.normal(0, 1) * spread
        gain = db(LEVEL_DB[drum] + rng.normal(0, 2.0)) * (0.8 if self.style == "acoustic" and drum == "kick" else 1)
        send = REVERB_SEND[drum] * between(rng, (0.2, 1.8))
        return Piece(loud, soft, gain, float(np.clip(pan, -0.8, 0.8)), send, chosen, name)

    def _layered(self, loud: list[np.ndarray], drum: str, chosen: list[Sample]) -> list[np.ndarray]:
        """Put a second kick or snare (or a clap) under each hit."""
        rng = self.rng
        others = self._candidates(drum, 0) if chance(rng, 0.6) else []
        if others:
            layer_sample = pick(rng, others)
            chosen.append(layer_sample)
            layer = self.material.audio(layer_sample)
        else:
            _, synthesise = pick(rng, SYNTHESISERS["clap" if drum == "snare" else "kick"])
            layer = synthesise(rng, 1.0, 0)[0]
        layer = between(rng, (0.2, 0.7)) * _finish(layer.mean(axis=0, keepdims=True), drum, 0.8, [biquad("high_pass", 150)])
        layered = []
        for audio in loud:
            samples = max(audio.shape[1], layer.shape[1])
            both = np.pad(audio, ((0, 0), (0, samples - audio.shape[1]))) + np.pad(
                layer, ((0, 0), (0, samples - layer.shape[1]))
            )
            layered.append((both / np.abs(both).max()).astype(np.float32))
        return layered

    def piece(self, drum: str, piece: int) -> Piece:
        """Return what plays a class and piece, drawn at the first call."""
        key = (drum, piece if drum in ("tom", "percussion") else 0)
        if key not in self.pieces:
            self.pieces[key] = self._draw_piece(*key)
        return self.pieces[key]

    def play(self, hits: tuple[DrumHit, ...], samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Play hits.

        Returns: the dry kit float32 `(2, samples)`, and what goes to the room `(samples,)`.
        """
        dry, send = np.zeros((2, samples), np.float32), np.zeros(samples, np.float32)
        ordered = sorted(hits, key=lambda hit: hit.time_s)
        starts = {drum: [h.time_s for h in ordered if h.drum == drum] for drum in ("kick", "closed_hat", "open_hat")}
        hat_starts = np.array(sorted(starts["closed_hat"] + starts["open_hat"]))
        kick_starts = np.array(starts["kick"])
        last: dict[tuple[str, int], int] = {}
        for hit in ordered:
            piece = self.piece(hit.drum, hit.piece)
            key = (hit.drum, hit.piece)
            choice = int(self.rng.integers(len(piece.loud)))
            if choice == last.get(key) and len(piece.loud) > 1:
                choice = (choice + 1) % len(piece.loud)  # round robin: no sample twice in a row
            last[key] = choice
            start = round(hit.time_s * SAMPLE_RATE)
            if start >= samples or start < 0:
                continue
            bright = min(1.0, 0.25 + 0.85 * hit.velocity)
            audio = piece.loud[choice] * np.float32(bright) + piece.soft[choice] * np.float32(1 - bright)
            choke = {"open_hat": hat_starts, "kick": kick_starts}.get(hit.drum)
            if choke is not None:
                following = choke[choke > hit.time_s + 0.02]
                if len(following):
                    audio = _choke(audio, round((following[0] - hit.time_s) * SAMPLE_RATE))
            audio = audio[:, : samples - start] * np.float32(piece.gain * hit.velocity**1.4)
            left, right = pan_gains(piece.pan)
            stop = start + audio.shape[1]
            dry[0, start:stop] += left * audio[0]
            dry[1, start:stop] += right * audio[-1]
            send[start:stop] += np.float32(piece.send) * audio[0]
        return dry, send


def _choke(audio: np.ndarray, after_samples: int, fade_samples: int = 400) -> np.ndarray:
    """Damp a hit when the next one of its instrument starts."""
    if audio.shape[1] <= after_samples:
        return audio
    audio = audio[:, : after_samples + fade_samples].copy()
    audio[:, after_samples:] *= np.linspace(1, 0, audio.shape[1] - after_samples, dtype=np.float32)
    return audio


def pick_style(style: str, rng: np.random.Generator) -> str:
    """Vary a score's kit style a little: now and then a band plays a drum machine, and the reverse."""
    return pick_weighted(rng, [(style, 0.88), ("mixed", 0.12)])
