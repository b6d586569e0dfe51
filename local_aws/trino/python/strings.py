# ruff: noqa: PLR2004 - hours, radixes and digits are what they are
"""Functions on texts and bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import unicodedata
import zlib
from collections.abc import Callable, Sequence

from local_aws.trino.python.raising import Function, failure, unsupported

_SOUNDEX = {
    letter: digit
    for digit, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
    for letter in letters
}
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*")


def strpos(text: str, wanted: str, instance: int) -> int:
    """Find the n-th occurrence, from the end if n is negative."""
    if instance == 0:
        raise failure("'instance' must not be equal to zero.")
    if not wanted:
        raise unsupported("strpos of an empty text")
    position = -1 if instance > 0 else len(text)
    for _ in range(abs(instance)):
        if instance > 0:
            position = text.find(wanted, position + 1)
        else:
            position = text.rfind(wanted, 0, position + len(wanted) - 1) if position > 0 else -1
        if position < 0:
            return 0
    return position + 1


def levenshtein(one: str, other: str) -> int:
    """Return the edit distance."""
    previous = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, another in enumerate(other, 1):
            change = previous[column - 1] + (letter != another)
            current.append(min(previous[column] + 1, current[-1] + 1, change))
        previous = current
    return previous[-1]


def hamming(one: str, other: str) -> int:
    """Count the places in which two texts differ."""
    if len(one) != len(other):
        raise failure("The input strings to hamming_distance function must have the same length")
    return sum(a != b for a, b in zip(one, other, strict=True))


def translate(text: str, source: str, target: str) -> str:
    """Replace each character of `source` by that of `target`, or delete it if there is none.

    The first of two replacements of one character counts.
    """
    table: dict[int, str | None] = {}
    for index, letter in enumerate(source):
        table.setdefault(ord(letter), target[index] if index < len(target) else None)
    return text.translate(table)


def soundex(text: str) -> str:
    """Return the Soundex code of a word."""
    letters = [letter for letter in text.upper() if letter.isalpha()]
    if not "".join(letters).isascii():
        raise unsupported("soundex of letters beyond ASCII")
    if not letters:
        return ""
    found, last = letters[0], _SOUNDEX.get(letters[0])
    for letter in letters[1:]:
        digit = _SOUNDEX.get(letter)
        if digit and digit != last:
            found += str(digit)
        if letter not in "HW":
            last = digit
    return found[:4].ljust(4, "0")


def luhn(text: str) -> bool:
    """Tell whether digits have the right check digit."""
    if not text:
        return False
    if not (text.isascii() and text.isdigit()):
        raise failure("Input contains invalid characters")
    digits = [int(letter) * (1 + index % 2) for index, letter in enumerate(reversed(text))]
    return sum(digit - 9 if digit > 9 else digit for digit in digits) % 10 == 0


def split_at_most(text: str, delimiter: str, limit: int) -> list[str]:
    """Split into a number of parts at most; the last has the rest."""
    return text.split(delimiter, limit - 1)


def split_to_map(text: str, entry: str, pair: str) -> dict[str, str]:
    """Split a=1,b=2 into a map."""
    found: dict[str, str] = {}
    for key, value in _pairs(text, entry, pair):
        if key in found:
            raise failure(
                f"Duplicate keys ({key}) are not allowed. "
                "Specifying a lambda to resolve conflicts can avoid this error"
            )
        found[key] = value
    return found


def split_to_multimap(text: str, entry: str, pair: str) -> dict[str, list[str]]:
    """Split a=1,a=2 into a map of lists."""
    found: dict[str, list[str]] = {}
    for key, value in _pairs(text, entry, pair):
        found.setdefault(key, []).append(value)
    return found


def _pairs(text: str, entry: str, pair: str) -> Sequence[tuple[str, str]]:
    if not entry or not pair or entry == pair:
        raise failure("entryDelimiter and keyValueDelimiter must not be the same")
    pairs = []
    parts = text.split(entry)
    for part in parts if parts[-1] else parts[:-1]:
        if len(found := part.split(pair)) != len(("key", "value")):
            raise failure(f"Key-value delimiter must appear exactly once in each entry. Bad input: '{part}'")
        pairs.append((found[0], found[1]))
    return pairs


def url_encode(text: str) -> str:
    """Encode a text as Java's URLEncoder does."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else "+" if byte == 32 else f"%{byte:02X}" for byte in text.encode()
    )


