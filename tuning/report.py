"""A search as Markdown and as one HTML page: the front, all trials, what mattered, and what failed."""

import re
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tfsep.audio.atomic import AtomicFile
from tfsep.evaluation.figures import check_matplotlib
from tfsep.evaluation.style import page, themed_image

from .constraints import exported_megabytes
from .figures import front_plot, importance_plot, parallel_plot
from .importance import FEWEST_TRIALS, Importance, importance
from .results import MULTIPLY_ADDS, PARAMETERS, SCORE, SDR, SECONDS, SHARE, STEPS, SearchResult, TrialResult
from .settings import SearchSettings

_COLUMNS = ("trial", "SDR dB", "G multiply-adds/s", "parameters", "MB", "score", "steps", "% of steps", "seconds")
LIMITS_OF_IMPORTANCE = (
    "Permutation importance of a random forest fitted to the completed trials (Breiman 2001). What it cannot tell: trials that a tuner "
    "chose are not spread evenly, so that what it settled on early seems not to matter; of two hyperparameters that go "
    "together each hides the other; it knows nothing outside the space; and with tens of trials its order is rough beyond the first few."
)


def write_report(out: Path, settings: SearchSettings, result: SearchResult) -> tuple[Path, Path]:
    """Write `report.md` and `report.html` into a search's folder, both or none.

    Raises: AudioError if they cannot be written; MissingExtraError without matplotlib or scikit-learn.
    """
    check_matplotlib()
    mattered = importance(result.completed)
    texts = markdown(settings, result, mattered), html(settings, result, mattered)
    paths = out / "report.md", out / "report.html"
    with AtomicFile(paths[0]) as first, AtomicFile(paths[1]) as second:
        first.file.write(texts[0].encode())
        second.file.write(texts[1].encode())
    return paths


def markdown(settings: SearchSettings, result: SearchResult, mattered: Importance | None) -> str:
    """Return the report as Markdown, without plots."""
    sections = [
        ("Front", _md_table(_columns(settings), [_row(settings, trial) for trial in result.front])),
        ("What mattered", "\n".join(f"- {line}" for line in _importance_lines(mattered))),
        ("All trials", _md_table([*_columns(settings), "hyperparameters"], _all_rows(settings, result))),
        ("Failed trials", _md_table(["trial", "why"], _failures(result)) if _failures(result) else "None."),
        ("Draws that were refused", _md_table(["times", "why"], _refusals(result)) if result.refused else "None."),
    ]
    head = f"# {_title(settings)}\n\n" + "\n".join(f"- {line}" for line in _about(settings, result))
    return head + "".join(f"\n\n## {title}\n\n{text}" for title, text in sections) + "\n"


