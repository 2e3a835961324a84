"""An evaluation as one HTML file that needs nothing else: tables, box plots, spectrograms."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from tfsep.audio.atomic import AtomicFile
from tfsep.evaluation import figures
from tfsep.evaluation.estimators import SCALED_LABEL
from tfsep.evaluation.excerpts import Picture
from tfsep.evaluation.result import Evaluation, SongResult
from tfsep.evaluation.style import page, themed_image
from tfsep.evaluation.summary import HIT_METRICS, Aggregate, StemSummary, genre_means, sdr_db, summarise

MEASURES = """
<ul>
<li><b>SDR</b>: signal-to-distortion ratio of the whole song, 10 log<sub>10</sub>((&Sigma; ref&sup2; + &epsilon;) /
(&Sigma; (ref &minus; est)&sup2; + &epsilon;)), as in the Music Demixing Challenge (Mitsufuji et al. 2022, arXiv
2108.13559).</li>
<li><b>SI-SDR</b>: the same after the best gain for the reference (Le Roux et al. 2019, arXiv 1811.02508).</li>
<li><b>mixture</b>: the song itself taken for the stem; what a separator has to gain on.</li>
<li><b>scaled mixture</b>: the song times the one gain that suits each stem best, found with the reference. It separates
nothing: a gain over the mixture counts only as far as it goes beyond this.</li>
<li><b>HPSS</b>: the percussive part by median filters (Fitzgerald 2010) taken for the drums.</li>
<li><b>over mixture</b>: mean of the songs' gains over the mixture's own score, with its 95 % bootstrap interval over the
songs.</li>
{extras}</ul>"""
HITS = """<li><b>onset F1</b>: hits of the drums found within 50 ms (mir_eval), 0 to 1; true hits are those of song.json, else those
that the same detector finds in the reference.</li>
<li><b>LSD</b>: log-spectral distance of the drums above 8 kHz in dB; less is better. Masks that cut too much leave holes there.</li>
"""
BSSEVAL = """<li><b>BSSEval v4</b>: medians over windows of 1 s (Stöter, Liutkus and Ito 2018), then means over songs; this SDR
allows for a filter of 512 taps.</li>
"""


def write_report(path: Path, evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> None:
    """Write the report, whole or not at all. Raises: AudioError if that fails, MissingExtraError without matplotlib."""
    page = render_report(evaluation, pictures)
    with AtomicFile(path) as atomic:
        atomic.file.write(page.encode("utf-8"))


def render_report(evaluation: Evaluation, pictures: Sequence[Picture] = ()) -> str:
    """Return the report as HTML. Raises: MissingExtraError without matplotlib."""
    figures.check_matplotlib()
    colour_of = figures.colours(evaluation.estimators)
    sections = [
        ("What was evaluated", _subject(evaluation)),
        ("Summary", _summary(evaluation, summarise(evaluation), colour_of)),
        ("Songs", _box_plots(evaluation, colour_of) + _song_table(evaluation, colour_of)),
        ("By genre", _genre_table(evaluation, colour_of)),
        ("Best and worst excerpt", _excerpts(pictures)),
        ("Notes", _notes(evaluation)),
        ("How it is measured", MEASURES.format(extras=BSSEVAL * evaluation.bsseval + HITS * evaluation.hits)),
    ]
    body = "\n".join(f"<section><h2>{title}</h2>\n{content}</section>" for title, content in sections if content)
    names = ", ".join(model.label for model in evaluation.models) or "baselines"
    lead = f"{_count(len(evaluation.songs), 'song')}, {evaluation.date[:10]}, tfsep {escape(evaluation.tfsep_version)}"
    return page(f"Separation: {names}", f"Separation scores: {names}", lead, body)


def _subject(evaluation: Evaluation) -> str:
    rows = []
    for model in evaluation.models:
        where = f" <code>{escape(model.path)}</code>" if model.path else ""
        rows.append(
            (f"Model <b>{escape(model.label)}</b>", f"{', '.join(map(escape, model.stems))}{where}{_training(model.training)}")
        )
        if model.unscored:
            rows.append(("", f"without a reference, so not scored: {escape(', '.join(model.unscored))}"))
    minutes = sum(song.duration_s for song in evaluation.songs) / 60
    failed = f"; <b>{_count(len(evaluation.failures), 'song')} failed</b>" if evaluation.failures else ""
    data = ", ".join(f"<code>{escape(folder)}</code>" for folder in evaluation.data)
    rows.append(("Data", f"{data}: {_count(len(evaluation.songs), 'song')}, {minutes:.1f} minutes{failed}"))
    rows.append(("Date", escape(evaluation.date)))
    if evaluation.command:
        rows.append(("Command", f"<code>{escape(evaluation.command)}</code>"))
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows) + "</dl>"


def _training(training: Mapping[str, object]) -> str:
    if not training:
        return ""
    text = escape(json.dumps(training, indent=2, ensure_ascii=False))
    return f"<details><summary>how it was trained</summary><pre>{text}</pre></details>"


def _summary(evaluation: Evaluation, rows: Sequence[StemSummary], colour_of: Mapping[str, str]) -> str:
    if not rows:
        return "<p>No song was scored.</p>"
    heads = ["Stem", "Estimate", "SDR mean", "over mixture", "median", "SI-SDR mean", "Songs"]
    if evaluation.bsseval:
        heads += ["v4 SDR", "ISR", "SIR", "SAR"]
    if evaluation.hits:
        heads += ["onset F1", "LSD highs"]
    lines, before = [], None
    for row in rows:
        sdr = row.metrics.get("sdr_db")
        cells = [_number(sdr.mean if sdr else None, strong=True), _gain(sdr), _number(sdr.median if sdr else None)]
        cells.append(_number(row.metrics["si_sdr_db"].mean if "si_sdr_db" in row.metrics else None))
        cells.append(f"<td>{sdr.songs if sdr else 0}</td>")
        if evaluation.bsseval:
            found = [row.bsseval.get(name) for name in ("sdr_db", "isr_db", "sir_db", "sar_db")]
            cells += [_number(value.mean if value else None) for value in found]
        if evaluation.hits:
            cells += [_number(value.mean if value else None) for value in map(row.hits.get, HIT_METRICS)]
        first = ' class="first"' if row.stem != before else ""
        stem = f"<th>{escape(row.stem) if row.stem != before else ''}</th>"
        estimator = f"<td class=name>{_swatch(row.estimator, colour_of)}</td>"
        lines.append(f"<tr{first}>{stem}{estimator}{''.join(cells)}</tr>")
        before = row.stem
    head = "".join(f"<th{' class=name' if name == 'Estimate' else ''}>{name}</th>" for name in heads)
    return f"<p>Mean over songs, in dB unless said otherwise below; more is better, but for LSD.</p>{_table(f'<tr>{head}</tr>', lines)}"


def _box_plots(evaluation: Evaluation, colour_of: Mapping[str, str]) -> str:
    plots = []
    for stem in evaluation.stems():
        values = {
            label: [value for song in evaluation.songs if (value := sdr_db(song, label, stem)) is not None]
            for label in evaluation.estimators
        }
        values = {label: scores for label, scores in values.items() if scores}
        if values:
            image = themed_image(
                lambda theme, values=values: figures.box_plot(values, theme, colour_of), f"SDR of {stem}, all songs"
            )
            plots.append(f"<figure><figcaption>{escape(stem)}</figcaption>{image}</figure>")
    return f'<div class="grid wide">{"".join(plots)}</div>' if plots else ""


def _song_table(evaluation: Evaluation, colour_of: Mapping[str, str]) -> str:
    if not evaluation.songs:
        return ""
    columns = _columns(evaluation)
    lines = []
    for song in evaluation.songs:
        cells = []
        for label, stem in columns:
            # what the reference holds more than its name says stands in the cell
            held = song.contents.get(stem) if stem in song.scores.get(label, {}) else None
            cells.append(_number(sdr_db(song, label, stem), note=held))
        genre = escape(song.genre or "–")
        lines.append(
            f"<tr><th>{escape(song.name)}</th><td class=name>{genre}</td><td>{_minutes(song)}</td>{''.join(cells)}</tr>"
        )
    head = _two_line_head(["Song", "Genre", "Length"], columns, colour_of)
    return f"<p>SDR of each song, in dB.</p>{_table(head, lines)}"


def _genre_table(evaluation: Evaluation, colour_of: Mapping[str, str]) -> str:
    means = genre_means(evaluation)
    if not means:
        return ""
    columns = _columns(evaluation)
    lines = []
    for genre, (count, scores) in means.items():
        cells = "".join(_number(scores.get(label, {}).get(stem)) for label, stem in columns)
        lines.append(f"<tr><th>{escape(genre)}</th><td>{count}</td>{cells}</tr>")
    return f"<p>Mean SDR, in dB.</p>{_table(_two_line_head(['Genre', 'Songs'], columns, colour_of), lines)}"


def _excerpts(pictures: Sequence[Picture]) -> str:
    parts = []
    for picture, kind in zip(pictures, ("Best", "Worst"), strict=False):
        excerpt = picture.excerpt
        parts.append(
            f"<h3>{kind}: {escape(picture.song)}, {excerpt.start_s:.0f} s to {excerpt.start_s + excerpt.duration_s:.0f} s, "
            f"{escape(excerpt.stem)} {_decibels(excerpt.sdr_db)} dB by {escape(excerpt.estimator)}</h3>"
        )
        panels = (
            ("mixture", picture.mixture),
            (f"reference: {excerpt.stem}", picture.reference),
            (f"estimate: {excerpt.estimator}", picture.estimate),
        )
        drawn = []
        for name, image in panels:
            source = themed_image(
                lambda theme, image=image, picture=picture, excerpt=excerpt: figures.spectrogram(
                    image, excerpt.start_s, excerpt.duration_s, picture.highest_hz, theme
                ),
                f"spectrogram, {name}",
            )
            drawn.append(f"<figure><figcaption>{escape(name)}</figcaption>{source}</figure>")
        parts.append(f'<div class="grid">{"".join(drawn)}</div>')
    return f"{''.join(parts)}<p>Spectrograms: {figures.scale_note()}.</p>" if parts else ""


def _notes(evaluation: Evaluation) -> str:
    notes = [f"<b>{escape(failure.folder)}</b> failed: {escape(failure.error)}" for failure in evaluation.failures]
    notes += [f"<b>{escape(song.name)}</b>: {escape(note)}" for song in evaluation.songs for note in song.notes]
    return f"<ul>{''.join(f'<li>{note}</li>' for note in notes)}</ul>" if notes else ""


def _columns(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the (estimator, stem) that have a score anywhere, stem by stem; without the control, to keep tables narrow."""
    return [
        (label, stem)
        for stem in evaluation.stems()
        for label in evaluation.estimators
        if label != SCALED_LABEL and any(stem in song.scores.get(label, {}) for song in evaluation.songs)
    ]


