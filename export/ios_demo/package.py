"""Making a Core ML package the same bytes for the same model: as coremltools writes it, it is another each time."""

import json
import uuid
from pathlib import Path

from tfsep.errors import MissingExtraError


def make_reproducible(package: Path) -> None:
    """Rewrite the two files of a `.mlpackage` in which coremltools leaves things to chance.

    Its items get identifiers that follow from their paths instead of random ones, and the maps of the program are written in the order of
    their keys.
    """
    try:
        from coremltools.proto import Model_pb2
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "coremltools", "export", f"writing {package}") from None
    index = package / "Manifest.json"
    fields = json.loads(index.read_text(encoding="utf-8"))
    items = fields["itemInfoEntries"]
    named = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, item["path"])) for old, item in items.items()}
    root = items[fields["rootModelIdentifier"]]["path"]
    fields["itemInfoEntries"] = {named[old]: items[old] for old in sorted(items, key=named.__getitem__)}
    fields["rootModelIdentifier"] = named[fields["rootModelIdentifier"]]
    index.write_text(json.dumps(fields, indent=4) + "\n", encoding="utf-8")

    model = package / "Data" / root
    message = Model_pb2.Model()
    message.ParseFromString(model.read_bytes())
    model.write_bytes(message.SerializeToString(deterministic=True))
