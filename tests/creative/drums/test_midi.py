import io

import mido
import pytest

from tfsep.creative.drums.hits import CLASSES, Hit
from tfsep.creative.drums.midi import KEYS, midi_bytes


def notes(content: bytes) -> list[tuple[float, int, int, int]]:
    """Return time in seconds, channel, key and velocity of each note, as mido plays the file."""
    now, found = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(content)):
        now += message.time
        if message.type == "note_on":
            found.append((now, message.channel, message.note, message.velocity))
    return found


def test_hits_come_back_at_their_times_on_channel_10():
    hits = [Hit(0.0, "kick", 1.0), Hit(1.2345, "closed_hat", 0.5), Hit(1.2345, "snare", 0.001), Hit(600.0, "cymbal", 0.25)]
    found = notes(midi_bytes(hits))
    assert [time_s for time_s, *_ in found] == pytest.approx([hit.time_s for hit in hits], abs=0.0006)
    assert {channel for _, channel, _, _ in found} == {9}
    assert {(key, velocity) for _, _, key, velocity in found} == {(36, 127), (42, 64), (38, 1), (49, 32)}


def test_each_note_ends_and_one_of_the_same_key_soon_after_is_kept():
    hits = [Hit(0.5, "snare", 0.5), Hit(0.54, "snare", 0.6)]
    messages = [m for m in mido.MidiFile(file=io.BytesIO(midi_bytes(hits))).tracks[0] if m.type.startswith("note")]
    assert sorted(m.type for m in messages) == ["note_off", "note_off", "note_on", "note_on"]
    assert len(notes(midi_bytes(hits))) == 2


def test_no_hits_make_an_empty_file():
    assert notes(midi_bytes([])) == []


def test_every_class_has_a_key_of_its_own():
    assert set(KEYS) == set(CLASSES)
    assert len(set(KEYS.values())) == len(KEYS)
