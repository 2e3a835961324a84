"""Every Swift file parses. The Apple half cannot be compiled where these tests run; a parser at least finds a lost brace."""

from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_swift

ASSETS = Path(__file__).parents[2] / "ios_demo_assets"
FILES = sorted(path for path in ASSETS.rglob("*.swift") if ".build" not in path.parts)
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))


def faults(source: bytes) -> list[str]:
    """Return where a source does not parse: errors, and tokens that the parser had to add."""
    found = []

    def look(node: tree_sitter.Node) -> None:
        if node.is_error or node.is_missing:
            row, column = node.start_point
            found.append(f"line {row + 1}, column {column + 1}: {source[node.start_byte : node.start_byte + 40]!r}")
        elif node.has_error:
            for child in node.children:
                look(child)

    look(PARSER.parse(source).root_node)
    return found


def test_the_sources_are_there():
    names = {path.relative_to(ASSETS).as_posix() for path in FILES}
    assert {
        "TfsepKit/Package.swift",
        "TfsepKit/Sources/TfsepCore/PureTransform.swift",
        "TfsepKit/Sources/TfsepKit/StemSeparator.swift",
        "TfsepKit/Tests/TfsepKitTests/VDSPTransformTests.swift",
    } <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_parses(path):
    assert faults(path.read_bytes()) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"public init(size: Int) {", b"public init(size: Int {"),
        (b"        transform()\n", b"        transform((\n"),
        (b"private func pass(", b"private fun pass("),
        (b"        let middle = length / 2\n", b"        let middle = length / \n"),
        (b"    deinit {\n", b"    deinit \n"),
    ],
)
def test_a_broken_file_is_noticed(old, new):
    folder = ASSETS / "TfsepKit" / "Sources" / "TfsepCore"
    source = b"".join((folder / name).read_bytes() for name in ("PureTransform.swift", "FloatMemory.swift"))
    assert old in source
    assert faults(source) == []
    assert faults(source.replace(old, new, 1))


@pytest.mark.parametrize("path", [path for path in FILES if "TfsepCore" in path.parts], ids=lambda path: path.name)
def test_the_core_imports_nothing_of_apples(path):
    imported = {line.split()[-1] for line in path.read_text().splitlines() if line.startswith("import ")}
    assert imported <= {"Foundation"}


def test_every_file_of_the_kit_is_in_its_package():
    """Swift's package manager takes a target's folder; a file elsewhere would be built by nobody."""
    folders = {path.relative_to(ASSETS / "TfsepKit").parent.as_posix() for path in FILES}
    package = (ASSETS / "TfsepKit" / "Package.swift").read_text()
    for folder in folders - {".", "Demo"}:
        assert f'name: "{folder.rpartition("/")[2]}"' in package
