"""A full disk, wherever the error of it comes up."""

import errno
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ProjectError
from kedro_aws_plugin.registration.candidate import make_work_folder


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence(tmp_path: Path, number: int) -> None:
    with pytest.raises(ProjectError) as caught, make_work_folder(tmp_path) as folder:
        raise OSError(number, "there is no room")
    said = f"The disk of {tmp_path / 'tmp'} is full. Make room on it, and run the command again."
    assert caught.value.message == said
    assert not folder.exists()


def download(error: OSError) -> None:
    """Take what goes wrong for a matter of the bucket, as who downloads a model does."""
    try:
        raise error
    except OSError as found:
        raise ProjectError("`regressor` cannot be read.") from found


def test_a_full_disk_that_was_taken_for_something_else(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"The disk of .* is full\."), make_work_folder(tmp_path):
        download(OSError(errno.ENOSPC, "there is no room"))


def test_another_error_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="it is not versioned"), make_work_folder(tmp_path):
        raise ProjectError("it is not versioned")
    with pytest.raises(PermissionError), make_work_folder(tmp_path):
        raise PermissionError(errno.EACCES, "denied")
