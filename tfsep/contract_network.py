"""What the contracts of the networks beside the separators share: how they are written and read."""

import json
from dataclasses import fields
from typing import Any, ClassVar, Self

from tfsep.contract import ModelContract
from tfsep.errors import ModelError
from tfsep.spec import SpectrogramSpec

CONTRACT_VERSION = 1


class NetworkContract:
    """Base of a frozen dataclass with the fields `name`, `spec` and `training`.

    Attributes:
        kind: what the field `kind` says of such files.
        what: the network, for messages.
        missing: values of fields that the first files do not have.
    """

    kind: ClassVar[str]
    what: ClassVar[str]
    missing: ClassVar[dict[str, Any]] = {}

    name: str
    spec: SpectrogramSpec
    training: dict[str, Any]

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name."""
        raise NotImplementedError

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each output by name."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the contract as JSON values; `tensors` follows from the rest."""
        values = {field.name: _as_json(getattr(self, field.name)) for field in fields(self)}
        first = {"contract_version": CONTRACT_VERSION, "kind": self.kind, "name": values.pop("name")}
        return first | values | {"tensors": self._tensors(), "training": values.pop("training")}

    def _tensors(self) -> dict[str, Any]:
        """Return all tensors; a subclass adds what their axes and values mean."""
        return {
            side: [{"name": name, "dtype": "float32", "shape": list(shape)} for name, shape in tensors.items()]
            for side, tensors in (("inputs", self.inputs), ("outputs", self.outputs))
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], source: str) -> Self:
        """Build a contract from what `to_json` returns. Raises: ModelError, which names the `source`."""
        version = values.get("contract_version")
        if version != CONTRACT_VERSION:
            raise ModelError(f"{source}: contract version {version}, this program reads {CONTRACT_VERSION}: export it again")
        values = cls.missing | values
        try:
            found = {field.name: values[field.name] for field in fields(cls)}
            found = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
            contract = cls(**found | {"spec": SpectrogramSpec.from_json(values["spec"])})
            if values.get("tensors", contract._tensors()) != contract._tensors():
                raise ValueError("tensors do not follow from the other fields")
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{source}: the description of the {cls.what} is incomplete or wrong ({error}); export it again"
            ) from None
        return contract

    @classmethod
    def from_bytes(cls, content: bytes, source: str) -> Self:
        """Read a contract from what `to_bytes` returns, JSON of this kind. Raises: ModelError, which names the `source`."""
        return cls.from_json(json.loads(content), source)

    to_bytes = ModelContract.to_bytes


def _as_json(value: Any) -> Any:
    if isinstance(value, SpectrogramSpec):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value
