"""What a run leaves for a later registration."""

import hashlib
import hmac
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kedro_aws_plugin.run.record import (
    RunRecord,
    find_installed_versions,
    hash_parameters,
    read_key,
    read_record,
    take_record,
    write_record,
)

RUN = "2026-11-21T22.48.12.552Z"
RECORD = RunRecord(git_sha="0a" * 20, git_dirty=True, parameters_hash="f" * 64, versions={"python": "3.12.1"})


@pytest.mark.parametrize("run", [RUN, "nightly:7"])
def test_what_is_kept_is_found_again(tmp_path: Path, run: str) -> None:
    """Windows takes no colon in a file name."""
    write_record(tmp_path, run, RECORD)
    assert read_record(tmp_path, run) == RECORD
    [file] = (tmp_path / "runs").iterdir()
    assert ":" not in file.name


def test_each_run_has_its_own(tmp_path: Path) -> None:
    write_record(tmp_path, RUN, RECORD)
    assert read_record(tmp_path, "2026-11-22T00.00.00.000Z") is None


def test_what_cannot_be_kept_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "runs").touch()
    write_record(tmp_path, RUN, RECORD)
    [said] = caplog.messages
    assert said.startswith("The record of this run cannot be written, so its model")
    assert read_record(tmp_path, RUN) is None


def test_git_does_not_see_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # as within a git hook
        monkeypatch.delenv(name)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    write_record(tmp_path / ".kedro-aws", RUN, RECORD)
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True, text=True).stdout == ""


@pytest.mark.parametrize("damaged", ["", "{", "[]", "{}", '{"git_sha": null, "another": 1}'])
def test_a_damaged_record_is_none(tmp_path: Path, damaged: str) -> None:
    write_record(tmp_path, RUN, RECORD)
    (tmp_path / "runs" / f"{RUN}.json").write_text(damaged, encoding="utf-8")
    assert read_record(tmp_path, RUN) is None


def test_a_record_holds_what_is_so_now(tmp_path: Path) -> None:
    record = take_record(tmp_path, {"depth": 3})
    key = read_key(tmp_path / ".kedro-aws")
    assert record.parameters_hash == hash_parameters({"depth": 3}, key) != hash_parameters({"depth": 4}, key)
    assert record.versions == find_installed_versions()


def test_a_digest_tells_nothing_to_whoever_has_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain digest of `{"pin": 7}` is found by trying all pins; with another key, it is another digest."""
    monkeypatch.delenv("KEDRO_AWS_PARAMETERS_KEY", raising=False)
    seen = take_record(tmp_path / "mine", {"pin": 7}).parameters_hash
    assert seen == take_record(tmp_path / "mine", {"pin": 7}).parameters_hash
    plain = hashlib.sha256(b'{"pin":7}').hexdigest()
    assert seen not in {plain, take_record(tmp_path / "theirs", {"pin": 7}).parameters_hash}
    key = tmp_path / "mine" / ".kedro-aws" / "parameters.key"
    assert len(key.read_bytes()) == 32
    if os.name != "nt":
        assert key.stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("KEDRO_AWS_PARAMETERS_KEY", "shared")
    shared = {take_record(tmp_path / name, {"pin": 7}).parameters_hash for name in ("mine", "theirs")}
    assert shared == {hmac.new(b"shared", b'{"pin":7}', hashlib.sha256).hexdigest()}


def test_processes_that_make_the_key_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(read_key, [tmp_path] * 8))) == 1


def test_without_a_folder_to_write_to_there_is_still_a_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_key(tmp_path / "file") != read_key(tmp_path / "file")