def _two_line_head(names: Sequence[str], columns: Sequence[tuple[str, str]], colour_of: Mapping[str, str]) -> str:
    stems = list(dict.fromkeys(stem for _, stem in columns))
    spans = "".join(
        f"<th colspan={sum(stem == other for _, other in columns)} class=group>{escape(stem)}</th>" for stem in stems
    )
    fixed = "".join(f"<th rowspan=2{' class=name' if name == 'Genre' else ''}>{name}</th>" for name in names)
    labels = "".join(f"<th>{_swatch(label, colour_of)}</th>" for label, _ in columns)
    return f"<tr>{fixed}{spans}</tr><tr>{labels}</tr>"


def _table(head: str, lines: Iterable[str]) -> str:
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table></div>'


def _swatch(label: str, colour_of: Mapping[str, str]) -> str:
    return f'<span class="swatch" style="background:{colour_of[label]}"></span>{escape(label)}'


def _number(value: float | None, *, strong: bool = False, note: str | None = None) -> str:
    text = "–" if value is None else _decibels(value)
    text = f"<b>{text}</b>" if strong and value is not None else text
    return f"<td>{text}{f'<small>{escape(note)}</small>' if note else ''}</td>"


def _decibels(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _gain(aggregate: Aggregate | None) -> str:
    if aggregate is None or aggregate.gain is None:
        return "<td>–</td>"
    text = f"{aggregate.gain:+.2f}"
    if aggregate.gain_low is not None:
        text += f" <small>{aggregate.gain_low:+.2f} to {aggregate.gain_high:+.2f}</small>"
    return f"<td>{text.replace('-', '−')}</td>"


def _minutes(song: SongResult) -> str:
    seconds = round(song.duration_s)
    return f"{seconds // 60}:{seconds % 60:02d}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
