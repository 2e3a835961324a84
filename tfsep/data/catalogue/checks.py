"""The audio checks of a contribution: numbers from `measure` against limits. docs/contributions.md says why each limit is where it is."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tfsep.data.catalogue.findings import Finding, error, warning
from tfsep.data.catalogue.layout import MIXTURE
from tfsep.data.catalogue.likeness import Sound
from tfsep.data.catalogue.measure import Comparison, FileMeasurement, SongMeasurement

# Shares of `Sound`, measured on songs: what every stem of that name has, and what hardly another has. See docs/contributions.md.
_DRUMS_AT_LEAST, _DRUMS_CLEARLY = 0.6, 0.72
_BASS_AT_LEAST, _BASS_CLEARLY = 0.3, 0.6
_LOSSLESS = ("flac", "alac", "wavpack", "ape", "tta")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is allowed. Levels are in dB against full scale, RMS unless named a peak."""

    lowest_rate_hz: int = 44_100
    highest_rate_hz: int = 192_000
    shortest_s: float = 10.0
    length_tolerance_s: float = 0.1  # beyond the longest padding of an MP3 encoder
    peak_db: float = 12.0
    clipped_share: float = 1e-3
    quiet_stem_db: float = -60.0
    quiet_song_db: float = -50.0
    offset_warning: float = 2e-3
    offset_error: float = 2e-2
    sum_db: float = 30.0
    sum_error_db: float = 15.0
    same_db: float = 30.0
    bleed_warning_db: float = -14.0  # of phases that go together
    bleed_error_db: float = -10.0  # of energy
    bleed_shortest_s: float = 20.0  # in less, what is played together looks like bleed

    def __post_init__(self):
        if not 8000 <= self.lowest_rate_hz <= self.highest_rate_hz:
            raise ValueError(f"lowest_rate_hz={self.lowest_rate_hz}: use 8000 to highest_rate_hz={self.highest_rate_hz}")
        for name in ("shortest_s", "bleed_shortest_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)}: use a positive number of seconds")
        for low, high in (
            ("sum_error_db", "sum_db"),
            ("bleed_warning_db", "bleed_error_db"),
            ("offset_warning", "offset_error"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low}={getattr(self, low)}: use at most {high}={getattr(self, high)}")


def check_song(song: SongMeasurement, limits: Limits) -> list[Finding]:
    """Return everything that is wrong with the sound of one song."""
    found = [
        error("readable", f"{song.name}/{name}", _after_path(why), "audio", "export it again") for name, why in song.failures
    ]
    for part, file in song.files.items():
        found += _check_file(f"{song.name}/{file.path.name}", part, file, limits)
    found += _check_together(song, limits)
    if song.comparison:
        found += _check_sum(song, song.comparison, limits)
        found += _check_alike(song, song.comparison, limits)
    found += _check_swapped(song)
    return found


def db(ratio: float) -> float:
    """Return an amplitude ratio in dB, minus infinity for zero."""
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def _after_path(message: str) -> str:
    """Return a reader's message without the path before it, which a finding names itself."""
    return message.partition(": ")[2] or message


def _check_file(shown: str, part: str, file: FileMeasurement, limits: Limits) -> Iterator[Finding]:
    info, levels = file.info, file.levels
    again = "export it again from the project"
    for note in file.notes:
        yield error("readable", shown, _after_path(note), "a whole file", again)
    if not limits.lowest_rate_hz <= info.sample_rate_hz <= limits.highest_rate_hz:
        allowed = f"{limits.lowest_rate_hz} to {limits.highest_rate_hz} Hz"
        yield error("rate", shown, f"{info.sample_rate_hz} Hz", allowed, f"{again}; do not convert it, that adds nothing")
    if not (info.codec.startswith("pcm_") or info.codec in _LOSSLESS):
        yield warning(
            "lossy", shown, f"is coded as {info.codec}", "lossless, such as .flac", "send the original if there is one"
        )
    if file.duration_s < limits.shortest_s:
        yield error("duration", shown, f"{file.duration_s:.2f} s", f"{limits.shortest_s:g} s or more", "send the whole song")
    if db(levels.peak) > limits.peak_db:
        yield error(
            "peak", shown, f"peak {db(levels.peak):+.1f} dB", f"at most {limits.peak_db:+g} dB", "check the scale of its floats"
        )
    elif levels.peak > 1:
        turned = "`tfsep data add` turns all files of the song down alike"
        yield warning("peak", shown, f"peak {db(levels.peak):+.1f} dB", "at most 0 dB", turned)
    if levels.clipped_runs:
        value = f"{levels.clipped_runs} runs at full scale, {levels.clipped_share:.3%} of its samples"
        # Masters are loud on purpose, and training takes the sum of the stems.
        kind = error if levels.clipped_share > limits.clipped_share and part != MIXTURE else warning
        yield kind("clipping", shown, value, f"at most {limits.clipped_share:.1%}", "turn the track down and export it again")
    if part != MIXTURE and levels.silent:
        yield warning("silence", shown, "is digital silence", "sound, or a song without it", f"keep it if there is no {part}")
    elif part != MIXTURE and db(levels.loudest_second_rms) < limits.quiet_stem_db:
        value = f"its loudest second has {db(levels.loudest_second_rms):.1f} dB"
        yield warning(
            "silence", shown, value, f"{limits.quiet_stem_db:g} dB, or digital silence", "silence it, or export it again"
        )
    if abs(levels.offset) > limits.offset_warning:
        kind = error if abs(levels.offset) > limits.offset_error else warning
        yield kind(
            "offset", shown, f"mean {levels.offset:+.4f}", f"{limits.offset_warning:g} or less", "remove DC by a high-pass"
        )


def _check_together(song: SongMeasurement, limits: Limits) -> Iterator[Finding]:
    files = song.files
    rates = sorted({file.info.sample_rate_hz for file in files.values()})
    if len(rates) > 1:
        listed = ", ".join(f"{part} {file.info.sample_rate_hz} Hz" for part, file in files.items())
        yield error("rate", song.name, f"has several sample rates ({listed})", "one", "export all files from one project")
    durations = {part: file.duration_s for part, file in files.items()}
    if durations and max(durations.values()) - min(durations.values()) > limits.length_tolerance_s:
        listed = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in durations.items())
        allowed = f"equal within {limits.length_tolerance_s:g} s"
        yield error(
            "length", song.name, f"has files of several lengths ({listed})", allowed, "export all from the song's start"
        )
    loudest = max((file.levels.loudest_second_rms for file in files.values()), default=None)
    if loudest is not None and db(loudest) < limits.quiet_song_db:
        value = "is digital silence" if not loudest else f"its loudest second has {db(loudest):.1f} dB"
        yield error(
            "silence", song.name, value, f"{limits.quiet_song_db:g} dB or more", "export the song again, or leave it out"
        )


