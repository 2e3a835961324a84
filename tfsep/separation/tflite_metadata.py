"""Named byte strings inside a `.tflite` file: read, and added without touching anything else in it.

A TFLite file is a FlatBuffer (https://flatbuffers.dev/internals) whose root table, `Model`, has a list of `Metadata` (a name and
the number of a buffer) and a list of `Buffer`. Offsets of lists and tables point forward only and are relative, so what is added
goes in front, in whole multiples of 16 bytes: the old content stays as it is, weights aligned.
"""

import struct
from collections.abc import Iterator

IDENTIFIER = b"TFL3"
ALIGNMENT = 16  # of the data of a buffer, see schema.fbs
# positions of fields in the tables of tensorflow/lite/schema/schema.fbs
_MODEL_BUFFERS, _MODEL_METADATA, _MODEL_FIELDS = 4, 6, 8
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA, _BUFFER_OFFSET = 0, 1
_INLINE_FIELDS = (0,)  # of Model: the version is a number, all others are offsets


class NotTfliteError(ValueError):
    """The bytes are no TFLite file, or a damaged one."""


def read_metadata(content: bytes, name: str) -> bytes | None:
    """Return what a TFLite file holds under a name, None if nothing. Raises: NotTfliteError."""
    file = _File(content)
    for table in file.items(file.root, _MODEL_METADATA):
        if file.text(table, _METADATA_NAME) == name.encode():
            number = file.number(table, _METADATA_BUFFER)
            buffers = list(file.items(file.root, _MODEL_BUFFERS))
            if number >= len(buffers):
                raise NotTfliteError(f"metadata {name} is in buffer {number} of {len(buffers)}")
            return file.text(buffers[number], _BUFFER_DATA)
    return None


def add_metadata(content: bytes, name: str, value: bytes) -> bytes:
    """Return the file with `value` under `name`; the old content is the end of it, unchanged.

    Raises: NotTfliteError, or if there is such a name already, or if weights lie outside of the tables (files above 2 GB).
    """
    file = _File(content)
    if read_metadata(content, name) is not None:
        raise NotTfliteError(f"there is metadata {name} already")
    buffers = list(file.items(file.root, _MODEL_BUFFERS))
    if any(file.field(buffer, _BUFFER_OFFSET) for buffer in buffers):
        raise NotTfliteError("its weights lie outside of its tables")
    front = _Front()
    # root offset and identifier; the table of the model's fields; the model itself
    front.reserve(8)
    vtable = front.reserve(4 + 2 * _MODEL_FIELDS)
    front.align(4)
    model = front.reserve(4 + 4 * _MODEL_FIELDS)
    lists = {
        _MODEL_BUFFERS: front.reserve(4 + 4 * (len(buffers) + 1)),
        _MODEL_METADATA: front.reserve(4 + 4 * (len(list(file.items(file.root, _MODEL_METADATA))) + 1)),
    }
    entry, entry_vtable = front.table(fields=2)
    buffer, buffer_vtable = front.table(fields=1)
    label, data = front.bytes(name.encode(), zero=True), front.bytes(value, align=ALIGNMENT)
    front.align(ALIGNMENT)
    shift = len(front.content)

    front.write("<I", 0, model)
    front.content[4:8] = IDENTIFIER
    front.write("<HH", vtable, 4 + 2 * _MODEL_FIELDS, 4 + 4 * _MODEL_FIELDS)
    front.write("<i", model, model - vtable)
    for field in range(_MODEL_FIELDS):
        old = file.field(file.root, field)
        at = model + 4 + 4 * field
        if field in lists:
            front.write("<I", at, lists[field] - at)
        elif field in _INLINE_FIELDS:
            front.write("<I", at, file.u32(old) if old else 0)
        elif old:
            front.write("<I", at, file.target(old) + shift - at)
        if old or field in lists:
            front.write("<H", vtable + 4 + 2 * field, 4 + 4 * field)
    for field, new in ((_MODEL_BUFFERS, buffer), (_MODEL_METADATA, entry)):
        targets = [table + shift for table in file.items(file.root, field)] + [new]
        front.write("<I", lists[field], len(targets))
        for index, target in enumerate(targets):
            at = lists[field] + 4 + 4 * index
            front.write("<I", at, target - at)
    front.fill_table(entry, entry_vtable, [(_METADATA_NAME, label), (_METADATA_BUFFER, None)])
    front.write("<I", entry + 4 + 4 * _METADATA_BUFFER, len(buffers))
    front.fill_table(buffer, buffer_vtable, [(_BUFFER_DATA, data)])
    return bytes(front.content) + content


