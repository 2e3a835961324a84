"""What an estimate of a model is to be compared with, where a song has other stems than the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfsep.evaluation.dataset import STEMS

# names that models give to what is left over; "other" is one too where a model has fewer stems than a song
REST_STEMS = ("rest", "accompaniment", "instrumental")
REST = "rest"  # the label of everything but drums


@dataclass(frozen=True, kw_only=True)
class Target:
    """One score: the sum of `references` of the song against the sum of `estimates` of the model, under the name `label`."""

    label: str
    references: tuple[str, ...]
    estimates: tuple[str, ...]


def residual_stem(stems: Sequence[str]) -> str | None:
    """Return the stem of a model that takes what its other stems do not; None if it has none."""
    for name in (*REST_STEMS, "other"):
        if name in stems:
            return name
    return None


def unscored_stems(stems: Sequence[str]) -> tuple[str, ...]:
    """Return the stems of a model that nothing can be compared with: without a residual stem, those that songs do not have."""
    return () if residual_stem(stems) else tuple(stem for stem in stems if stem not in STEMS)


def residual_label(stems: Sequence[str]) -> str:
    """Return the name of what a model's residual stem holds: "other", "rest" for all but drums, else "bass+other" or so."""
    named = set(stems) - {residual_stem(stems)}
    held = [stem for stem in STEMS if stem not in named]
    if len(held) == len(STEMS) - 1 and "drums" not in held:
        return REST
    return "+".join(held)


def targets_of(stems: Sequence[str], references: Sequence[str], *, complete: bool) -> tuple[Target, ...]:
    """Pair the estimates of a model with the references of a song.

    A stem that the model names is compared with the reference of that name. The model's residual stem (`other`, or `rest` of a
    model with fewer stems) is compared with the sum of all references that the model does not name. Where a stem has no
    file but the files make up the mixture, its sound lies in `other`: the model's estimate of it is added to that of the
    residual stem. Stems of the model that no song has (a piano) belong to the residual as well.

    Args:
        stems: of the model.
        references: stems of the song that have a file.
        complete: whether these make up the mixture.
    Returns: targets, each of at least one reference, no reference in two.
    """
    residual = residual_stem(stems)
    named = [stem for stem in stems if stem in STEMS and stem != residual]
    targets = [Target(label=stem, references=(stem,), estimates=(stem,)) for stem in named if stem in references]
    if residual is None:
        return tuple(targets)
    held = [stem for stem in STEMS if stem not in named]
    present = tuple(stem for stem in held if stem in references)
    if present and (complete or len(present) == len(held)):
        extras = tuple(stem for stem in stems if stem not in STEMS and stem != residual)
        homeless = tuple(stem for stem in named if stem not in references) if complete else ()
        targets.append(Target(label=residual_label(stems), references=present, estimates=(residual, *extras, *homeless)))
    return tuple(targets)
