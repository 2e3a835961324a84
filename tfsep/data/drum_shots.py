"""Single drum hits out of the sound material, varied without end: seeded, in mono, with the attack at a known place."""

from collections.abc import Collection, Sequence

import numpy as np
import soxr

from tfsep.contract_drums import CLASSES
from tfsep.data.render.chance import between, chance, pick
from tfsep.data.render.drums import SYNTHESISERS
from tfsep.data.render.effects import SAMPLE_RATE
from tfsep.data.render.kits import ROLES, suits
from tfsep.data.render.material import Material, Sample
from tfsep.data.render.score import PERCUSSION_PIECES
from tfsep.dsp.hit_grid import clip_of
from tfsep.errors import DataError

HELD_OUT_KITS = ("boochi-02-bounce", "muldjordkit", "stargate-karoryfer", "uzu-drumkit")  # by name, for tests alone
SYNTHESISED_SHARE = 0.25
LAYERED_SHARE = 0.2
SATURATED_SHARE = 0.35
HIGHEST_SHIFT_SEMITONES = 5.0
_RENDERED = {"cymbal": ("crash", "ride")}  # a drum here: what it is in rendered songs, where that is not one drum of its name


class DrumShots:
    """One-shots by drum, and variations of them.

    Args:
        kits: names of folders of the material to take.
    Raises: DataError if a drum has no sample in them.
    """

    def __init__(self, material: Material, kits: Collection[str]):
        self._material = material
        self.samples: dict[str, list[Sample]] = {}
        for drum in CLASSES:
            self.samples[drum] = self._of(drum, kits)
            if not self.samples[drum]:
                raise DataError(
                    f"{material.folder}: no sample of the drum {drum} in the kits {', '.join(sorted(kits))}: add some"
                )

    def _of(self, drum: str, kits: Collection[str]) -> list[Sample]:
        rendered = _RENDERED.get(drum, (drum,))
        found = [s for s in self._material.samples if s.role == f"drums/{ROLES[rendered[0]]}" and s.folder in kits]
        if drum in ("closed_hat", "open_hat"):
            found = [sample for sample in found if suits(sample, self._material, drum, 0)]
        return found

    def plain(self, sample: Sample) -> np.ndarray:
        """Return a one-shot as it is, a clip as `clip_of` makes it."""
        return clip_of(self._material.audio(sample).mean(axis=0))

    def varied(self, drum: str, rng: np.random.Generator) -> np.ndarray:
        """Return a hit that nobody has played, a clip as `clip_of` makes it.

        A one-shot or, now and then, a synthesised drum; at another pitch and length, layered with a second one, saturated. Filters
        and envelopes are left to whoever makes grids of hits, where they cost less.
        """
        hit = self._drawn(drum, rng)
        if chance(rng, LAYERED_SHARE):
            layer = between(rng, (0.15, 0.8)) * self._drawn(drum, rng)
            late = int(rng.integers(0, int(0.004 * SAMPLE_RATE)))
            both = np.zeros(max(len(hit), late + len(layer)), np.float32)
            both[: len(hit)] = hit
            both[late : late + len(layer)] += layer
            hit = both
        if chance(rng, SATURATED_SHARE):
            hit = np.tanh(10 ** between(rng, (0, 0.9)) * hit / max(np.abs(hit).max(), 1e-6))
        return clip_of(hit)

    def _drawn(self, drum: str, rng: np.random.Generator) -> np.ndarray:
        shift = float(np.clip(rng.normal(0, 2.0), -HIGHEST_SHIFT_SEMITONES, HIGHEST_SHIFT_SEMITONES))
        if chance(rng, SYNTHESISED_SHARE):
            piece = int(rng.integers(3 if drum == "tom" else len(PERCUSSION_PIECES) if drum == "percussion" else 1))
            names = (PERCUSSION_PIECES[piece],) if drum == "percussion" else _RENDERED.get(drum, (drum,))
            _, synthesise = pick(rng, SYNTHESISERS[pick(rng, names)])
            return pick(rng, synthesise(rng, 2 ** (shift / 12), piece))[0]
        audio = self._material.audio(pick(rng, self.samples[drum])).mean(axis=0)
        ratio = 2 ** (shift / 12)
        return soxr.resample(audio, SAMPLE_RATE * ratio, SAMPLE_RATE, quality="LQ")


def training_kits(material: Material, held_out: Sequence[str] = HELD_OUT_KITS) -> frozenset[str]:
    """Return the names of all kits but those held out."""
    return frozenset(sample.folder for sample in material.samples if sample.role.startswith("drums/")) - set(held_out)
