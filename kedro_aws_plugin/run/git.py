"""Find out from git which commit a project is at."""

import os
import subprocess
from pathlib import Path

_GIT_SECONDS = 10
_COMMIT = "# branch.oid "
_NO_COMMIT = "(initial)"


def read_git_state(project: Path) -> tuple[str | None, bool | None]:
    """Read the commit that is checked out, and whether the project differs from it.

    Returns:
        The commit's sha, and whether there are changes. Both are None if git, the repository or a commit is
        missing, or git takes too long.
    """
    sha, changes = count_changes(project)
    return sha, None if changes is None else changes > 0


def count_changes(project: Path) -> tuple[str | None, int | None]:
    """Read the commit that is checked out, and count the files in which the project differs from it.

    Returns:
        The commit's sha, and the count; a folder that is new counts once. None as for `read_git_state`.
    """
    status = _run_git(project, "status", "--porcelain=v2", "--branch", "--", ".")
    if status is None:
        return None, None
    lines = status.splitlines()
    sha = next((line.removeprefix(_COMMIT) for line in lines if line.startswith(_COMMIT)), _NO_COMMIT)
    if sha == _NO_COMMIT:
        return None, None
    return sha, sum(not line.startswith("#") for line in lines)


def _run_git(project: Path, *arguments: str) -> str | None:
    # In a git hook, GIT_DIR and others point at the repository of the hook.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(project), *arguments],  # noqa: S607 - whichever git the user has
            env={**environment, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()
