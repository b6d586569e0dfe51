"""The response that a script may return."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from local_aws.sagemaker.framework import content_types

_TEXTUAL = {
    "application/ecmascript",
    "application/javascript",
    "application/sql",
    "application/xml",
    "application/xml-dtd",
    "application/xml-external-parsed-entity",
}

Body = str | bytes | bytearray | Iterable[str | bytes] | None


class Response:
    """An HTTP response: what a script returns to choose the status and the headers itself.

    Args:
        response: The body; texts are encoded as UTF-8.
        accept: Ignored, as by the image.
        status: A number, or a text that begins with one, such as ``400 BAD REQUEST``.
        headers: Further headers.
        mimetype: The content type; by default the one in `headers`, else application/json. Types of text
            get ``; charset=utf-8``.
        direct_passthrough: Ignored.

    Example:
        >>> return worker.Response("Send at least one row.", status=400, mimetype="text/plain")
    """

    default_mimetype = content_types.JSON

    def __init__(  # noqa: PLR0913, PLR0917 - the image's
        self,
        response: Body = None,
        accept: str | None = None,
        status: int | str | HTTPStatus = HTTPStatus.OK,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
        mimetype: str | None = None,
        direct_passthrough: bool = False,
    ) -> None:
        del accept, direct_passthrough
        self.response = response
        self.status_code = int(status.split(maxsplit=1)[0]) if isinstance(status, str) else int(status)
        self.headers = dict(headers or {})
        has_type = any(name.lower() == "content-type" for name in self.headers)
        if mimetype is None and not has_type:
            mimetype = self.default_mimetype
        if mimetype is not None:
            self.headers = {
                name: value for name, value in self.headers.items() if name.lower() != "content-type"
            }
            self.headers["Content-Type"] = _add_charset(mimetype)

    @property
    def mimetype(self) -> str:
        """The content type without its parameters."""
        kinds = [value for name, value in self.headers.items() if name.lower() == "content-type"]
        return kinds[0].split(";")[0].strip().lower()

    def get_data(self) -> bytes:
        """Give the body.

        Raises:
            TypeError: If it is none that HTTP can carry.
        """
        body = self.response
        if body is None:
            return b""
        parts = [body] if isinstance(body, (str, bytes, bytearray)) else list(body)
        return b"".join(part.encode() if isinstance(part, str) else part for part in parts)


def _add_charset(mimetype: str) -> str:
    textual = mimetype.startswith("text/") or mimetype in _TEXTUAL or mimetype.endswith("+xml")
    return f"{mimetype}; charset=utf-8" if textual else mimetype
