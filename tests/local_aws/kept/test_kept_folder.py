"""The folder of what is kept: made, killed while it is made, and checked."""

from pathlib import Path

import pytest

from local_aws.kept.folder import UnusableError, open_kept, settle
from local_aws.kept.services import KeptServices
from local_aws.s3.keeping import Keeping


def make(state_dir: Path) -> Path:
    """Make the folder as a server does."""
    folder = open_kept(state_dir)
    Keeping(folder).close()
    KeptServices(folder).close()
    settle(folder)
    return folder


def test_a_folder_whose_making_was_killed_is_made_to_its_end(tmp_path: Path) -> None:
    folder = open_kept(tmp_path)
    assert open_kept(tmp_path) == folder
    Keeping(folder).close()
    assert not (folder / "format").exists()
    assert make(tmp_path) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["format", "objects.sqlite", "services.sqlite"]
    assert make(tmp_path) == folder


@pytest.mark.parametrize("name", ["objects.sqlite", "services.sqlite", "format"])
def test_a_file_that_is_missing_is_never_made_anew(tmp_path: Path, name: str) -> None:
    (make(tmp_path) / name).unlink()
    for _ in range(2):
        with pytest.raises(UnusableError, match=f"{name} is missing, so the local AWS cannot tell"):
            open_kept(tmp_path)


@pytest.mark.parametrize("name", ["objects.sqlite", "services.sqlite"])
def test_a_file_that_is_empty_is_never_filled_anew(tmp_path: Path, name: str) -> None:
    (make(tmp_path) / name).write_bytes(b"")
    for _ in range(2):
        with pytest.raises(UnusableError, match=f"{name} has no table "):
            open_kept(tmp_path)
