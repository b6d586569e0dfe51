"""Without extras: the plugin's commands and starters, and how to get what is missing."""

import subprocess
import sys
from pathlib import Path


def kedro(*arguments: str) -> str:
    """Run a command of Kedro, which must succeed."""
    command = [sys.executable, "-m", "kedro", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


assert {"deploy", "register-model", "local"} <= set(kedro("aws", "--help").split())

# A local AWS of another environment has been in this folder; this one can neither start nor stop it.
Path(".kedro-aws").mkdir()
Path(".kedro-aws", "local.lock").touch()
for verb in ("start", "stop"):
    local_aws = [sys.executable, "-c", "from local_aws.cli import main; main()", verb]
    refused = subprocess.run(local_aws, check=False, capture_output=True, text=True)
    assert refused.returncode == 1, refused
    (line,) = refused.stderr.splitlines()
    assert "Run `pip install 'kedro-aws-plugin[local]'`" in line, line
