"""Calls of moto within this process, in AWS's own protocol."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET

from local_aws.protocol.messages import AwsFault
from local_aws.protocol.overlay import WsgiApp
from local_aws.s3.content import CONTENT

_TARGETS = {
    "application-autoscaling": "AnyScaleFrontendService",
    "cloudwatch": "GraniteServiceVersion20100801",
    "glue": "AWSGlue",
    "logs": "Logs_20140328",
    "resourcegroupstaggingapi": "ResourceGroupsTaggingAPI_20170126",
}
_OWN = "moto"
"""The service of moto's own routes: what is for S3 names a bucket."""

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_SIGNING_NAMES = {"cloudwatch": "monitoring", "resourcegroupstaggingapi": "tagging"}


@dataclass(frozen=True)
class Answer:
    """An HTTP response of moto."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Listed(NamedTuple):
    """An object in a listing; its ETag is without quotation marks, its time as S3 writes it."""

    key: str
    etag: str
    size: int
    modified: str


class Moto:
    """A client of moto that needs no socket.

    Args:
        app: Moto's WSGI application.
        region: The region of requests for which none is given.
    """

    def __init__(self, app: WsgiApp, region: str) -> None:
        self._app = app
        self._region = region

    def call(
        self, service: str, operation: str, params: Mapping[str, Any], region: str = ""
    ) -> dict[str, Any]:
        """Call an operation of a service with a JSON protocol.

        Args:
            service: Botocore's name of the service.
            operation: AWS's name of the operation.
            params: Its parameters.
            region: The region.

        Returns:
            The members of the response.

        Raises:
            AwsFault: If moto returns an error.
        """
        answer = self.request(
            "POST",
            "/",
            service=service,
            region=region,
            headers={
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"{_TARGETS[service]}.{operation}",
            },
            body=json.dumps(params).encode(),
        )
        payload: dict[str, Any] = json.loads(answer.body or b"{}")
        if answer.status >= HTTPStatus.BAD_REQUEST:
            code = str(payload.get("__type", answer.status)).rsplit("#", maxsplit=1)[-1]
            raise AwsFault(code, str(payload.get("message", payload.get("Message", ""))), answer.status)
        return payload

    def request(  # noqa: PLR0913 - the parts of an HTTP request
        self,
        method: str,
        path: str,
        *,
        service: str = "s3",
        region: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | IO[bytes] = b"",
        target: Path | None = None,
    ) -> Answer:
        """Send one HTTP request, such as ``PUT /bucket/key`` to S3.

        With `target`, an object's content that lies in files comes in this new file, not in the answer's
        body. Nobody may change it: it can be the object's own.
        """
        from werkzeug.datastructures import Headers
        from werkzeug.test import EnvironBuilder

        scope = f"{region or self._region}/{_SIGNING_NAMES.get(service, service)}"
        signed = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20000101/{scope}/aws4_request, "
            "SignedHeaders=host, Signature=local"
        }
        builder = EnvironBuilder(
            method=method,
            path=path,
            base_url="http://127.0.0.1",
            headers=Headers([*signed.items(), *(headers or {}).items()]),
            input_stream=io.BytesIO(body) if isinstance(body, bytes) else body,
            content_length=len(body) if isinstance(body, bytes) else _measure(body),
        )
        environ = builder.get_environ()
        started: list[Any] = []
        chunks = self._app(environ, lambda *head: started.extend(head))
        try:
            content = environ.get(CONTENT)
            if target is None or content is None:
                answered = b"".join(chunks)
            else:
                content.save(target)
                answered = b""
        finally:
            if (close := getattr(chunks, "close", None)) is not None:
                close()
        return Answer(int(started[0].split(" ", 1)[0]), dict(started[1]), answered)

    def find_table(self, database: str, name: str, region: str) -> dict[str, Any] | None:
        """Find a table of Glue, as GetTable describes it; None if there is none.

        Raises:
            AwsFault: If Glue refuses.
        """
        try:
            found = self.call("glue", "GetTable", {"DatabaseName": database, "Name": name}, region)
        except AwsFault as fault:
            if fault.code != "EntityNotFoundException":
                raise
            return None
        return dict(found["Table"])

    def has_bucket(self, bucket: str) -> bool:
        """Tell whether a bucket of S3 exists."""
        return self.request("HEAD", f"/{bucket}").status == HTTPStatus.OK

    def list_objects(self, bucket: str, prefix: str) -> list[Listed] | None:
        """List all objects whose keys begin with a prefix; None if S3 refuses."""
        found: list[Listed] = []
        token = ""
        while True:
            query = f"list-type=2&prefix={quote(prefix, safe='')}"
            if token:
                query += f"&continuation-token={quote(token, safe='')}"
            answer = self.request("GET", f"/{bucket}?{query}")
            if answer.status != HTTPStatus.OK:
                return None
            page = ET.fromstring(answer.body)  # noqa: S314 - moto's own answer
            found += map(_read_listed, page.iter(f"{_NAMESPACE}Contents"))
            token = page.findtext(f"{_NAMESPACE}NextContinuationToken") or ""
            if not token:
                return found

    def put_object(self, bucket: str, key: str, content: bytes | IO[bytes], content_type: str) -> int:
        """Store an object.

        Returns:
            The status of HTTP that S3 answers with.
        """
        path, headers = f"/{bucket}/{quote(key)}", {"Content-Type": content_type}
        return self.request("PUT", path, headers=headers, body=content).status

    def reset(self) -> None:
        """Delete everything that moto holds."""
        self.request("POST", "/moto-api/reset", service=_OWN)


def _read_listed(content: ET.Element) -> Listed:
    def read(name: str) -> str:
        return content.findtext(_NAMESPACE + name) or ""

    return Listed(read("Key"), read("ETag").strip('"'), int(read("Size")), read("LastModified"))


def _measure(stream: IO[bytes]) -> int:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return size
