"""Which requests to moto change what is kept."""

import io
from pathlib import Path
from typing import Any

import pytest

from local_aws.kept.services import KeptServices
from local_aws.server.kept_moto import KeptMoto, _find_operation

_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_JSON = "application/json"


@pytest.mark.parametrize(("kind", "operation"), [(_FORM, "ListTopics"), (_JSON, "")])
def test_only_a_form_names_its_operation_in_the_body(kind: str, operation: str):
    body = io.BytesIO(b"uri=x&Action=ListTopics")
    environ = {"REQUEST_METHOD": "PUT", "CONTENT_TYPE": kind, "wsgi.input": body}
    assert _find_operation(environ) == operation


@pytest.mark.parametrize(("method", "status", "rows"), [("POST", "200 OK", 0), ("GET", "400 -", 1)])
def test_only_a_reset_forgets(tmp_path: Path, method: str, status: str, rows: int):
    from moto.sns.models import sns_backends

    kept = KeptServices(tmp_path)
    backend = sns_backends["123456789012"]["eu-west-1"]
    assert kept.moto is not None
    kept.moto.save({id(backend): backend})

    def moto(_environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return [b""]

    KeptMoto(moto, kept.moto)({"REQUEST_METHOD": method, "PATH_INFO": "/moto-api/reset"}, lambda *_: None)
    found = kept._database.read("SELECT count(*) FROM cells WHERE class LIKE '%SNSBackend'")
    assert found == [(rows,)]
    kept.close()
