"""Named strings inside an `.onnx` file, read without onnx or onnxruntime.

An ONNX file is a protobuf message (https://protobuf.dev/programming-guides/encoding), `ModelProto` of onnx.proto, whose field 14,
`metadata_props`, holds pairs of key and value.
"""

from collections.abc import Iterator

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class NotOnnxError(ValueError):
    """The bytes are no ONNX file, or a damaged one."""


def read_metadata(content: bytes, name: str) -> bytes | None:
    """Return what an ONNX file holds under a name, None if nothing. Raises: NotOnnxError."""
    for number, start, end in _fields(content, 0, len(content)):
        if number == _METADATA_PROPS:
            pair = {key: content[a:b] for key, a, b in _fields(content, start, end)}
            if pair.get(_KEY) == name.encode():
                return pair.get(_VALUE, b"")
    return None


def _fields(content: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each field of a message."""
    while at < end:
        tag, at = _varint(content, at, end)
        kind = tag & 7
        if kind == _BYTES:
            length, start = _varint(content, at, end)
            at = start + length
        elif kind == _VARINT:
            start = at
            _, at = _varint(content, at, end)
        elif kind in (_FIXED64, _FIXED32):
            start = at
            at += 8 if kind == _FIXED64 else 4
        else:
            raise NotOnnxError(f"it is not an ONNX file (field of kind {kind})")
        if at > end or tag >> 3 == 0:
            raise NotOnnxError("it is cut off, or not an ONNX file")
        yield tag >> 3, start, at


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise NotOnnxError("it is cut off, or not an ONNX file")
