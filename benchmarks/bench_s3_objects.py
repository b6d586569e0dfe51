"""How fast the local S3 carries large objects, next to copying the same file, and how many small ones.

A file is uploaded or downloaded with boto3, to and from the local S3 and nginx, and is copied on the same
disk: in the system's cache (`cp`), and until the disk has it (`cp` and fsync). All of it by turns. The ratios
are of seconds, so 2.5x is 0.4 of the disk's speed. nginx shows what the client costs with any server: it
computes no checksum. The memory that the server takes more is read while it works.
A server that keeps what it holds and one that does not get the same small puts and gets, in turn, from 8
processes that only send and receive. `--before FOLDER` is a checkout of an earlier commit: its server and
this one's get them, too.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from common import Ratio, by_turns, cpu_of, in_turn, judge, ratio_of, row, spread, verdict, workshop
from nginx_server import Nginx, serve_by_nginx

import local_aws

BUCKET = "bench-objects"
LOCAL, NGINX, CP, DISK = "the local S3", "nginx", "cp", "cp and fsync"
CLIENTS, SMALL = 8, 1000
MIB = 1024**2
OF_COPYING = 2.5
OF_BEFORE = 1 / 1.5
OF_KEEPING_NOTHING = 1 / 0.85
GROWTH = 150

_START = """
import json, sys
from pathlib import Path
import local_aws
aws, _ = local_aws.start(Path(sys.argv[1]), region="eu-west-1", **json.loads(sys.argv[2]))
print(json.dumps([aws.endpoint_url, aws.access_key_id, aws.secret_access_key, aws.pid]))
"""
_CLIENT = """
import http.client, json, sys, urllib.parse
urls = json.load(sys.stdin)
host = urllib.parse.urlsplit(urls[0][1]).netloc
connection = http.client.HTTPConnection(host)
for method, url in urls:
    target = url.partition(host)[2]
    connection.request(method, target, b"x" * 1000 if method == "PUT" else None)
    answer = connection.getresponse()
    if answer.status != 200 or (method == "GET") != (len(answer.read()) == 1000):
        sys.exit(f"{method} {target}: {answer.status}")
