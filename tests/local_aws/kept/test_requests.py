"""Which requests to moto change what is kept."""

import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from local_aws.kept.services import KeptServices
from local_aws.server.kept_moto import KeptMoto, _find_operation

_FAILING = Path(__file__).with_name("failing_write.py")
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


def test_what_could_not_be_written_of_s3_is_written_with_the_next_change(tmp_path: Path):
    def run() -> list[str]:
        command = [sys.executable, str(_FAILING), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    # What can never be written is refused for itself, and keeps nothing else from being written.
    said = [line.partition(" cannot be written: ")[2] for line in run()]
    no_memory = "there is no memory. End programs that take much memory, and try again."
    never = "it has no bytes. Nothing of this request is kept; the log says where that comes from."
    assert said == [*[no_memory] * 4, never]
    assert run() == ["gone []", "replaced [(b'2', 'written')]", "first [(b'2', 'written')]", "never []"]


@pytest.mark.parametrize(("service", "failing"), [("sns", "POST"), ("s3", "PUT")])
def test_what_a_request_has_changed_before_it_failed_is_written_with_the_next_one(
    tmp_path: Path, service: str, failing: str
):
    from moto.sns.models import sns_backends

    kept = KeptServices(tmp_path)
    backend = sns_backends["123456789012"]["eu-west-2"]
    assert kept.moto is not None
    kept.moto.save({id(backend): backend})

    def moto(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/fails":
            backend.sms_attributes["half"] = f"done-for-{service}"
            raise MemoryError
        start_response("200 OK", [])
        return [b""]

    app = KeptMoto(moto, kept.moto)
    scope = f"AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-2/{service}/aws4_request"
    request = {"REQUEST_METHOD": failing, "PATH_INFO": "/fails", "HTTP_AUTHORIZATION": scope}
    with pytest.raises(MemoryError):
        app(request, lambda *_: None)
    app({"REQUEST_METHOD": "POST", "PATH_INFO": "/"}, lambda *_: None)
    ((data,),) = kept._database.read("SELECT data FROM cells WHERE class LIKE '%SNSBackend'")
    kept.close()
    assert f"done-for-{service}".encode() in data


def test_a_change_that_is_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptServices(tmp_path)
    assert kept.moto is not None
    events: list[str] = []
    changed, may_save = threading.Event(), threading.Event()

    def save(_seen: Any) -> None:
        changed.set()
        assert may_save.wait(30)
        events.append("kept")

    def moto(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    monkeypatch.setattr(kept.moto, "save", save)
    app = KeptMoto(moto, kept.moto)
    scope = "AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-2/logs/aws4_request"
    head = {"PATH_INFO": "/", "REQUEST_METHOD": "POST", "HTTP_AUTHORIZATION": scope}
    change, read = (
        {**head, "HTTP_X_AMZ_TARGET": f"Logs_20140328.{operation}"}
        for operation in ("CreateLogStream", "DescribeLogStreams")
    )

    def answer_read() -> None:
        app(read, lambda *_: None)
        events.append("read")

    changing = threading.Thread(target=app, args=(change, lambda *_: None))
    reading = threading.Thread(target=answer_read)
    changing.start()
    assert changed.wait(30)
    reading.start()
    reading.join(0.2)
    may_save.set()
    for thread in (changing, reading):
        thread.join(30)
    kept.close()
    assert events == ["kept", "read"]
