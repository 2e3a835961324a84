"""The genres made with machines."""

from collections.abc import Mapping

from tfsep.data.render.genre import Genre, layer, weights

_ELECTRONIC_PADS = layer("pad", "", "synth-pad pad pad strings synth-pad", 0.6, -3)
_ARP = layer("arp", "", "synth-arp synth-pluck synth-arp mallet", 0.5, -3)
_LEAD = layer("lead", "", "synth-lead synth-lead synth synth-pluck", 0.4, -2)
_FX = layer("fx", "", "fx", 0.3, -6)

ELECTRONIC_GENRES: Mapping[str, Genre] = {
    "house": Genre(
        family="electronic", tempo_bpm=(118, 128), form="club", minor_share=0.65, kits=weights("electronic 5 mixed"),
        patterns=weights("house 3 house_rim 2 house_deep 2"), fills=weights("electronic"), swing=(0.5, 0.58),
        loop_share=0.2, bass=weights("offbeat 3 house_sync 3 octave_disco funk rolling"),
        bass_sounds=weights("synth 5 electric 2 sub"), chord_notes=((3, 1.0), (4, 2.0), (5, 1.5)),
        bars_per_chord=((1.0, 2.0), (2.0, 2.0), (4.0, 0.5)), duck=(0.2, 0.8),
        vocals=weights("lead 4 chops 3 lead+chops 2 lead+choir choir lead+harmony"), groove_styles=("dance-disco",),
        groove_share=0.04,
        layers=(
            layer("comp", "house_stab", "synth-chord piano organ synth-chord keys", 0.9), _ELECTRONIC_PADS, _ARP, _LEAD,
            _FX, layer("brass", "hits", "brass strings", 0.15, -2),
        ),
    ),
    "techno": Genre(
        family="electronic", tempo_bpm=(124, 145), form="club", minor_share=0.9, kits=weights("electronic"),
        patterns=weights("techno 3 techno_drive 3 techno_broken"), fills=weights("electronic"), fill_share=0.4,
        loop_share=0.2, bass=weights("rolling 4 techno_sync 3 offbeat synth16"), bass_sounds=weights("synth 4 sub 2"),
        moods=("Dark", "Mysterious"), bars_per_chord=((2.0, 1.0), (4.0, 2.0), (8.0, 1.0)),
        own_minor=("i", "i bII", "i VI", "i iv"), own_share=0.6, duck=(0.2, 0.9),
        vocals=weights("chops 5 lead 2 choir lead+chops"), vocal_share=0.7,
        layers=(
            layer("comp", "techno_stab", "synth-chord synth-pluck synth", 0.7),
            layer("riff", "", "synth-arp synth-pluck synth", 0.7), _ELECTRONIC_PADS, _ARP, layer("fx", "", "fx", 0.5, -6),
        ),
    ),
    "trance": Genre(
        family="electronic", tempo_bpm=(130, 142), form="club", minor_share=0.8, kits=weights("electronic"),
        patterns=weights("trance"), fills=weights("electronic"), bass=weights("offbeat 3 rolling 3 galloping"),
        bass_sounds=weights("synth"), bars_per_chord=((1.0, 2.0), (2.0, 2.0)),
        moods=("Triumphant", "Hopeful", "Nostalgic"), duck=(0.4, 0.95),
        vocals=weights("lead 4 choir 2 lead+choir 2 chops"),
        layers=(
            layer("comp", "trance_gate", "synth-chord synth-pad", 0.8), layer("arp", "", "synth-arp synth-pluck", 0.9),
            layer("pad", "", "synth-pad pad strings", 0.8, -2), layer("lead", "", "synth-lead", 0.7), _FX,
        ),
    ),
    "drum_and_bass": Genre(
        family="electronic", tempo_bpm=(165, 178), form="club", minor_share=0.8,
        kits=weights("electronic 2 mixed 2 acoustic"), patterns=weights("dnb_two_step 3 dnb_break 2 dnb_roll 2"),
        fills=weights("electronic 2 acoustic"), loop_share=0.3, bass=weights("reese 4 long_notes 2 techno_sync funk"),
        bass_sounds=weights("synth 3 sub 2"), duck=(0.0, 0.5), swing=(0.5, 0.53),
        bars_per_chord=((2.0, 2.0), (1.0, 1.0), (4.0, 1.0)), chord_notes=((3, 1.0), (4, 1.0), (5, 1.0)),
        vocals=weights("lead 4 chops 3 rap lead+chops choir"), groove_styles=("dance-breakbeat",), groove_share=0.1,
        layers=(
            layer("pad", "", "synth-pad pad strings", 0.8), _ARP, _LEAD,
            layer("comp", "house_stab", "keys synth-chord piano", 0.5), _FX,
        ),
    ),
    "dubstep": Genre(
        family="electronic", tempo_bpm=(136, 146), form="club", minor_share=0.9, kits=weights("electronic"),
        moods=("Dark", "Mysterious"), patterns=weights("dubstep 2 dubstep_busy"), fills=weights("electronic"),
        bass=weights("wobble 4 long_notes 2 kick_lock"), bass_sounds=weights("synth 4 sub 2"),
        bars_per_chord=((2.0, 2.0), (1.0, 1.0), (4.0, 1.0)), duck=(0.0, 0.5), swing=(0.5, 0.54),
        vocals=weights("chops 3 lead 3 lead+chops rap choir"),
        layers=(
            layer("pad", "", "synth-pad pad", 0.7), _LEAD, _ARP,
            layer("comp", "techno_stab", "synth-chord strings brass", 0.6), _FX,
        ),
    ),
    "garage": Genre(
        family="electronic", tempo_bpm=(126, 136), form="club", minor_share=0.7, kits=weights("electronic"),
        patterns=weights("garage 3 breakbeat electro"), fills=weights("electronic"), swing=(0.54, 0.62), loop_share=0.15,
        bass=weights("house_sync 3 techno_sync long_notes reese"), bass_sounds=weights("sub 2 synth 3"), duck=(0.0, 0.5),
        chord_notes=((4, 2.0), (5, 2.0), (3, 1.0)), bars_per_chord=((1.0, 2.0), (2.0, 2.0)),
        vocals=weights("chops 4 lead 3 lead+chops 2 rap"),
        layers=(
            layer("comp", "house_stab", "organ keys synth-chord piano", 0.9), _ELECTRONIC_PADS, _LEAD, _ARP, _FX,
        ),
    ),
    "synthwave": Genre(
        family="electronic", tempo_bpm=(84, 122), form="song", minor_share=0.75, kits=weights("electronic"),
        patterns=weights("synthwave 3 electro pop_floor"), fills=weights("electronic 2 acoustic"),
        bass=weights("synth16 3 eighths 2 octave_disco"), bass_sounds=weights("synth"),
        bars_per_chord=((1.0, 2.0), (2.0, 2.0)), duck=(0.0, 0.6), moods=("Nostalgic", "Hopeful"),
        vocals=weights("lead 5 lead+choir lead+harmony choir"),
        layers=(
            layer("pad", "", "synth-pad pad strings", 0.9), layer("arp", "", "synth-arp synth-pluck", 0.7),
            layer("lead", "", "synth-lead wind", 0.6), layer("comp", "pop_hits", "synth-chord keys brass", 0.5),
        ),
    ),
    "ambient": Genre(
        family="electronic", tempo_bpm=(60, 100), form="drift", minor_share=0.5, kits=weights("electronic 2 mixed"),
        patterns=weights("sparse 2 sparse_hats heartbeat 2 lofi"), fills=weights("electronic"), fill_share=0.1,
        bass=weights("sustained 4 long_notes"), bass_sounds=weights("sub 2 synth 2 acoustic"),
        bars_per_chord=((2.0, 2.0), (4.0, 1.0), (1.0, 1.0)), timing_ms=8, velocity_sd=0.08,
        chord_notes=((3, 1.0), (4, 2.0), (5, 2.0)), layers_wanted=(2, 4), duck=(0.0, 0.2),
        moods=("Peaceful", "Spiritual", "Tender"), vocals=weights("choir 4 lead 2 chops"),
        layers=(
            layer("pad", "", "pad synth-pad strings", 1.0), layer("pad", "", "synth-pad strings organ", 0.5, -3),
            layer("arp", "", "piano mallet keys guitar-acoustic synth-pluck", 0.6, -2),
            layer("lead", "", "piano wind keys world", 0.4), _FX,
        ),
    ),
    "hip_hop": Genre(
        family="hip_hop", tempo_bpm=(80, 104), form="loop", minor_share=0.75,
        kits=weights("electronic 2 mixed 2 acoustic"), swing=(0.5, 0.62), patterns=weights("boombap 3 boombap_two 3 lofi"),
        fills=weights("electronic 2 acoustic"), fill_share=0.3, loop_share=0.2,
        bass=weights("boombap 4 kick_lock 2 long_notes sustained"), bass_sounds=weights("electric 2 sub 2 synth acoustic"),
        timing_ms=4, chord_notes=((4, 2.0), (5, 1.0), (3, 1.0)), bars_per_chord=((1.0, 2.0), (2.0, 2.0)),
        groove_styles=("hiphop",), groove_share=0.3, vocals=weights("rap 6 rap+hook 3 lead chops"), vocal_share=0.9,
        layers=(
            layer("comp", "lofi", "keys piano organ guitar-clean", 0.7),
            layer("riff", "", "piano synth-pluck guitar-clean mallet keys strings", 0.7),
            layer("pad", "", "strings pad synth-pad", 0.5, -3), layer("brass", "hits", "brass wind", 0.25, -2),
        ),
    ),
    "trap": Genre(
        family="hip_hop", tempo_bpm=(126, 160), form="loop", minor_share=0.92, kits=weights("electronic"),
        moods=("Dark", "Mysterious", "Sad"), patterns=weights("trap 3 trap_busy 2 drill"), fills=weights("electronic"),
        fill_share=0.3, hat_rolls=0.5, bass=weights("slide_808"), bass_sounds=weights("sub 4 synth"),
        bars_per_chord=((1.0, 1.0), (2.0, 3.0), (4.0, 1.0)), duck=(0.0, 0.3),
        vocals=weights("rap 5 rap+hook 3 lead 3 chops lead+choir"), vocal_share=0.9,
        layers=(
            layer("riff", "", "synth-pluck piano mallet guitar-clean strings world", 0.9),
            layer("pad", "", "synth-pad pad strings", 0.6, -2), layer("arp", "", "synth-arp synth-pluck mallet", 0.4),
            layer("lead", "", "wind synth-lead brass", 0.3),
        ),
    ),
    "lofi": Genre(
        family="hip_hop", tempo_bpm=(68, 92), form="loop", minor_share=0.5, kits=weights("mixed 2 acoustic electronic"),
        swing=(0.54, 0.64), patterns=weights("lofi 3 boombap"), fills=weights("acoustic"), fill_share=0.2, timing_ms=10,
        bass=weights("boombap 2 sustained 2 kick_lock"), bass_sounds=weights("electric 2 acoustic sub"),
        chord_notes=((4, 1.0), (5, 2.0)), own_major=("ii7 V7 I7 vi7", "IV7 iii7 vi7 I7", "I7 vi7 ii7 V7"), own_share=0.4,
        groove_styles=("hiphop", "soul"), groove_share=0.2, vocals=weights("chops 3 lead 2 choir rap"), vocal_share=0.6,
        layers=(
            layer("comp", "lofi", "keys piano guitar-clean", 1.0), layer("pad", "", "strings pad", 0.4, -4),
            layer("lead", "", "wind guitar-clean mallet keys", 0.5),
            layer("arp", "", "guitar-acoustic piano mallet", 0.4, -2),
        ),
    ),
}  # fmt: skip
