"""A server that is stopped, killed and started again."""

from pathlib import Path
from typing import Any

import psutil

import local_aws


class Lasting:
    """A local AWS that keeps what it holds. It runs when it is first asked for."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self._aws: local_aws.LocalAws | None = None
        self._clients: dict[str, Any] = {}

    @property
    def aws(self) -> local_aws.LocalAws:
        if self._aws is None:
            self._aws, _started = local_aws.start(self.state_dir, region="eu-west-1")
        return self._aws

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def _forget(self) -> None:
        self._aws = None
        self._clients.clear()

    def kill(self) -> None:
        """Kill it as `kill -9` does; the next use starts another one."""
        process = psutil.Process(self.aws.pid)
        process.kill()
        process.wait(30)
        self._forget()

    def stop(self) -> None:
        local_aws.stop(self.state_dir)
        self._forget()

    @property
    def log(self) -> str:
        return (self.state_dir / "local.log").read_text()

    def reset(self) -> None:
        local_aws.reset(self.state_dir)
