"""CBOR (RFC 8949), as far as AWS's protocol has it."""

import struct
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

_POSITIVE, _NEGATIVE, _BYTES, _TEXT, _LIST, _MAP, _TAG, _SIMPLE = range(8)
"""The kinds of values."""

_TRUE, _FALSE, _NULL, _BREAK = 0xF5, 0xF4, 0xF6, 0xFF
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_INDEFINITE = 31
_EPOCH = 1
"""The tag of a time in seconds since the epoch."""


def read_cbor(data: bytes) -> Any:
    """Read a value; no bytes at all are an empty map.

    Raises:
        ValueError: If it is no CBOR.
    """
    try:
        return _Reader(data).read() if data else {}
    except (IndexError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"This is no CBOR: {error}") from error


def write_cbor(value: Any, shape: Shape | None) -> bytes:
    """Write a value.

    Args:
        value: Plain values.
        shape: Its shape, which tells times from other numbers.
    """
    if shape is not None and shape.type_name == "timestamp":
        return bytes([_TAG << 5 | _EPOCH]) + write_cbor(float(value), None)
    if isinstance(value, Mapping):
        members = shape.members if isinstance(shape, StructureShape) else {}
        pairs = {name: each for name, each in value.items() if each is not None}
        return _write_head(_MAP, len(pairs)) + b"".join(
            write_cbor(name, None) + write_cbor(each, members.get(name)) for name, each in pairs.items()
        )
    if isinstance(value, list | tuple):
        member = shape.member if isinstance(shape, ListShape) else None
        return _write_head(_LIST, len(value)) + b"".join(write_cbor(each, member) for each in value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return _write_head(_POSITIVE, value) if value >= 0 else _write_head(_NEGATIVE, -1 - value)
    text = str(value).encode()
    return _write_head(_TEXT, len(text)) + text


def _write_head(kind: int, number: int) -> bytes:
    for limit, info, form in ((24, None, ""), (1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I")):
        if number < limit:
            return bytes([kind << 5 | (number if info is None else info)]) + (
                struct.pack(form, number) if info is not None else b""
            )
    return bytes([kind << 5 | 27]) + struct.pack(">Q", number)


class _Reader:
    """Reads CBOR, as far as requests have it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self) -> Any:
        """Read the next value."""
        head = self._take(1)[0]
        kind, info = head >> 5, head & 31
        if kind == _SIMPLE:
            return self._read_simple(head, info)
        if info == _INDEFINITE:
            return self._read_indefinite(kind)
        number = self._read_number(info)
        if kind in (_POSITIVE, _NEGATIVE):
            return number if kind == _POSITIVE else -1 - number
        if kind in (_BYTES, _TEXT):
            text = self._take(number)
            return text if kind == _BYTES else text.decode()
        if kind == _LIST:
            return [self.read() for _ in range(number)]
        return {self.read(): self.read() for _ in range(number)} if kind == _MAP else self.read()

    def _read_simple(self, head: int, info: int) -> Any:
        if info in _FLOATS:
            form = _FLOATS[info]
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return {_TRUE: True, _FALSE: False, _NULL: None}[head]

    def _read_indefinite(self, kind: int) -> Any:
        items = []
        while self._data[self._at] != _BREAK:
            items.append(self.read())
        self._at += 1
        if kind == _BYTES:
            return b"".join(items)
        if kind == _TEXT:
            return "".join(items)
        return items if kind == _LIST else dict(zip(items[::2], items[1::2], strict=True))

    def _read_number(self, info: int) -> int:
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info, 0)
        return int.from_bytes(self._take(size), "big") if size else info

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("The request ends too soon.")
        self._at += count
        return taken
