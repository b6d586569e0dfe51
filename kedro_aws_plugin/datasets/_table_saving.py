"""A save of a table: the files first, then Glue, then the clean-up.

Glue is changed only after the files are written, so the old table stays readable. Every save writes below
``<location>/<save id>/``, which no reader sees until Glue refers to it.

* overwrite of a table without partitions: one UpdateTable changes columns and location, all or nothing;
* overwrite of partitions: each partition reads its old files or its new ones, never a mixture;
* append: the files are copied, each as a whole, into the folder that the table or the partition reads.

botocore repeats a request whose answer is lost, and Glue refuses the repetition because the first one
succeeded. So a change that Glue has already may be this save's own: it is if it refers to the save's folder.
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
    TableEntry,
    build_definition,
    cast,
    choose_layout,
    columns_to_keep,
)
from kedro_aws_plugin.datasets._table_files import Folders, WriteOptions, write_files
from kedro_aws_plugin.errors import AwsError, KedroAwsError

_ATTEMPTS = 8


class Commit:
    """The change of Glue that makes a save visible.

    Args:
        glue: The table in Glue.
        files: S3.
        save: The save.
    """

    def __init__(self, glue: Glue, files: TableFiles, save: Save) -> None:
        self._glue = glue
        self._files = files
        self._save = save

    def run(self, layout: Layout, folders: Folders) -> list[str]:
        """Change Glue.

        Args:
            layout: Columns and partition keys of the files.
            folders: The folders of the partitions.

        Returns:
            The folders that nothing reads any more; for an append, those of this save that were copied.
        """
        before, definition = self._commit_table(layout)
        if layout.keys:
            return self._commit_partitions(definition["StorageDescriptor"], folders)
        if before is None:
            return []
        if self._save.replaces_table(before):
            return [before.location]
        with ExitStack() as undo:
            copied = self._append(self._table_folder, undo)
            undo.pop_all()
        return copied

    def abandon(self, layout: Layout, folders: Folders) -> None:
        """Delete the files of a failed save to which nothing in Glue refers."""
        if layout.keys:
            read = {found.location for found in self._glue.find_partitions(folders)}
        else:
            table = self._glue.get_table()
            read = {table.location} if table else set()
        kept = tuple(filter(None, read))
        self._files.delete(
            uri for uri in self._files.list_folder(self._save.folder) if not uri.startswith(kept)
        )

    def _commit_table(self, layout: Layout) -> tuple[TableVersion | None, Mapping[str, Any]]:
        """Create or change the table.

        Returns:
            The table before, None if it did not exist; and its definition now.
        """
        before: TableVersion | None = None
        for _ in range(_ATTEMPTS):
            table = self._glue.get_table()
            if table is not None and table.location == self._save.folder:
                # An earlier attempt succeeded, but its answer was lost: `before` is what it replaced.
                return before, table.definition
            before = table
            definition = build_definition(self._save, table, layout)
            if table is None:
                done = self._glue.create_table(definition)
            elif definition == table.definition:
                done = True
            else:
                done = self._glue.update_table(definition, table.version)
            if done:
                return table, definition
        raise AwsError(
            f"Could not change the table {self._save.name}: others keep changing it. Save again in a minute."
        )

    def _commit_partitions(self, storage: Mapping[str, Any], folders: Folders) -> list[str]:
        if self._save.mode == "append":
            return self._append_partitions(storage, folders)
        whole = self._save.mode == "overwrite"
        existing = self._glue.list_partitions() if whole else self._glue.find_partitions(folders)
        taken = self._glue.create_partitions(_find_new(folders, existing), storage)
        existing += self._find_others(taken, folders)
        self._glue.update_partitions(
            [Partition(one.values, folders[one.values]) for one in existing if one.values in folders], storage
        )
        self._glue.delete_partitions(one for one in existing if one.values not in folders)
        return [one.location for one in existing]

    def _append_partitions(self, storage: Mapping[str, Any], folders: Folders) -> list[str]:
        """Add files to the existing partitions, then register the new ones. A failure undoes both."""
        existing = self._glue.find_partitions(folders)
        new = _find_new(folders, existing)
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
        table = self._glue.get_table()
        return {self._save.folder: table.location} if table else {}

    def _partition_folders(self, values: Iterable[tuple[str, ...]], folders: Folders) -> dict[str, str]:
        return {folders[one.values]: one.location for one in self._find_others(values, folders)}

    def _find_others(self, values: Iterable[tuple[str, ...]], folders: Folders) -> list[Partition]:
        """Look up the partitions that do not read this save's files."""
        return [one for one in self._glue.find_partitions(values) if one.location != folders[one.values]]

    def _append(self, look_up: Callable[[], dict[str, str]], undo: ExitStack) -> list[str]:
        """Copy files into the folders that the table reads; again if an overwrite changes those meanwhile.

        Args:
            look_up: Returns the target folder of each source folder.
            undo: Receives the callbacks that delete the copies.

        Returns:
            The folders that were copied.
        """
        done: dict[str, str] = {}
        while left := {source: to for source, to in look_up().items() if done.get(source) != to}:
            self._copy(left, undo)
            done |= left
        return list(done)

    def _copy(self, folders: Mapping[str, str], undo: ExitStack) -> None:
        """Copy the files of folders under names that begin with the save's id."""
        pairs = [
            (uri, f"{folders[source]}{self._save.save_id}-{uri.rpartition('/')[2]}")
            for source, uris in zip(folders, self._files.list_folders(list(folders)), strict=True)
            for uri in uris
        ]
        undo.callback(self._files.delete, [target for _, target in pairs])
        self._files.copy(pairs)


