"""What is taken over at a start, by servers that end as `kill -9` does: without closing anything."""

import sqlite3
import subprocess
import sys
from pathlib import Path

START = """
import os, sys
from pathlib import Path
from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends
from moto.sns.models import sns_backends
from local_aws.kept.services import KeptServices

kept = KeptServices(Path(sys.argv[1]))
sns, scaling = (each["123456789012"]["eu-west-1"] for each in (sns_backends, autoscaling_backends))
ec2 = ec2_backends["123456789012"]["eu-west-1"]
def save(backend):
    kept.moto.save({id(backend): backend})
def end():
    os._exit(0)
"""


def run(script: str, folder: Path) -> str:
    """Run a process that has what is kept, and is killed at its end."""
    command = [sys.executable, "-c", f"{START}{script}\nsys.stdout.flush(); end()", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def change(folder: Path, statement: str, *parameters: object) -> None:
    with sqlite3.connect(folder / "services.sqlite") as database:
        assert database.execute(statement, parameters).rowcount > 0
    database.close()


def test_what_a_newer_moto_adds_to_a_backend_is_there_after_a_kill_too(tmp_path: Path):
    run("del sns.sms_attributes; save(sns)", tmp_path)
    change(tmp_path, "UPDATE facts SET value = '1.0' WHERE name = 'moto'")
    assert [run("print(sns.sms_attributes)", tmp_path) for _ in range(2)] == ["{}", "{}"]


def test_a_backend_that_begins_empty_is_an_empty_one_to_those_that_mention_it(tmp_path: Path):
    run("save(scaling)", tmp_path)
    change(
        tmp_path, "UPDATE cells SET class = 'moto.ec2.models:Gone' WHERE class LIKE 'moto.ec2%:EC2Backend'"
    )
    assert run("print(scaling.ec2_backend is ec2, list(kept.list_lost()))", tmp_path) == "True ['ec2']"


def test_who_mentions_what_else_is_lost_begins_empty_too(tmp_path: Path):
    run("sns.mentioned = ec2.describe_vpcs()[0]; save(ec2); save(sns)", tmp_path)
    change(
        tmp_path, "UPDATE cells SET class = 'moto.ec2.models:Gone' WHERE class LIKE 'moto.ec2%:EC2Backend'"
    )
    assert run("print(sorted(kept.list_lost()))", tmp_path) == "['ec2', 'sns']"
