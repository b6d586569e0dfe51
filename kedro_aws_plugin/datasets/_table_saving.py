"""A save of a table: the files first, then Glue, then the clean-up.

Glue changes once the files are written, never before, so the old table stays readable. Every save writes
below ``<location>/<save id>/``, where nothing reads until Glue refers to it.

* overwrite of a table without partitions: one UpdateTable changes columns and location, all or nothing;
* overwrite of partitions: each partition reads its old files or its new ones, never a mixture;
* append: the files are copied, each as a whole, to where the table or the partition reads already.

A request whose answer is lost is sent again, and refused then, since it was done the first time. So what Glue
has already may be this very save's: it is if it reads the save's own folder.
"""

import hashlib
import logging
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any

from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.glue import Glue, Partition, TableVersion
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._frames import is_spark, to_arrow
from kedro_aws_plugin.datasets._spark import SparkFrame
from kedro_aws_plugin.datasets._table_definition import (
    Layout,
    Save,
    Stores,
    Wanted,
    cast,
    columns_to_keep,
    definition_of,
    layout_of,
)
from kedro_aws_plugin.datasets._table_files import Folders, Writing, write_files
from kedro_aws_plugin.errors import AwsError, KedroAwsError

_ATTEMPTS = 8


class Commit:
    """Makes the files of a save the table's.

    Args:
        glue: The table.
        files: S3.
        save: What is wanted.
    """

    def __init__(self, glue: Glue, files: TableFiles, save: Save) -> None:
        self._glue = glue
        self._files = files
        self._save = save

    def run(self, layout: Layout, folders: Folders) -> list[str]:
        """Change Glue.

        Args:
            layout: Columns and partition keys of the files.
            folders: Where the files of each partition are.

        Returns:
            The folders that nothing reads any more, among them those of this save that were copied.
        """
        before, definition = self._commit_table(layout)
        if layout.keys:
            return self._commit_partitions(definition["StorageDescriptor"], folders)
        if before is None:
            return []
        if self._save.replaces(before):
            return [before.location]
        with ExitStack() as undo:
            copied = self._append(self._table_folder, undo)
            undo.pop_all()
        return copied

    def abandon(self, layout: Layout, folders: Folders) -> None:
        """After a failure, delete the files of this save that nothing in Glue refers to."""
        if layout.keys:
            read = {found.location for found in self._glue.find_partitions(folders)}
        else:
            table = self._glue.table()
            read = {table.location} if table else set()
        kept = tuple(filter(None, read))
        self._files.delete(uri for uri in self._files.below(self._save.folder) if not uri.startswith(kept))

    def _commit_table(self, layout: Layout) -> tuple[TableVersion | None, Mapping[str, Any]]:
        """Create or change the table; returns what it was, and its definition now."""
        before: TableVersion | None = None
        for _ in range(_ATTEMPTS):
            table = self._glue.table()
            if table is not None and table.location == self._save.folder:
                # Done by an attempt whose answer was lost; what it replaced is what it had found.
                return before, table.definition
            before = table
            definition = definition_of(self._save, table, layout)
            if table is None:
                done = self._glue.create_table(definition)
            elif definition == table.definition:
                done = True
            else:
                done = self._glue.update_table(definition, table.version)
            if done:
                return table, definition
        raise AwsError(
            f"Could not change the table {self._save.name}: others kept changing it. Save again in a minute."
        )

    def _commit_partitions(self, storage: Mapping[str, Any], folders: Folders) -> list[str]:
        if self._save.mode == "append":
            return self._append_partitions(storage, folders)
        whole = self._save.mode == "overwrite"
        existing = self._glue.partitions() if whole else self._glue.find_partitions(folders)
        taken = self._glue.create_partitions(_absent(folders, existing), storage)
        existing += self._others(taken, folders)
        self._glue.update_partitions(
            [Partition(one.values, folders[one.values]) for one in existing if one.values in folders], storage
        )
        self._glue.delete_partitions(one for one in existing if one.values not in folders)
        return [one.location for one in existing]

    def _append_partitions(self, storage: Mapping[str, Any], folders: Folders) -> list[str]:
        """Add to the partitions that exist, then register the others; a failure takes it all back."""
        existing = self._glue.find_partitions(folders)
        new = _absent(folders, existing)
        with ExitStack() as undo:
            known = [one.values for one in existing]
            copied = self._append(lambda: self._partition_folders(known, folders), undo)
            undo.callback(self._unregister, new)
            taken = self._glue.create_partitions(new, storage)
            copied += self._append(lambda: self._partition_folders(taken, folders), undo)
            undo.pop_all()
        return copied

    def _unregister(self, partitions: list[Partition]) -> None:
        found = self._glue.find_partitions(one.values for one in partitions)
        self._glue.delete_partitions(one for one in found if one.location.startswith(self._save.folder))

    def _table_folder(self) -> dict[str, str]:
        table = self._glue.table()
        return {self._save.folder: table.location} if table else {}

    def _partition_folders(self, values: Iterable[tuple[str, ...]], folders: Folders) -> dict[str, str]:
        return {folders[one.values]: one.location for one in self._others(values, folders)}

    def _others(self, values: Iterable[tuple[str, ...]], folders: Folders) -> list[Partition]:
        """Those of the partitions in Glue that do not read this save's files already."""
        return [one for one in self._glue.find_partitions(values) if one.location != folders[one.values]]

    def _append(self, look_up: Callable[[], dict[str, str]], undo: ExitStack) -> list[str]:
        """Copy files to where the table reads already; again, if an overwrite has changed that meanwhile.

        Args:
            look_up: Says from which folders to which.
            undo: Gets what takes the copies back.

        Returns:
            The folders that were copied.
        """
        done: dict[str, str] = {}
        while left := {source: to for source, to in look_up().items() if done.get(source) != to}:
            self._copy(left, undo)
            done |= left
        return list(done)

    def _copy(self, folders: Mapping[str, str], undo: ExitStack) -> None:
        """Copy the files of folders, under names of their own."""
        pairs = [
            (uri, f"{folders[source]}{self._save.save_id}-{uri.rpartition('/')[2]}")
            for source, uris in zip(folders, self._files.below_each(list(folders)), strict=True)
            for uri in uris
        ]
        undo.callback(self._files.delete, [target for _, target in pairs])
        self._files.copy(pairs)