def html(settings: SearchSettings, result: SearchResult, mattered: Importance | None) -> str:
    """Return the report as one HTML page with plots."""
    done = result.completed
    heads = _columns(settings)
    plots = ""
    if done:
        plots = themed_image(lambda theme: front_plot(done, result.front, theme), "SDR against multiply-adds of all trials")
    sections = [
        ("SDR against cost", plots + _html_table(heads, [_row(settings, trial) for trial in result.front])),
        ("Parallel coordinates", _parallel(done)),
        ("What mattered", _importance(mattered)),
        ("All trials", _html_table([*heads, "hyperparameters"], _all_rows(settings, result))),
        ("Failed trials", _html_table(["trial", "why"], _failures(result)) if _failures(result) else "<p>None.</p>"),
        ("Draws that were refused", _html_table(["times", "why"], _refusals(result)) if result.refused else "<p>None.</p>"),
        ("The search", "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in _about(settings, result)) + "</ul>"),
    ]
    body = "\n".join(f"<section><h2>{title}</h2>\n{content}</section>" for title, content in sections if content)
    lead = f"{len(done)} trials completed, {len(_failures(result))} failed, {result.seconds / 3600:.2f} h"
    return page(_title(settings), _title(settings), lead, body)


def _title(settings: SearchSettings) -> str:
    return f"Architecture search: {settings.genre}"


def _about(settings: SearchSettings, result: SearchResult) -> list[str]:
    count = Counter(trial.status for trial in result.trials)
    states = ", ".join(f"{number} {status.lower()}" for status, number in sorted(count.items()))
    lines = [
        f"Tuner {settings.tuner}, seed {settings.seed}; {len(result.trials)} trials ({states or 'none'}), "
        f"{len(result.refused)} draws refused; {result.seconds / 3600:.2f} h.",
        f"Trained on {_folders(settings.data)}; scored on {_folders(settings.validation)}; genre {settings.genre}.",
        f"A whole trial has {settings.steps} steps at a batch of {settings.base.batch}, and as much audio at other batches.",
        f"Score: {settings.price_db:g} dB for each doubling of the multiply-adds over 1 G, less the SDR; the least is the winner.",
        "SDR is the mean over songs and stems of validation crops, of averaged weights after a short training: it tells "
        "architectures apart, not how good they become. A trial with less than all of the steps would have gone on rising.",
    ]
    limits = [f"{name} {value:g}" for name, value in settings.limits.to_json().items() if isinstance(value, int | float)]
    return [*lines, f"Limits: {', '.join(limits) or 'none'}; MB as {settings.limits.precision}, from the number of parameters."]


def _folders(paths: Sequence[str]) -> str:
    return ", ".join(Path(path).name for path in paths)


def _columns(settings: SearchSettings) -> list[str]:
    return [f"MB {settings.limits.precision}" if name == "MB" else name for name in _COLUMNS]


def _row(settings: SearchSettings, trial: TrialResult) -> list[str]:
    value = trial.metrics
    return [
        trial.name,
        f"{value[SDR]:.2f}",
        f"{value[MULTIPLY_ADDS] / 1e9:.3f}",
        f"{value[PARAMETERS]:.0f}",
        f"{exported_megabytes(value[PARAMETERS], settings.limits.precision):.2f}",
        f"{value[SCORE]:.2f}",
        f"{value[STEPS]:.0f}",
        f"{100 * value[SHARE]:.0f}",
        f"{value[SECONDS]:.0f}",
    ]


def _all_rows(settings: SearchSettings, result: SearchResult) -> list[list[str]]:
    rows = [[*_row(settings, trial), _said(trial)] for trial in result.completed]
    rest = [trial for trial in result.trials if not trial.completed]
    return rows + [[trial.name, *[trial.status.lower()], *["-"] * (len(_COLUMNS) - 2), _said(trial)] for trial in rest]


def _said(trial: TrialResult) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in sorted(trial.values.items()) if value is not None)


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _failures(result: SearchResult) -> list[list[str]]:
    return [[trial.name, trial.message] for trial in result.trials if trial.status == "FAILED"]


def _refusals(result: SearchResult) -> list[list[str]]:
    """Return how often each limit was broken: reasons are counted one by one, without the number found."""
    reasons = [reason for refused in result.refused for reason in refused["reason"].split("; ")]
    count = Counter(re.sub(r"^(a tensor of )?[\d.]+ ", r"\1", reason) for reason in reasons)
    return [[str(number), reason] for reason, number in count.most_common()]


def _importance_lines(mattered: Importance | None) -> list[str]:
    if mattered is None:
        return [f"Not told from fewer than {FEWEST_TRIALS} completed trials."]
    lines = [f"{name}: {mean:.3f} ± {deviation:.3f}" for name, (mean, deviation) in mattered.shares.items()]
    verdict = "so the order means something" if mattered.out_of_bag_r2 > 0.3 else "so the order means little"
    return [*lines, f"Out-of-bag R² of the forest {mattered.out_of_bag_r2:.2f} on {mattered.trials} trials, {verdict}.",
            LIMITS_OF_IMPORTANCE]  # fmt: skip


def _importance(mattered: Importance | None) -> str:
    if mattered is None:
        return "".join(f"<p>{escape(line)}</p>" for line in _importance_lines(None))
    plot = themed_image(lambda theme: importance_plot(mattered, theme), "how much each hyperparameter mattered")
    return plot + "".join(f"<p>{escape(line)}</p>" for line in _importance_lines(mattered)[-2:])


def _parallel(done: Sequence[TrialResult]) -> str:
    if len(done) < 2:
        return ""
    return themed_image(lambda theme: parallel_plot(done, theme), "each trial's hyperparameters, coloured by SDR")


def _md_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)])


def _html_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
