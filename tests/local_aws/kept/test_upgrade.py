"""What an earlier version kept, this one reads: `record_folder.py` recorded it from that version."""

import json
import tarfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import record_folder
from lasting import Lasting

FOLDERS = sorted(Path(__file__).parent.glob("folder-*.tar.xz"))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("file", FOLDERS, ids=lambda file: file.name)
def test_the_folder_of_an_earlier_version_holds_what_it_held(file: Path, lasting: Lasting) -> None:
    lasting.state_dir.mkdir(mode=0o700)
    with tarfile.open(file) as archive:
        if hasattr(tarfile, "tar_filter"):  # Python 3.14 wants one, 3.11.3 and earlier know none
            archive.extractall(lasting.state_dir, filter="tar")
        else:
            archive.extractall(lasting.state_dir)
    recorded = json.loads((lasting.state_dir / "answers.json").read_text(encoding="utf-8"))["answers"]
    for each in (
        *recorded["objects"].values(),
        *recorded["deleted"],
    ):  # that version rounded times down, and this one rounds them up
        each["LastModified"] = str(datetime.fromisoformat(each["LastModified"]) + timedelta(seconds=1))
    read = record_folder.read(lasting)
    assert read == recorded
    lasting.client("s3").put_object(Bucket=record_folder.BUCKET, Key="raw/newer", Body=b"newer")
    lasting.kill()
    newer = record_folder.read(lasting)
    assert {key for key in newer["objects"] if key not in read["objects"]} == {
        key for key in newer["objects"] if key.startswith("raw/newer")
    }
    runtime = lasting.client("sagemaker-runtime")
    assert runtime.invoke_endpoint(EndpointName="e", Body=b"[1]")["Body"].read() == b"m:[1]:application/json"


def test_folders_were_recorded() -> None:
    assert FOLDERS