def _absent(folders: Folders, existing: list[Partition]) -> list[Partition]:
    known = {one.values for one in existing}
    return [Partition(values, folder) for values, folder in folders.items() if values not in known]


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


def save_frame(frame: Any, save: Save, how: Writing, stores: Stores) -> None:
    """Write a frame and make it the table's.

    Raises:
        DatasetError: If the frame cannot be saved, or does not fit the table.
        AwsError: If AWS refuses.
    """
    existing = columns_to_keep(save, stores.glue.table())
    prepared = _prepared(frame, save, existing, stores)
    stores.files.check(save.folder)
    commit = Commit(stores.glue, stores.files, save)
    folders: Folders = {}
    try:
        folders = prepared.write(save.folder, how, stores.files)
        replaced = commit.run(prepared.layout, folders)
    except BaseException:
        _abandon(commit, prepared.layout, folders, save)
        raise
    clean_up(stores.glue, stores.files, save, replaced)


class _ArrowFrame:
    """A frame that this process writes."""

    def __init__(
        self, table: Any, wanted: Wanted, existing: Layout | None, filesystem: Callable[[], FileSystem]
    ) -> None:
        self.layout = layout_of(table.schema, wanted, existing)
        self._table = cast(table, self.layout)
        self._filesystem = filesystem

    def write(self, folder: str, how: Writing, files: TableFiles) -> Folders:  # noqa: ARG002 - Spark's needs it
        return write_files(self._table, self.layout, folder, self._filesystem(), how)


def _prepared(frame: Any, save: Save, existing: Layout | None, stores: Stores) -> _ArrowFrame | SparkFrame:
    if is_spark(frame):
        return SparkFrame(frame, save.wanted, existing)
    return _ArrowFrame(to_arrow(frame), save.wanted, existing, stores.filesystem)


def _abandon(commit: Commit, layout: Layout, folders: Folders, save: Save) -> None:
    """Remove the files of a save that failed; that it failed is what the user has to hear first."""
    try:
        commit.abandon(layout, folders)
    except KedroAwsError as error:
        _logger.warning(
            "Files of a save that failed are left below %s: %s An overwrite deletes them after a day.",
            save.folder,
            error.message,
        )
