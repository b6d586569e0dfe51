"""A page in a real browser: wait for what it shows, and take its picture."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import websocket

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--remote-debugging-port=0", "--hide-scrollbars", "--window-size=1280,800"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass
class Page:
    socket: websocket.WebSocket
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def wait_for(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression of JavaScript is true in the page."""
        deadline = time.monotonic() + seconds
        while not self.tell(f"!!({script})"):
            assert time.monotonic() < deadline, f"not so within {seconds:.0f} s: {script}"
            time.sleep(0.3)

    def tell(self, script: str) -> Any:
        """Evaluate an expression of JavaScript in the page."""
        return self.send("Runtime.evaluate", expression=script)["result"].get("value")

    def run_selected_cell(self) -> None:
        """Press Shift and Enter, which runs a cell in JupyterLab and goes on to the next one."""
        key = {"modifiers": 8, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, **key)

    def take_picture(self) -> bytes:
        """Return the page as it looks, as a PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot")["data"])

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                return answer["result"]


@contextmanager
def open_page(url: str, profile: Path) -> Iterator[Page]:
    """Open a page; close the browser afterwards."""
    assert BROWSER is not None
    command = [BROWSER, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            opened = Request(f"http://127.0.0.1:{_find_port(profile)}/json/new?about:blank", method="PUT")
            with urlopen(opened, timeout=30) as response:
                address = json.load(response)["webSocketDebuggerUrl"]
            socket = websocket.create_connection(address, suppress_origin=True, timeout=60)
            page = Page(socket)
            page.send("Page.navigate", url=url)
            yield page
            socket.close()
        finally:
            browser.kill()


def _find_port(profile: Path) -> int:
    written = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 60
    while not written.is_file() or not written.read_text():
        assert time.monotonic() < deadline, "the browser did not start"
        time.sleep(0.1)
    return int(written.read_text().splitlines()[0])
