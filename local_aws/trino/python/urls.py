"""URLs, parsed as Java's `java.net.URI` does, which is the class that Trino uses."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

from local_aws.trino.python.raising import Function, failure, unsupported

_ESCAPE = r"%[0-9a-fA-F]{2}"
# Beyond ASCII whatever shows: no control characters, no spaces.
_LETTER = r"[A-Za-z0-9_\-.!~*'();:@&=+$,]|[^\x00-\xa0\s]"
_URI = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_LEGAL = re.compile(rf"(?:{_ESCAPE}|/|{_LETTER})*")
_LEGAL_LATER = re.compile(rf"(?:{_ESCAPE}|[/?\[\]]|{_LETTER})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_SERVER = re.compile(
    rf"(?:(?:{_ESCAPE}|{_LETTER.replace('@', '')})*@)?"
    rf"(?P<host>\d{{1,3}}(?:\.\d{{1,3}}){{3}}|(?:{_LABEL}\.)*[A-Za-z](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.?|{_LABEL})"
    r"(?::(?P<port>\d{0,9}))?",
    re.ASCII,
)
_PARTS = ("protocol", "authority", "path", "query", "fragment")


def _split(url: str) -> dict[str, str] | None:
    """Split a URL into its parts, as they are written; return None if it is not a URL."""
    found = _URI.fullmatch(url)
    parts = dict(zip(_PARTS, found.groups(), strict=True)) if found else {}
    texts = {name: text for name, text in parts.items() if text is not None}
    authority, path = texts.get("authority"), texts.get("path", "")
    if "[" in (authority or ""):
        raise unsupported("URLs with an IPv6 address")
    legal = all(
        (_LEGAL_LATER if name in {"query", "fragment"} else _LEGAL).fullmatch(text)
        for name, text in texts.items()
    )
    nothing_follows = not path and "query" not in texts and "fragment" not in texts
    if not legal or (authority == "" and nothing_follows) or (not authority and _is_unfinished(texts, path)):
        return None
    if "protocol" in texts and authority is None and not path.startswith("/"):
        # Such as mailto: all up to the fragment is one part, which Trino does not show.
        return {name: text for name, text in texts.items() if name in {"protocol", "fragment"}}
    return texts


def _is_unfinished(texts: dict[str, str], path: str) -> bool:
    """Tell whether a colon has no protocol before it, or nothing after it."""
    if "protocol" in texts:
        return not path and "query" not in texts and "authority" not in texts
    return ":" in path.partition("/")[0]


def url_part(url: str, part: str) -> str | None:
    """Return one part of a URL: empty if the URL has no such part, NULL if it is not a URL."""
    found = _split(url)
    if found is None:
        return None
    if part in {"host", "port"}:
        server = _SERVER.fullmatch(found.get("authority", ""))
        return (server and server[part]) or ("" if part == "host" else None)
    text = found.get(part, "")
    return text if part == "protocol" else unquote(text)


def url_parameter(url: str, name: str) -> str | None:
    """Return the first value of a parameter of a URL."""
    query = (_split(url) or {}).get("query")
    if query is None:
        return None
    for argument in query.split("&"):
        key, _, value = argument.partition("=")
        if key == name:
            return unquote_plus(value)
    return None


def url_decode(text: str) -> str:
    """Decode a text that has + for a space and %26 for an ampersand."""
    if found := re.search("%(?![0-9a-fA-F]{2})", text):
        rest = text[found.start() + 1 : found.start() + 3]
        what = "Incomplete trailing escape (%) pattern" if len(rest) < len("26") else "Illegal hex characters"
        raise failure(f"URLDecoder: {what}")
    return unquote_plus(text)


_TEXT = "VARCHAR"
FUNCTIONS: dict[str, Function] = {
    "trino_url_part": (url_part, [_TEXT, _TEXT], _TEXT),
    "trino_url_parameter": (url_parameter, [_TEXT, _TEXT], _TEXT),
    "trino_url_decode": (url_decode, [_TEXT], _TEXT),
}
