"""A restored file beside its source, as an HTML page. Imports matplotlib."""

from pathlib import Path

from tfsep.creative.enhance.files import Enhanced, result_path
from tfsep.creative.report import check_report, facts, players, spectrograms, write_page


def page_path(source: Path, out: Path | None, *, overwrite: bool) -> Path:
    """Return where the page of a restored file goes: beside the result, `.html` in place of its suffix.

    Raises: as `result_path` and `check_report`.
    """
    path = result_path(source, out).with_suffix(".html")
    check_report(path, "enhance", overwrite=overwrite)
    return path


def write_enhanced_page(path: Path, source: Path, result: Enhanced) -> None:
    """Write players and spectrograms of before and after.

    Args:
        result: whose `path` is there.
    Raises: AudioError if the files cannot be read or the page not be written.
    """
    heard = {"Before": source, "After": result.path}
    sections = [
        ("Listen", players(heard, path)),
        ("Spectrograms", spectrograms(heard)),
        ("What was done", facts({"Restored above": f"{result.cutoff_hz:.0f} Hz", "Result": result.path.name})),
    ]
    write_page(path, f"{source.name}, restored", f"above {result.cutoff_hz:.0f} Hz", sections)
