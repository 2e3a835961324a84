"""Hits as a General MIDI drum file."""

import io
from collections.abc import Sequence

from tfsep.creative.drums.hits import Hit
from tfsep.errors import MissingExtraError

# Keys of the General MIDI percussion map (General MIDI 1, 1991): crash and ride are one class, and so are all percussions.
KEYS = {"kick": 36, "snare": 38, "closed_hat": 42, "open_hat": 46, "cymbal": 49, "tom": 45, "percussion": 54}
CHANNEL = 9  # the tenth, which General MIDI keeps for drums
BPM = 120  # of the file: times are absolute, and no tempo is known
TICKS_PER_BEAT = 480  # about a millisecond each
LENGTH_S = 0.05  # drums end by themselves


def check_midi() -> None:
    """Raise MissingExtraError if what writes MIDI files is not installed."""
    try:
        import mido  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtraError("mido", "drums", "a MIDI file of drums") from None


def midi_bytes(hits: Sequence[Hit]) -> bytes:
    """Return a standard MIDI file, format 0, with a note for each hit on the drum channel.

    The tempo is always `BPM`, so that a bar line of the file means nothing; times are within half a tick, 0.6 ms.

    Raises: MissingExtraError without mido.
    """
    check_midi()
    import mido

    ticks_per_s = TICKS_PER_BEAT * BPM / 60
    events = []
    for hit in hits:
        start = round(hit.time_s * ticks_per_s)
        key, velocity = KEYS[hit.drum], min(127, max(1, round(127 * hit.velocity)))
        events += [(start, 1, key, velocity), (start + round(LENGTH_S * ticks_per_s), 0, key, 0)]
    track = mido.MidiTrack(
        [mido.MetaMessage("track_name", name="drums"), mido.MetaMessage("set_tempo", tempo=60_000_000 // BPM)]
    )
    now = 0
    for tick, on, key, velocity in sorted(events):
        track.append(
            mido.Message("note_on" if on else "note_off", channel=CHANNEL, note=key, velocity=velocity, time=tick - now)
        )
        now = tick
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_BEAT, tracks=[track])
    written = io.BytesIO()
    file.save(file=written)
    return written.getvalue()