def _check_sum(song: SongMeasurement, comparison: Comparison, limits: Limits) -> Iterator[Finding]:
    mixture = comparison.parts.index(MIXTURE)
    stems = [index for index in range(len(comparison.parts)) if index != mixture]
    power = comparison.products[mixture, mixture]
    across = comparison.products[mixture, stems].sum()
    summed = comparison.products[np.ix_(stems, stems)].sum()
    if power <= 0 or summed <= 0:
        if power > 0 or summed > 0:
            silent = "mixture" if power <= 0 else "sum of the stems"
            yield error("sum", song.name, f"the {silent} is digital silence", "the same sound", "export the song again")
        return
    snr_db = _ratio_db(power, power - 2 * across + summed)
    if snr_db >= limits.sum_db:
        return
    gain = across / summed
    fitted_db = _ratio_db(power, power - across**2 / summed)
    allowed = f"SNR of mixture - stems of {limits.sum_db:g} dB"
    lag_ms = 1000 * comparison.lag_samples / next(iter(song.files.values())).info.sample_rate_hz
    if fitted_db >= limits.sum_db:
        side = f"{abs(db(abs(gain))):.2f} dB {'louder' if abs(gain) > 1 else 'softer'}" + (" and inverted" if gain < 0 else "")
        value = f"is {side} than the sum of its stems, SNR {snr_db:.1f} dB, with that gain {fitted_db:.1f} dB"
        yield error(
            "sum",
            f"{song.name}/{MIXTURE}",
            value,
            allowed,
            f"multiply the mixture by {1 / gain:.4f}, or the stems by {gain:.4f}",
        )
    elif comparison.lag_samples and snr_db < limits.sum_error_db:
        value = f"is {abs(comparison.lag_samples)} samples ({abs(lag_ms):.1f} ms) {'later' if lag_ms > 0 else 'earlier'} than its stems"
        yield error(
            "sum", f"{song.name}/{MIXTURE}", f"{value}, SNR {snr_db:.1f} dB", allowed, "export mixture and stems in one go"
        )
    else:
        value = (
            f"is not the sum of its stems, SNR {snr_db:.1f} dB, with the best gain ({db(abs(gain)):+.1f} dB) {fitted_db:.1f} dB"
        )
        kind = error if fitted_db < limits.sum_error_db else warning
        step = "export it without master effects; look for a track that is in no stem or in two"
        yield kind("sum", f"{song.name}/{MIXTURE}", value, allowed, step)


