"""Process 1 of a container: makes its file system, starts its server and relays a Unix socket to it.

`container.py` runs it in namespaces of its own, with a plan as one line of JSON on stdin. It ends when stdin
is closed, and everything in the container with it. Needs nothing but Python's own library.
"""

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_CHUNK = 64 * 1024


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(plan["http"])
    listener.listen(128)
    log = os.open(plan["log"], os.O_WRONLY | os.O_APPEND)
    make_root(plan)
    os.chroot(plan["root"])
    os.chdir("/")
    if not plan["network"]:
        raise_loopback()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    server = subprocess.Popen(
        plan["command"], env=plan["environment"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    threading.Thread(target=relay, args=(listener, plan["port"]), daemon=True).start()
    os._exit(reap_until(server.pid))


def make_root(plan: dict[str, Any]) -> None:
    """Make the container's file system: this machine's programs, the image's folders, nobody's files."""
    root, layers = Path(plan["root"]), Path(plan["layers"])
    for folder in (root, layers):
        mount("-t", "tmpfs", "-o", "mode=755", "container", folder)
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "sys"):
        source = Path("/", name)
        if source.is_symlink():
            (root / name).symlink_to(source.readlink())
        elif source.is_dir():
            bind(source, root)
    if not inside(root, plan["python"]).exists():
        bind(Path(plan["python"]), root)
    for name in (
        "proc",
        "dev/shm",
        "opt/ml/models",
        "root",
        "run",
        "home/model-server/tmp",
        "tmp",
        "var/lib/nginx",
        "var/log/nginx",
        "var/tmp",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp", "dev/shm"):
        (root / name).chmod(0o1777)
    mount("-t", "proc", "proc", root / "proc")
    make_devices(root / "dev")
    for library in (root / "usr" / "lib").glob("*/libgomp.so.1"):  # which the image may lack
        mount("--bind", "/dev/null", library)
    for source, name in (("/etc", "etc"), (plan["venv"], "opt/venv"), (plan["model"], "opt/ml/model")):
        overlay(source, root / name, layers / name)


def make_devices(folder: Path) -> None:
    for name in ("null", "zero", "full", "random", "urandom"):
        (folder / name).touch()
        mount("--bind", f"/dev/{name}", folder / name)
    for name, target in {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}.items():
        (folder / name).symlink_to(f"/proc/self/fd{target}")


def overlay(lower: str, target: Path, layers: Path) -> None:
    """Mount a folder so that what is written into it is kept in memory, and lost with the container."""
    for folder in (target, *(layers / name for name in ("lower", "upper", "work"))):
        folder.mkdir(parents=True)
    mount("--rbind", lower, layers / "lower")
    options = ",".join(f"{name}dir={layers / name}" for name in ("lower", "upper", "work"))
    mount("-t", "overlay", "-o", options, "overlay", target)


def bind(source: Path, root: Path) -> None:
    """Show a folder of this machine in the container, read-only, under the same name."""
    target = inside(root, str(source))
    target.mkdir(parents=True)
    mount("--rbind", source, target)
    mount("-o", "remount,bind,ro", target)


def inside(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def raise_loopback() -> None:
    """Let the server listen on 127.0.0.1; there is no other interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))


def end_with_stdin() -> None:
    """End when the process that started the container closes it, or is gone."""
    sys.stdin.read()
    os._exit(0)


def reap_until(server: int) -> int:
    """Wait for processes that end, as process 1 has to; return the server's exit code."""
    while True:
        pid, status = os.wait()
        if pid == server:
            return os.waitstatus_to_exitcode(status) & 0xFF


def relay(listener: socket.socket, port: int) -> None:
    """Connect each client of the Unix socket to the server, if that listens."""
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            client.close()
            continue
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy what one side sends to the other, and then its end."""
    try:
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one side is gone: so is the other
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
