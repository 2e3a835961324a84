"""What people call stems: which stem a file or a track of a session belongs to, by the words of its name."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tfsep.errors import DataError

IGNORED = "ignore"  # what is no part of the song, or all of it
_STEM_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

# The first line with one of its phrases in the name decides, so that "bass drum" is no bass and "synth bass" no synth. Phrases
# are matched as whole words; "s" may follow the last. Words that mean one thing here and another there ("room", "harmony",
# "instrumental") are left out on purpose: an error that asks is better than a wrong guess.
_TABLE = (
    ("other", "bass clarinet|bass flute|bass harmonica|bass trombone|bass trumpet|music box|steel drum|hang drum|"
              "(?:bass|soprano|alto|tenor|baritone|bari) sax(?:ophone)?"),
    ("vocals", "bass (?:vocal|vox|voice|singer)"),
    ("drums", "kick|kik|kck|subkick|bd|snare|snr|sd|hh|hat|hihat|hi hat|oh|ohl|ohr|overhead|over head|tom|cymbal|crash|ride|"
              "china|splash|drum|drumkit|kit|perc|percussion|beat|breakbeat|break|tops|clap|snap|rim|rimshot|sidestick|"
              "side stick|cowbell|tambourine|tamb|shaker|maraca|conga|bongo|timbale|djembe|cajon|tabla|clave|woodblock|guiro|"
              "agogo|triangle|timpani|cabasa|stomp"),
    ("bass", "bass|bassline|sub|808|contrabass|upright|reese"),
    ("vocals", "vocal|vox|voc|voice|lv|bv|bgv|bvox|singer|sing|sung|choir|rap|rapper|acapella|a cappella|adlib|ad lib|gang|"
               "shout|speech|spoken|talkbox|vocoder|soprano|alto|tenor|baritone|male|female"),
    ("other", "other|guitar|gtr|gt|acoustic|electric|elec|banjo|mandolin|ukulele|uke|lute|bouzouki|sitar|harp|piano|pno|key|"
              "keyboard|organ|hammond|rhodes|wurli|wurlitzer|clav|clavinet|mellotron|harmonium|accordion|synth|syn|"
              "synthesizer|pad|lead|arp|pluck|chord|stab|melody|melodic|string|violin|vln|viola|vla|cello|celli|orchestra|"
              "brass|horn|trumpet|tpt|trombone|tbn|tuba|sax|saxophone|clarinet|flute|oboe|bassoon|woodwind|harmonica|bell|"
              "glockenspiel|glock|vibraphone|vibe|marimba|xylophone|kalimba|fx|sfx|efx|effect|riser|sweep|noise|atmo|"
              "atmosphere|ambience|ambient|drone|texture|sample|scratch|turntable|theremin|whistle"),
    (IGNORED, "mix|mixes|mixture|mixdown|master|mastered|premaster|bounce|click|metronome|talkback|slate"),
)  # fmt: skip
_RULES = tuple((stem, re.compile(rf"\b(?:{phrases})s?\b")) for stem, phrases in _TABLE)


def words(name: str) -> list[str]:
    """Return the words of a name in lower case, with & for what joins them: `01_LeadVox & BVs` gives 01, lead, vox, &, bvs."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", name)
    return ["&" if word in ("and", "+") else word for word in re.findall(r"[^\W\d_]+|\d+|[&+]", apart.lower())]


def stem_by_words(name: list[str]) -> str | None:
    """Return which of drums, bass, vocals, other a name in words tells, "ignore" for mixtures and clicks, or None.

    What is joined by & must be of one stem: "drums & bass" is neither.
    """
    found = {_first_rule(part) for part in " ".join(name).split("&")} - {None}
    return found.pop() if len(found) == 1 else None


def _first_rule(phrase: str) -> str | None:
    return next((stem for stem, pattern in _RULES if pattern.search(phrase)), None)


@dataclass(frozen=True, kw_only=True)
class NameRules:
    """Rules that a person wrote: the first pattern found in a path decides.

    Attributes:
        rules: regular expression, matched anywhere and in any case; stem.
    """

    rules: tuple[tuple[re.Pattern[str], str], ...] = ()

    @classmethod
    def read(cls, path: Path) -> "NameRules":
        """Read `{"PATTERN": "STEM", ...}`; a file that is not there has no rules. Raises: DataError for anything else."""
        rules = []
        for pattern, stem in read_object(path).items():
            try:
                rules.append((re.compile(pattern, re.IGNORECASE), checked_stem(stem, path, pattern)))
            except re.error as error:
                raise DataError(f"{path}: {pattern!r} is not a regular expression ({error}): correct it") from None
        return cls(rules=tuple(rules))

    def stem(self, name: str) -> str | None:
        """Return the stem of a path relative to its song, None if no rule speaks of it."""
        return next((stem for pattern, stem in self.rules if pattern.search(name)), None)


def read_object(path: Path) -> dict[str, object]:
    """Return a JSON object from a file, empty if there is no such file. Raises: DataError if it holds anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    except ValueError as error:  # also UnicodeDecodeError
        raise DataError(f"{path}: is not JSON ({error}): correct it or delete it") from None
    if not isinstance(found, dict):
        raise DataError(f'{path}: holds {found!r:.60}: use an object such as {{"plucks": "other"}}')
    return found


def checked_stem(stem: object, path: Path, key: str) -> str:
    """Return the name of a stem that a configuration gives for `key`. Raises: DataError if it cannot be one."""
    if not isinstance(stem, str) or not _STEM_NAME.fullmatch(stem) or stem == "mixture":
        raise DataError(f'{path}: "{key}" is given the stem {stem!r}: use drums, bass, other, vocals or "{IGNORED}"')
    return stem
