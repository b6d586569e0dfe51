"""What a save changes in Glue: once its files are written, never before, so the old table stays readable.

Every save writes below ``<location>/<save id>/``, where nothing reads until Glue refers to it.

* overwrite of a table without partitions: one UpdateTable changes columns and location, all or nothing;
* overwrite of partitions: each partition reads its old files or its new ones, never a mixture;
* append: the files are copied, each as a whole, to where the table or the partition reads already.

A request whose answer is lost is sent again, and refused then, since it was done the first time. So what Glue
has already may be this very save's: it is if it reads the save's own folder.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from kedro_aws_plugin.aws.glue import Glue, Partition, TableVersion
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._parquet_files import Folders
from kedro_aws_plugin.datasets._table_columns import Layout
from kedro_aws_plugin.datasets._table_definition import Save, definition_of
from kedro_aws_plugin.errors import AwsError

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