def _check_alike(song: SongMeasurement, comparison: Comparison, limits: Limits) -> Iterator[Finding]:
    """Yield stems that are the same as another or as the mixture, and stems that bleed into each other."""
    parts, products = comparison.parts, comparison.products
    power = np.diag(products)
    for second in range(len(parts)):
        for first in range(second):
            if not (power[first] > 0 and power[second] > 0):
                continue
            pair = f"{parts[first]} and {parts[second]}"
            left_over = 1 - products[first, second] ** 2 / (power[first] * power[second])
            same = _ratio_db(1, left_over) >= limits.same_db
            if MIXTURE in (parts[first], parts[second]):
                stem = second if parts[first] == MIXTURE else first
                others = sum(power[index] for index in range(len(parts)) if index != stem and parts[index] != MIXTURE)
                # a song that has only drums is the same as its drums
                if same and others > power[stem] * 10 ** (-limits.same_db / 10):
                    value = f"{parts[stem]} is the mixture, though other stems have sound"
                    yield error("copy", song.name, value, "a stem without the others", f"export {parts[stem]} again, soloed")
            elif same:
                value = f"{pair} are the same recording, {_ratio_db(1, left_over):.0f} dB"
                yield error("copy", song.name, value, f"below {limits.same_db:g} dB", "export both again, soloed")
            elif song.duration_s >= limits.bleed_shortest_s:
                shared_db = 10 * math.log10(max(comparison.shared[first, second], comparison.shared[second, first], 1e-12))
                if shared_db > limits.bleed_warning_db:
                    energy_db = _ratio_db(1 - left_over, 1)
                    kind = error if energy_db > limits.bleed_error_db else warning
                    value = f"{pair} go together by {shared_db:.1f} dB, {energy_db:.1f} dB of their energy"
                    step = "look for bleed between microphones, a shared effect return, or a track that is in both"
                    yield kind("bleed", song.name, value, f"{limits.bleed_warning_db:g} dB or less", step)


def _check_swapped(song: SongMeasurement) -> Iterator[Finding]:
    """Yield stems that sound like another one; only where one lacks what it must have and the other has it."""
    sounds = {part: file.sound for part, file in song.files.items() if file.sound}
    drums, bass = sounds.get("drums"), sounds.get("bass")
    if drums and drums.percussive < _DRUMS_AT_LEAST:
        hits = {part: sound.percussive for part, sound in sounds.items() if part != "drums"}
        yield from _swap(song.name, "drums", sounds, {part: share for part, share in hits.items() if share >= _DRUMS_CLEARLY})
    if bass and bass.low < _BASS_AT_LEAST:
        lows = {part: sound.low for part, sound in sounds.items() if part not in ("bass", "drums")}  # a kick is as low
        yield from _swap(song.name, "bass", sounds, {part: share for part, share in lows.items() if share >= _BASS_CLEARLY})


def _swap(name: str, part: str, sounds: Mapping[str, Sound], suspects: Mapping[str, float]) -> Iterator[Finding]:
    if suspects:
        best = max(sorted(suspects), key=suspects.__getitem__)
        value = f"{part} ({_describe(sounds[part])}) looks like another stem, {best} ({_describe(sounds[best])}) like {part}"
        yield warning("swapped", name, value, "stems under their own names", "listen to both; rename them if swapped")


def _describe(sound: Sound) -> str:
    return f"{sound.percussive:.0%} hits, {sound.low:.0%} below 200 Hz, centre {sound.centroid_hz:.0f} Hz"


def _ratio_db(power: float, rest: float) -> float:
    """Return the ratio of two energies in dB, held to 150 either way."""
    return 10 * math.log10(min(max(power / rest, 1e-15), 1e15)) if rest > 0 else 150.0