class _File:
    """Bounds-checked access to the tables of a FlatBuffer; all positions count from its start."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        if content[4:8] != IDENTIFIER:
            raise NotTfliteError("it is not a TFLite file")
        self.root = self.target(0)

    def _unpack(self, form: str, at: int) -> int:
        try:
            return struct.unpack_from(form, self._content, at)[0]
        except struct.error:
            raise NotTfliteError(f"it is cut off or damaged (an offset leads to byte {at})") from None

    def u32(self, at: int) -> int:
        return self._unpack("<I", at)

    def target(self, at: int) -> int:
        return at + self.u32(at)

    def field(self, table: int, index: int) -> int:
        """Return where a field of a table lies, 0 if it is left out."""
        vtable = table - self._unpack("<i", table)
        if vtable < 0:
            raise NotTfliteError("it is damaged (an offset leads before its start)")
        if 4 + 2 * index >= self._unpack("<H", vtable):
            return 0
        offset = self._unpack("<H", vtable + 4 + 2 * index)
        return table + offset if offset else 0

    def number(self, table: int, index: int) -> int:
        at = self.field(table, index)
        return self.u32(at) if at else 0

    def text(self, table: int, index: int) -> bytes:
        at = self.field(table, index)
        if not at:
            return b""
        start = self.target(at)
        end = start + 4 + self.u32(start)
        if end > len(self._content):
            raise NotTfliteError("it is cut off")
        return self._content[start + 4 : end]

    def items(self, table: int, index: int) -> Iterator[int]:
        """Yield where the tables in a list lie."""
        at = self.field(table, index)
        if not at:
            return
        start = self.target(at)
        for item in range(self.u32(start)):
            yield self.target(start + 4 + 4 * item)


class _Front:
    """The bytes put before a file: space is reserved first, then filled in."""

    def __init__(self) -> None:
        self.content = bytearray()

    def reserve(self, count: int) -> int:
        start = len(self.content)
        self.content += bytes(count)
        return start

    def align(self, multiple: int) -> None:
        self.reserve(-len(self.content) % multiple)

    def write(self, form: str, at: int, *values: int) -> None:
        struct.pack_into(form, self.content, at, *values)

    def table(self, *, fields: int) -> tuple[int, int]:
        """Reserve a table of 4-byte fields; return where it and the list of its fields lie."""
        vtable = self.reserve(4 + 2 * fields)
        self.align(4)
        return self.reserve(4 + 4 * fields), vtable

    def fill_table(self, table: int, vtable: int, fields: list[tuple[int, int | None]]) -> None:
        """Write a table's fields, each an offset to a target, or None for a number that is written by itself."""
        self.write("<HH", vtable, 4 + 2 * len(fields), 4 + 4 * len(fields))
        self.write("<i", table, table - vtable)
        for index, target in fields:
            at = table + 4 + 4 * index
            self.write("<H", vtable + 4 + 2 * index, 4 + 4 * index)
            if target is not None:
                self.write("<I", at, target - at)

    def bytes(self, value: bytes, *, align: int = 4, zero: bool = False) -> int:
        """Add a list of bytes whose first byte is aligned; return where its length lies."""
        self.reserve(-(len(self.content) + 4) % align)
        start = self.reserve(4)
        self.write("<I", start, len(value))
        self.content += value
        if zero:
            self.content.append(0)
        self.align(4)
        return start
