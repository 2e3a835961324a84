"""The routing table of the demo's folder: which model file separates songs of which genre family."""

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from tfsep.errors import UsageError
from tfsep.separation.router import Router
from tfsep.separation.router_table import ROUTING_FILE, RoutingTable

ROUTING = f"models/{ROUTING_FILE}"


def check_table(table: RoutingTable) -> RoutingTable:
    """Return a table that the folder can carry. Raises: UsageError for one with experts, whose models would not be in it."""
    if table.experts:
        raise UsageError(
            f"the routing table has experts for {', '.join(sorted(table.experts))}: the demo carries none, use another"
        )
    return table


def write_routing(folder: Path, table: RoutingTable, *, general: str, classifier: str) -> dict[str, Any]:
    """Write the table with the folder's own models in it, and load it.

    Args:
        folder: that holds all of the demo.
        general, classifier: paths of LiteRT files in `folder`.
    Returns: what the manifest says of it: the table, its models as paths in `folder`.
    Raises: ModelError if the router cannot use it.
    """
    places = {"general": general, "classifier": classifier}
    own = replace(table, **{role: PurePosixPath(path).relative_to("models").as_posix() for role, path in places.items()})
    (folder / ROUTING).write_text(json.dumps(own.to_json(), indent=2) + "\n", encoding="utf-8")
    Router.load(folder / ROUTING, threads=1)
    return {"file": ROUTING, **table.to_json(), **places}
