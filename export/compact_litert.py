"""Making a `.tflite` smaller without changing anything that it computes.

What a converter writes is wasteful where a model has few parameters: names of tensors that tell how they came about, an empty
buffer for each value that is worked out, and the same shape, list of zero points or set of options again and again. In a FlatBuffer
any number of tables may refer to one piece of data.
"""

from collections.abc import Iterable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsep.separation.tflite_metadata import ALIGNMENT, IDENTIFIER

from .short_names import short_names


def read(content: bytes) -> Any:
    """Return the tables of a file, a `ModelT`."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def compact(model: Any) -> bytes:
    """Return the file of a model: operators, constants, shapes, types and signatures stay as they are, bit by bit.

    Inputs and outputs are called as in the signature, other tensors by short names. The converter's notes are left out.

    Args:
        model: its tables, which are used up.
    """
    model.description = model.metadata = model.metadataBuffer = None
    _share_buffers(model)
    tables: dict[bytes, _Once] = {}
    for number, part in enumerate(model.subgraphs):
        _name_tensors(part.tensors, [each for each in model.signatureDefs or () if each.subgraphIndex == number])
        for tensor in part.tensors:
            ranges = tensor.quantization
            if ranges is not None and ranges.scale is None:
                tensor.quantization = None
            elif ranges is not None:
                ranges.min = ranges.max = None  # which only people read
                tensor.quantization = _shared(ranges, tables)
        for operator in part.operators:
            for name in ("mutatingVariableInputs", "intermediates"):
                if not len(getattr(operator, name) or ()):
                    setattr(operator, name, None)
            if operator.builtinOptions is not None:
                operator.builtinOptions = _shared(operator.builtinOptions, tables)
    builder = _SharingBuilder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _share_buffers(model: Any) -> None:
    """Keep one buffer of each content. The first is empty: for all values that are worked out."""
    numbers: dict[bytes, int] = {}
    kept = []
    places = []
    for buffer in model.buffers:
        content = b"" if buffer.data is None else buffer.data.tobytes()
        if content not in numbers:
            numbers[content] = len(kept)
            kept.append(buffer)
        places.append(numbers[content])
    used = {0, *(places[tensor.buffer] for part in model.subgraphs for tensor in part.tensors)}
    final = {old: new for new, old in enumerate(sorted(used))}
    model.buffers = [kept[old] for old in sorted(used)]
    for part in model.subgraphs:
        for tensor in part.tensors:
            tensor.buffer = final[places[tensor.buffer]]


def _name_tensors(tensors: list[Any], signatures: Iterable[Any]) -> None:
    ends = {each.tensorIndex: each.name for one in signatures for each in (*one.inputs, *one.outputs)}
    unused = short_names({name.decode() for name in ends.values()})
    for index, tensor in enumerate(tensors):
        tensor.name = ends[index] if index in ends else next(unused)


class _Once:
    """A table that is written once, however many others refer to it."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._place: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self._place is None:
            self._place = self._table.Pack(builder)
        return self._place


def _shared(table: Any, tables: dict[bytes, _Once]) -> _Once:
    """Return the one that stands for all tables of this content."""
    alone = flatbuffers.Builder(0)
    alone.Finish(table.Pack(alone))
    return tables.setdefault(type(table).__name__.encode() + bytes(alone.Output()), _Once(table))


class _SharingBuilder(flatbuffers.Builder):
    """Writes each list of numbers once; lists of bytes are aligned as the data of buffers must be."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._lists: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        little_endian = x.astype(x.dtype.newbyteorder("<"), copy=False)
        content = little_endian.tobytes()
        key = (little_endian.dtype.str, content)
        if key not in self._lists:
            self.StartVector(x.itemsize, x.size, ALIGNMENT if x.dtype == np.uint8 else x.itemsize)
            self.head -= len(content)
            self.Bytes[self.head : self.head + len(content)] = content
            self._lists[key] = self.EndVector()
        return self._lists[key]
