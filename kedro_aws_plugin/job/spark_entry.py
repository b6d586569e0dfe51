"""Start the steps of a Kedro pipeline in a driver of Spark; this file is copied beside the files of the job.

`spark-submit` runs it with the project's packages in `--py-files`, from where executors take them. It needs
boto3. It downloads the files of the job, unpacks them for this process, and runs one step after the other.
"""

from __future__ import annotations

import argparse
import os
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONF = "conf.tar.gz"


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the steps; does not return."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--files", "--region"):
        parser.add_argument(name, required=True)
    for name in ("--run-id", "--scheduled"):
        parser.add_argument(name, default="")
    parser.add_argument("--step", action="append", required=True)
    given, rest = parser.parse_known_args(arguments)
    print(f"Python {sys.version.split()[0]} on {sys.platform}", flush=True)
    import boto3  # noqa: TID251 - the plugin is not unpacked yet

    s3 = boto3.client("s3", region_name=given.region)
    work = Path.cwd() / "kedro"
    files, site = work / "files", work / "site"
    download(s3, given.files, files)
    for package in sorted(files.glob("*.zip")):
        with zipfile.ZipFile(package) as packed:
            packed.extractall(site)  # noqa: S202 - our own
    unpack_configuration(files / _CONF, work)
    sys.path.insert(0, str(site))
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "1")  # the project's answer does not travel
    os.chdir(work)
    sys.exit(run_steps(s3, given, rest, files))


def download(s3: Any, uri: str, target: Path) -> None:
    """Download the files of the job."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    target.mkdir(parents=True, exist_ok=True)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    for page in pages:
        for each in page.get("Contents", []):
            name = each["Key"].rpartition("/")[2]
            s3.download_file(bucket, each["Key"], str(target / name))


def unpack_configuration(archive: Path, work: Path) -> None:
    """Unpack the project's configuration to conf/."""
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):
            packed.extractall(work, filter="data")
        else:
            packed.extractall(work)  # noqa: S202 - our own


def run_steps(s3: Any, given: argparse.Namespace, rest: Sequence[str], files: Path) -> int:
    """Run the steps; after one that fails, say why on S3, and run no other."""
    from kedro_aws_plugin.job.__main__ import main as run_step
    from kedro_aws_plugin.job.step import read_job
    from kedro_aws_plugin.run.run_id import make_run_id

    message = files.with_name("message")
    job = read_job(files)
    run_id = given.run_id or make_run_id(given.scheduled)
    for step in given.step:
        asked = ["--files", str(files), "--message", str(message), "--run-id", run_id]
        code = run_step([*asked, "--step", step, *rest])
        if code:
            said = message.read_bytes() if message.exists() else b""
            print(said.decode("utf-8", "replace"), flush=True)
            key = f"{job.prefix}/runs/{quote(run_id, safe='')}/message"
            s3.put_object(Bucket=job.bucket, Key=key, Body=said)
            return code
    return 0


if __name__ == "__main__":
    main(sys.argv[1:])
