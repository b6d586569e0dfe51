"""The files that no table reads any more."""

import hashlib
import logging
import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from kedro_aws_plugin.aws.glue import Glue
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._table_definition import Save
from kedro_aws_plugin.errors import KedroAwsError

_FORMAT = "%Y%m%dT%H%M%SZ"
_SAVE_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{8})-[0-9a-f]{12}")
_STILL_SAVING = timedelta(days=1)
"""Who knows how long a save takes; what is older than this is taken for the leftover of one that died."""
_logger = logging.getLogger("kedro.athena")


def new_save_id(table: str) -> str:
    """A name that tells when a save began and of which table, and tells it from every other."""
    return f"{datetime.now(timezone.utc):{_FORMAT}}-{_digest(table)}-{uuid.uuid4().hex[:12]}"


def _digest(table: str) -> str:
    """So that two tables in one location, which nobody should have, never take each other's files."""
    return hashlib.sha256(table.encode()).hexdigest()[:8]


def clean_up(glue: Glue, files: TableFiles, save: Save, replaced: Iterable[str]) -> None:
    """Delete the files that a save has replaced, and, on an overwrite, what saves that died have left.

    The save is done by now, so a failure is a warning.

    Args:
        glue: The table.
        files: S3.
        save: The save.
        replaced: The folders that nothing reads any more; what is not below the location is somebody else's.
    """
    try:
        ours = [folder for folder in replaced if _is_ours(folder, save)]
        if save.mode == "overwrite":
            ours += _leftovers(glue, files, save)
        for uris in files.below_each(ours):
            files.delete(uris)
    except KedroAwsError as error:
        _logger.warning(
            "%s is saved, but files that it does not read any more are still below %s: %s "
            "An overwrite deletes them after a day.",
            save.name,
            save.location,
            error.message,
        )


def _is_ours(folder: str, save: Save) -> bool:
    # Of the save's own files, only an append's go: it has copied them. All others are what the table reads.
    around = save.folder.startswith(folder) and folder != save.folder
    written = folder.startswith(save.folder) and save.mode != "append"
    return folder.startswith(save.location) and not around and not written


def _leftovers(glue: Glue, files: TableFiles, save: Save) -> list[str]:
    now = datetime.now(timezone.utc)
    folders = files.subfolders(save.location)
    old = [f"{save.location}{name}/" for name in folders if is_abandoned(name, save.name, now)]
    if not old:
        return []
    table = glue.table()
    if table is None:
        return []
    read = [table.location, *(one.location for one in glue.partitions())]
    return [folder for folder in old if not any(location.startswith(folder) for location in read)]


def is_abandoned(folder: str, table: str, now: datetime) -> bool:
    """Tell whether a folder was written by a save of this table that began more than a day ago.

    Args:
        folder: The folder's name, without slashes.
        table: The table, with its database.
        now: The time now, with its zone.
    """
    found = _SAVE_ID.fullmatch(folder)
    if not found or found[2] != _digest(table):
        return False
    began = datetime.strptime(found[1], _FORMAT).replace(tzinfo=timezone.utc)
    return now - began > _STILL_SAVING