def from_hex(text: str) -> bytes:
    """Decode hexadecimal text."""
    try:
        return binascii.unhexlify(text)
    except ValueError as error:
        raise failure(f"Invalid hexadecimal string: {text}") from error


def from_base64(text: str) -> bytes:
    """Decode base 64."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise failure("Input is not valid base64") from error


def digest(data: bytes, algorithm: str) -> bytes:
    """Return a digest."""
    return hashlib.new(algorithm, data, usedforsecurity=False).digest()


def keyed_digest(data: bytes, key: bytes, algorithm: str) -> bytes:
    """Return a keyed digest."""
    return hmac.new(key, data, algorithm).digest()


def to_big_endian(number: int, size: int) -> bytes:
    """Write a whole number as bytes."""
    return number.to_bytes(size, "big", signed=True)


def from_big_endian(data: bytes, size: int) -> int:
    """Read a whole number from its bytes."""
    if len(data) != size:
        raise failure(f"expected {size}-byte input, but got instead: {len(data)}")
    return int.from_bytes(data, "big", signed=True)


def crc32(data: bytes) -> int:
    """Return a checksum."""
    return zlib.crc32(data)


def lower(text: str) -> str:
    """Lower each letter by itself.

    Of the one lower case that has two letters in Python, Java has the first.
    """
    return "".join(letter.lower()[0] for letter in text)


def upper(text: str) -> str:
    """Capitalise each letter by itself, if its upper case is one letter."""
    return "".join(capital if len(capital := letter.upper()) == 1 else letter for letter in text)


_TEXT = "VARCHAR"
_PLAIN: dict[str, tuple[Callable[..., object], list[str], str]] = {
    "lower_letters": (lower, [_TEXT], _TEXT),
    "upper_letters": (upper, [_TEXT], _TEXT),
    "reverse": (lambda text: text[::-1], [_TEXT], _TEXT),
    "replace_nothing": (lambda text, new: text.replace("", new), [_TEXT, _TEXT], _TEXT),
    "normalize": (lambda text, form: unicodedata.normalize(form, text), [_TEXT, _TEXT], _TEXT),
    "from_utf8": (lambda data: data.decode("utf-8", "replace"), ["BLOB"], _TEXT),
    "crc32": (crc32, ["BLOB"], "BIGINT"),
    "strpos": (strpos, [_TEXT, _TEXT, "BIGINT"], "BIGINT"),
    "levenshtein": (levenshtein, [_TEXT, _TEXT], "BIGINT"),
    "hamming": (hamming, [_TEXT, _TEXT], "BIGINT"),
    "translate": (translate, [_TEXT, _TEXT, _TEXT], _TEXT),
    "soundex": (soundex, [_TEXT], _TEXT),
    "luhn": (luhn, [_TEXT], "BOOLEAN"),
    "split_at_most": (split_at_most, [_TEXT, _TEXT, "BIGINT"], "VARCHAR[]"),
    "split_to_map": (split_to_map, [_TEXT, _TEXT, _TEXT], "MAP(VARCHAR, VARCHAR)"),
    "split_to_multimap": (split_to_multimap, [_TEXT, _TEXT, _TEXT], "MAP(VARCHAR, VARCHAR[])"),
    "url_encode": (url_encode, [_TEXT], _TEXT),
    "from_hex": (from_hex, [_TEXT], "BLOB"),
    "from_base64": (from_base64, [_TEXT], "BLOB"),
    "hash": (digest, ["BLOB", _TEXT], "BLOB"),
    "hmac": (keyed_digest, ["BLOB", "BLOB", _TEXT], "BLOB"),
    "to_big_endian": (to_big_endian, ["BIGINT", "INTEGER"], "BLOB"),
    "from_big_endian": (from_big_endian, ["BLOB", "INTEGER"], "BIGINT"),
}
FUNCTIONS: dict[str, Function] = {f"trino_{name}": function for name, function in _PLAIN.items()}
