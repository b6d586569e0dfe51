"""A save of `AthenaTableDataset`: files first, then Glue, then the clean-up."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyarrow.fs import FileSystem

from kedro_aws_plugin.aws.glue import Glue
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.datasets._arrow_frames import is_spark, to_arrow
from kedro_aws_plugin.datasets._parquet_files import Folders, Writing, write_files
from kedro_aws_plugin.datasets._table_cleanup import clean_up
from kedro_aws_plugin.datasets._table_columns import Layout, Wanted, cast, layout_of
from kedro_aws_plugin.datasets._table_commit import Commit
from kedro_aws_plugin.datasets._table_definition import Save, columns_to_keep
from kedro_aws_plugin.errors import KedroAwsError

if TYPE_CHECKING:
    from kedro_aws_plugin.datasets._spark_tables import SparkFrame

_logger = logging.getLogger("kedro.athena")


@dataclass(frozen=True)
class Stores:
    """What a save works on.

    Attributes:
        glue: The table.
        files: S3, for what is done to whole files.
        filesystem: S3, for pyarrow; made when it is needed.
    """

    glue: Glue
    files: TableFiles
    filesystem: Callable[[], FileSystem]


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


def _prepared(frame: Any, save: Save, existing: Layout | None, stores: Stores) -> "_ArrowFrame | SparkFrame":
    if is_spark(frame):
        from kedro_aws_plugin.datasets._spark_tables import SparkFrame

        return SparkFrame(frame, save.wanted, existing)
    return _ArrowFrame(to_arrow(frame), save.wanted, existing, stores.filesystem)


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
