"""The packages on disk against those that are installed, which may import which, and what stays light."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
INSTALLED_AS = {"tfsep": "tfsep", "export": "tfsep_export", "tuning": "tfsep_tuning"}

# A package may import its own level and those before it.
LEVELS = (
    (
        "tfsep.errors",
        "tfsep.spec",
        "tfsep.contract",
        "tfsep.contract_drum_sampler",
        "tfsep.contract_drums",
        "tfsep.contract_enhance",
        "tfsep.contract_genre",
        "tfsep.contract_live",
        "tfsep.contract_network",
        "tfsep.audio",
    ),
    ("tfsep.dsp", "tfsep.data", "tfsep.models"),
    ("tfsep.bundle",),
    ("tfsep.training", "tfsep.separation"),
    ("tfsep.evaluation",),
    ("tfsep.creative",),
    ("tfsep.cli",),
    ("tfsep_tuning", "tfsep_export"),
)
HEAVY = ("tensorflow", "keras", "scipy", "librosa", "matplotlib", "av", "soxr", "soundfile", "ai_edge_litert")


def modules() -> Iterator[tuple[str, bool, Path]]:
    """Yield name, whether it is a package, and path of every module."""
    for folder, name in INSTALLED_AS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inside = path.relative_to(ROOT / folder).with_suffix("").parts
            package = inside[-1] == "__init__"
            yield ".".join([name, *(inside[:-1] if package else inside)]), package, path


@cache
def import_nodes(source: str) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(module: str, package: bool, source: str) -> Iterator[str]:
    """Yield the full names that a module imports, wherever it does, relative ones resolved."""
    for node in import_nodes(source):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            base = []
            if node.level:
                here = module.split(".")
                base = here[: len(here) - node.level + (1 if package else 0)]
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def level(name: str) -> int | None:
    """Return the level of a module, None for others' and for `tfsep` itself."""
    found = [i for i, names in enumerate(LEVELS) for known in names if name == known or name.startswith(known + ".")]
    return found[0] if found else None


def upward(module: str, package: bool, source: str) -> list[str]:
    """Return what a module imports from a higher level."""
    here = level(module)
    targets = {target: level(target) for target in imported(module, package, source)}
    return sorted(target for target, there in targets.items() if None not in (here, there) and there > here)


def test_every_package_is_installed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(module for module, package, _ in modules() if package)


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for _, _, path in modules()}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file()) == []


def test_every_module_has_a_level():
    assert [module for module, _, _ in modules() if level(module) is None] == ["tfsep"]


def test_imports_point_downwards():
    wrong = [
        f"{m} imports {target}" for m, package, path in modules() for target in upward(m, package, path.read_text("utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


def test_a_wrong_import_is_seen():
    assert upward("tfsep.data.mixing", False, "def f():\n    from tfsep.training.loss import x") == ["tfsep.training.loss.x"]
    assert upward("tfsep.dsp.stft", False, "from ..cli import main") == ["tfsep.cli.main"]
    assert upward("tfsep.dsp", True, "from ..bundle import Bundle") == ["tfsep.bundle.Bundle"]
    assert upward("tfsep.bundle", False, "import tfsep_export.to_litert") == ["tfsep_export.to_litert"]
    assert upward("tfsep.cli.train", False, "import tfsep.training.run") == []


def test_installed_names_are_used():
    """In a checkout `import export` works as well, elsewhere it does not."""
    wrong = [
        f"{module} imports {target}"
        for module, package, path in modules()
        for target in imported(module, package, path.read_text("utf-8"))
        if target.split(".")[0] in {"export", "tuning"}
    ]
    assert not wrong, "\n".join(wrong)


def test_tuning_and_export_import_themselves_relatively():
    wrong = [
        f"{path.name}: import from {node.module}"
        for module, _, path in modules()
        for node in import_nodes(path.read_text("utf-8"))
        if isinstance(node, ast.ImportFrom) and not node.level and node.module.split(".")[0] == module.split(".")[0] != "tfsep"
    ]
    assert not wrong, "\n".join(wrong)


def test_importing_and_building_the_parser_is_light():
    """`tfsep --help` is to answer at once, and separating must need no TensorFlow."""
    code = (
        "import json, sys, tfsep, tfsep.cli\n"
        "tfsep.cli.build_parser()\n"
        "light = sorted(sys.modules)\n"
        "import tfsep.separation.separator, tfsep.separation.batch, tfsep.separation.locate\n"
        "print(json.dumps([light, sorted(sys.modules)]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    light, separating = json.loads(ran.stdout)
    assert [name for name in HEAVY if name in light] == []
    assert [name for name in HEAVY[:5] if name in separating] == []


def test_no_module_is_long():
    long = {path.name: lines for _, _, path in modules() if (lines := len(path.read_text("utf-8").splitlines())) > 420}
    assert not long