def _find_new(folders: Folders, existing: list[Partition]) -> list[Partition]:
    known = {one.values for one in existing}
    return [Partition(values, folder) for values, folder in folders.items() if values not in known]


_FORMAT = "%Y%m%dT%H%M%SZ"
_SAVE_ID = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{8})-[0-9a-f]{12}")
_STILL_SAVING = timedelta(days=1)
"""A save that began longer ago than this is taken for dead."""
_logger = logging.getLogger("kedro.athena")


def make_save_id(table: str) -> str:
    """Make a unique name for a save, from the time, the table and chance."""
    return f"{datetime.now(timezone.utc):{_FORMAT}}-{_digest(table)}-{uuid.uuid4().hex[:12]}"


def _digest(table: str) -> str:
    """Shorten a table's name to a digest, so that tables in one location never delete each other's files."""
    return hashlib.sha256(table.encode()).hexdigest()[:8]


def clean_up(glue: Glue, files: TableFiles, save: Save, replaced: Iterable[str]) -> None:
    """Delete the files that a save has replaced, and after an overwrite also the files of saves that died.

    A failure is logged as a warning, since the save itself has succeeded.

    Args:
        glue: The table in Glue.
        files: S3.
        save: The save.
        replaced: The folders that nothing reads any more. Those outside of the save's location are kept.
    """
    try:
        ours = [folder for folder in replaced if _is_ours(folder, save)]
        if save.mode == "overwrite":
            ours += _find_abandoned(glue, files, save)
        for uris in files.list_folders(ours):
            files.delete(uris)
    except KedroAwsError as error:
        _logger.warning(
            "%s is saved, but files that it no longer reads are still below %s: %s "
            "An overwrite deletes them after a day.",
            save.name,
            save.location,
            error.message,
        )


def _is_ours(folder: str, save: Save) -> bool:
    # The table reads a save's own folder, except after an append, which has copied its files.
    around = save.folder.startswith(folder) and folder != save.folder
    written = folder.startswith(save.folder) and save.mode != "append"
    return folder.startswith(save.location) and not around and not written


def _find_abandoned(glue: Glue, files: TableFiles, save: Save) -> list[str]:
    now = datetime.now(timezone.utc)
    folders = files.list_subfolders(save.location)
    old = [f"{save.location}{name}/" for name in folders if is_abandoned(name, save.name, now)]
    if not old:
        return []
    table = glue.get_table()
    if table is None:
        return []
    read = [table.location, *(one.location for one in glue.list_partitions())]
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


def save_frame(frame: Any, save: Save, options: WriteOptions, stores: Stores) -> None:
    """Save a frame to a table.

    Args:
        frame: A frame of any supported library.
        save: The save.
        options: How to write files.
        stores: Glue and S3.

    Raises:
        DatasetError: If the frame cannot be saved, or does not fit the table.
        AwsError: If AWS refuses a request.
    """
    existing = columns_to_keep(save, stores.glue.get_table())
    prepared = _prepare(frame, save, existing, stores)
    stores.files.check_bucket(save.folder)
    commit = Commit(stores.glue, stores.files, save)
    folders: Folders = {}
    try:
        folders = prepared.write(save.folder, options, stores.files)
        replaced = commit.run(prepared.layout, folders)
    except BaseException:
        _abandon(commit, prepared.layout, folders, save)
        raise
    clean_up(stores.glue, stores.files, save, replaced)


class _ArrowFrame:
    """A frame that this process writes.

    Args:
        table: The frame.
        entry: The catalog entry.
        existing: The columns of the table in Glue, if they are to be kept.
        filesystem: Opens S3 for pyarrow.

    Attributes:
        layout: The columns of the files.
    """

    def __init__(
        self, table: Any, entry: TableEntry, existing: Layout | None, filesystem: Callable[[], FileSystem]
    ) -> None:
        self.layout = choose_layout(table.schema, entry, existing)
        self._table = cast(table, self.layout)
        self._filesystem = filesystem

    def write(self, folder: str, options: WriteOptions, files: TableFiles) -> Folders:  # noqa: ARG002 - Spark's needs it
        return write_files(self._table, self.layout, folder, self._filesystem(), options)


def _prepare(frame: Any, save: Save, existing: Layout | None, stores: Stores) -> _ArrowFrame | SparkFrame:
    if is_spark(frame):
        return SparkFrame(frame, save.entry, existing)
    return _ArrowFrame(to_arrow(frame), save.entry, existing, stores.filesystem)


def _abandon(commit: Commit, layout: Layout, folders: Folders, save: Save) -> None:
    """Remove the files of a failed save. A failure to do so is a warning, to not hide the first error."""
    try:
        commit.abandon(layout, folders)
    except KedroAwsError as error:
        _logger.warning(
            "The failed save has left files below %s: %s An overwrite deletes them after a day.",
            save.folder,
            error.message,
        )