"""


class Side:
    """A local AWS of a checkout, with a bucket."""

    def __init__(self, state: Path, code: Path, **options: bool) -> None:
        state.parent.mkdir(exist_ok=True)
        self.state = state
        self.code = code
        done = subprocess.run(
            [sys.executable, "-c", _START, str(state), json.dumps(options)],
            env={**os.environ, "PYTHONPATH": str(code)},
            cwd=state.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        url, key, secret, self.pid = json.loads(done.stdout)
        self.s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(signature_version="s3v4", s3={"payload_signing_enabled": False}),  # as aws.config
        )
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def carry_small(self) -> float:
        """Put and get small objects from several processes, and return the seconds."""
        names = [{"Bucket": BUCKET, "Key": f"small/{number}"} for number in range(SMALL)]
        pairs = [
            [
                (method, self.s3.generate_presigned_url(f"{method.lower()}_object", name))
                for method in ("PUT", "GET")
            ]
            for name in names
        ]
        clients = [
            subprocess.Popen([sys.executable, "-S", "-c", _CLIENT], stdin=subprocess.PIPE, text=True)
            for _ in range(CLIENTS)
        ]
        time.sleep(1)  # until all have imported what they need
        began = time.perf_counter()
        for number, client in enumerate(clients):
            assert client.stdin is not None
            client.stdin.write(json.dumps([each for pair in pairs[number::CLIENTS] for each in pair]))
            client.stdin.close()
        if any(client.wait() for client in clients):
            sys.exit("A client failed.")
        return time.perf_counter() - began


def memory_of(pid: int) -> int:
    """The resident memory of a process, in MiB."""
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(done.stdout) // 1024


@contextmanager
def most_memory_of(pid: int) -> Iterator[list[int]]:
    """Watch a process's memory: the most of it comes first in the list."""
    seen, ended = [memory_of(pid)], threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            seen[0] = max(seen[0], memory_of(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def make_file(path: Path, size: int) -> None:
    """Write a file whose blocks differ."""
    block = os.urandom(MIB - 8)
    with path.open("wb") as file:
        for number in range(size):
            file.write(number.to_bytes(8, "big") + block)


def seconds_of(work: Callable[[], Any]) -> float:
    """Measure a piece of work."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def copy(source: Path, target: Path) -> None:
    """Copy a file as a user would."""
    target.unlink(missing_ok=True)
    if program := shutil.which("cp"):
        subprocess.run([program, str(source), str(target)], check=True)
    else:
        shutil.copyfile(source, target)


def keep(source: Path, target: Path) -> None:
    """Copy a file, and wait until the disk has it."""
    copy(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def carry_large(side: Side, nginx: Nginx | None, folder: Path, size: int, rounds: int) -> float:
    """Measure objects of one size, in MiB, and return the seconds that a MiB takes both ways."""
    source, target = folder / "source", folder / "target"
    make_file(source, size)
    clients = {LOCAL: (side.s3, side.pid)}
    if nginx is not None:
        (nginx.files / BUCKET).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, nginx.files / BUCKET / "large")
        clients[NGINX] = (nginx.client(), nginx.pid)
    disk = {CP: lambda: copy(source, target), DISK: lambda: keep(source, target)}
    before = memory_of(side.pid)
    per_mib = 0.0
    with most_memory_of(side.pid) as most:
        for name, arguments in (
            ("upload_file", (str(source), BUCKET, "sent")),
            ("download_file", (BUCKET, "large", str(target))),
        ):
            if name == "download_file":
                side.s3.upload_file(str(source), BUCKET, "large")
            print(f"{name}, {size} MiB", flush=True)
            works: dict[str, Callable[[], Any]] = {
                each: partial(getattr(s3, name), *arguments) for each, (s3, _) in clients.items()
            }
            pids = {each: pid for each, (_, pid) in clients.items()}
            measured = by_turns(
                {each: partial(measure, work, pids.get(each)) for each, work in {**works, **disk}.items()},
                rounds,
            )
            report(measured)
            per_mib += statistics.median(found[LOCAL][0] for found in measured) / size
            for key in ("sent", "large"):
                side.s3.delete_object(Bucket=BUCKET, Key=key)
    verdict(most[0] - before, GROWTH, "MiB of memory more")
    for file in [] if nginx is None else (nginx.files / BUCKET).iterdir():
        file.unlink()
    return per_mib


def measure(work: Callable[[], Any], pid: int | None) -> tuple[float, float]:
    """Measure a piece of work: the seconds, and those of a server's and its client's processor time."""
    before = _cpu_of_both(pid)
    taken = seconds_of(work)
    return taken, _cpu_of_both(pid) - before


def _cpu_of_both(pid: int | None) -> float:
    return 0.0 if pid is None else time.process_time() + (cpu_of(pid) or 0)


def report(measured: list[dict[str, tuple[float, float]]]) -> None:
    """Print what each side took, and the ratios."""
    for side in measured[0]:
        work = statistics.median(found[side][1] for found in measured)
        note = f"; {work:.2f} s of work, with the client's" if work else ""
        row(side, spread([found[side][0] for found in measured]) + note)
    sides = [(LOCAL, NGINX), (NGINX, CP), (LOCAL, DISK), (NGINX, DISK)]
    for side, other in sides:
        if side in measured[0] and other in measured[0]:
            row(f"{side} by {other}", str(ratio_between(measured, side, other)))
    judge(ratio_between(measured, LOCAL, CP), OF_COPYING)


def ratio_between(measured: list[dict[str, tuple[float, float]]], side: str, other: str) -> Ratio:
    """The ratio of the seconds of two sides."""
    return ratio_of([(found[side][0], found[other][0]) for found in measured])


def compare_small(ours: Side, other: Side, pairs: int, name: str, goal: float) -> None:
    """Measure small objects on two sides in turn, and print their ratio."""
    measured = in_turn(ours.carry_small, other.carry_small, pairs)
    row(f"{SMALL} small puts and gets", spread([each for each, _ in measured]))
    row(name, spread([each for _, each in measured]))
    judge(ratio_of(measured), goal)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--size", type=int, default=1024, help="MiB of the large object; 5120 needs 30 GB")
    options.add_argument("--only-large", action="store_true", help="carry no small objects")
    options.add_argument("--before", type=Path, help="a checkout of an earlier commit")
    given = options.parse_args()
    with workshop() as folder, serve_by_nginx(folder / "nginx") as nginx:
        here = Side(folder / ".kedro-aws", Path(local_aws.__file__).parents[1])
        quarter = carry_large(here, nginx, folder, given.size // 4, given.pairs)
        whole = carry_large(here, nginx, folder, given.size, given.pairs)
        row("a MiB of the whole by one of a quarter", f"{whole / quarter:.2f}x")
        if given.only_large:
            return
        forgetful = Side(folder / "forgetful" / ".kedro-aws", here.code, keep=False)
        compare_small(here, forgetful, given.pairs, "by a server that keeps nothing", OF_KEEPING_NOTHING)
        if given.before is not None:
            earlier = Side(folder / "before" / ".kedro-aws", given.before)
            compare_small(here, earlier, given.pairs, "before", OF_BEFORE)


if __name__ == "__main__":
    main()
