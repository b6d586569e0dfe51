"""Without extras: the plugin's commands and starters, and how to get what is missing."""

import os
import subprocess
import sys
from pathlib import Path


def kedro(*arguments: str) -> str:
    """Run a command of Kedro, which must succeed."""
    command = [sys.executable, "-m", "kedro", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


assert {"deploy", "register-model", "local"} <= set(kedro("aws", "--help").split())
assert "aws-spaceflights" in kedro("starter", "list")
kedro("new", "--starter=aws-spaceflights", "--name", "Flights")
assert Path("flights", "conf", "base", "aws.yml").is_file()

start = [sys.executable, "-c", "from local_aws.cli import main; main()", "start"]
refused = subprocess.run(start, check=False, capture_output=True, text=True, env={**os.environ})
assert refused.returncode == 1, refused
(line,) = refused.stderr.splitlines()
assert "Run `pip install 'kedro-aws-plugin[local]'`" in line, line
