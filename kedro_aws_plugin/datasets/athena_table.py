"""A table of Amazon Athena as a Kedro dataset."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, get_args

from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.aws.arrow_s3 import arrow_filesystem
from kedro_aws_plugin.aws.credentials import dataset_session
from kedro_aws_plugin.aws.glue import Glue
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.config.glue_types import is_glue_type
from kedro_aws_plugin.datasets import defaults
from kedro_aws_plugin.datasets._entry import TablePreview, dataset_errors, one_of, several
from kedro_aws_plugin.datasets._frames import Engine, shown, to_frame
from kedro_aws_plugin.datasets._spark import read_spark
from kedro_aws_plugin.datasets._table_definition import Mode, Save, Wanted
from kedro_aws_plugin.datasets._table_files import Writing
from kedro_aws_plugin.datasets._table_loading import Loading, chosen, find_partitions, read_table
from kedro_aws_plugin.datasets._table_saving import Stores, new_save_id, save_frame

_TABLE = re.compile(r"[a-z0-9_]{1,255}")
_DATABASE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")
_LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_COMPRESSIONS = ("snappy", "gzip", "zstd", "none")


class AthenaTableDataset(AbstractDataset[Any, Any]):
    """Saves a frame as a table of Amazon Athena, and loads it back.

    A save writes Parquet files to S3 and registers them in Glue, so that the next query of Athena sees them.
    A load asks Glue for the files and reads them in parallel with pyarrow, without a query.

    Example usage for the
    [YAML API](https://docs.kedro.org/en/stable/catalog-data/data_catalog_yaml_examples/):

    ```yaml
    prices:
      type: kedro_aws_plugin.datasets.AthenaTableDataset
      table: prices

    reviews_by_day:
      type: kedro_aws_plugin.datasets.AthenaTableDataset
      table: reviews_by_day
      database: analytics
      location: s3://my-bucket/tables/reviews_by_day/
      partition_by: [day]
      mode: overwrite_partitions
      engine: polars
      partition_filter: day >= '2026-01-01'
      schema: {score: "decimal(5,2)"}
    ```

    Example usage for the
    [Python API](https://docs.kedro.org/en/stable/catalog-data/advanced_data_catalog_usage/):

    ```python
    import pandas as pd

    from kedro_aws_plugin.datasets import AthenaTableDataset

    dataset = AthenaTableDataset(
        table="prices", database="analytics", location="s3://my-bucket/tables/prices/"
    )
    dataset.save(pd.DataFrame({"shuttle_id": [1, 2], "price": [10.5, 11.0]}))
    prices = dataset.load()
    ```

    **What others see, and what a crash leaves.** Each save writes to a folder of its own below `location`,
    then changes Glue, then deletes what nothing reads any more; whatever ends it, the table can be read.

    - `overwrite` of a table without partitions is one change: a query sees the old rows or the new ones.
    - `overwrite` and `overwrite_partitions` of a partitioned table change up to a hundred partitions at once:
      after a crash, each partition has its old rows or its new ones.
    - `append` copies finished files to where the table reads already: a query may see some of them before the
      others, and after a crash it goes on seeing these. An error (not a crash) takes them back.
    - A query that runs while its files are replaced fails, and is to be run again. A load does so by itself.
    - What a save that died has left is deleted by an `overwrite` a day later.

    **Columns.** A save adds the frame's new columns to the table; where the frame lacks one, it is NULL. A
    column's type stays, and a save that would change it is refused. Only an `overwrite` of a table without
    partitions makes the table what the frame is. Names are lower-case letters, digits and underscores, since
    Athena keeps no others; a frame with another one is refused.

    **Values.** Timestamps with a zone are saved in UTC, without it, as Glue has no type for them. Timestamps
    have microseconds in the files, and Athena shows milliseconds. Unsigned integers become the next larger
    signed type, 16-bit floats 32-bit ones, categories their values. A value that would change is refused,
    unless `schema` asks for it: a float is rounded to a decimal or to a narrower float (infinite beyond its
    range), a timestamp loses its time to a date, a number other than 0 is true. pandas' index is not saved: a
    named one is refused. Partition values are texts, integers, booleans or dates; a missing one is NULL.

    Versioning is not supported: partition the table, by the run's date for example.
    """

    def __init__(  # noqa: PLR0913 - a catalog entry's keys
        self,
        *,
        table: str,
        database: str | None = None,
        location: str | None = None,
        partition_by: str | Sequence[str] = (),
        mode: Mode = "overwrite",
        engine: Engine = "pandas",
        columns: Sequence[str] | None = None,
        partition_filter: str | None = None,
        schema: Mapping[str, str] | None = None,
        comment: str | None = None,
        parameters: Mapping[str, str] | None = None,
        compression: str = "snappy",
        max_rows_per_file: int = 1_000_000,
        credentials: Mapping[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Keep what a load or save needs; AWS is not asked.

        Args:
            table: Its name in Glue.
            database: Glue database; by default `athena.database` of aws.yml.
            location: The S3 folder below which saves write, outside of `athena.output_location`; by
                default `tables/<database>/<table>/` in the bucket of aws.yml's `athena.output_location`. No
                other table may be there.
            partition_by: Columns that become folders, so that a query that filters by them reads less.
            mode: What a save does with the rows that are there: `overwrite` replaces all,
                `overwrite_partitions` those of the partitions in the frame, `append` none.
            engine: Of the frame that a load returns: `pandas`, `pyarrow`, `polars` or `spark`. A save takes
                any.
            columns: Those to load, in this order; by default all, the partition columns last.
            partition_filter: The partitions to load, as an expression over the partition columns in Glue's
                language, e.g. `year >= 2024 AND country IN ('CH', 'SG')`. Glue lists no others.
            schema: Glue's types, e.g. `decimal(10,2)`, of columns that are to have another type than their
                values tell, or whose values are all missing. The values are cast, and may be
                rounded.
            comment: A description of the table for Glue.
            parameters: More of the table's parameters in Glue.
            compression: `snappy`, `gzip`, `zstd` or `none`.
            max_rows_per_file: Files are written and read side by side.
            credentials: boto3's (`aws_access_key_id`, `profile_name`, ...) or s3fs's (`key`, `secret`,
                `token`); by default botocore finds them. Spark finds its own.
            metadata: Anything; Kedro ignores it.

        Raises:
            DatasetError: If the arguments do not fit together.
        """
        project = defaults.in_force()
        self._table = table
        self._database = database or project.database
        self._location = location or _default_location(project.output_location, self._database, table)
        self._partition_by = several(partition_by)
        self._mode = mode
        self._engine = engine
        self._columns = several(columns) if columns is not None else None
        self._partition_filter = partition_filter
        self._schema = {name: re.sub(r"\s+", "", text.lower()) for name, text in (schema or {}).items()}
        self._comment = comment
        self._parameters = {name: str(value) for name, value in (parameters or {}).items()}
        self._compression = compression
        self._max_rows_per_file = max_rows_per_file
        self._region = project.region
        self._local = project.local
        self._credentials = deepcopy(dict(credentials or {}))
        self.metadata = metadata
        self._SINGLE_PROCESS = engine == "spark"
        self._check(project.output_location or "")

    def _check(self, results: str) -> None:
        """Refuse what cannot be meant."""
        one_of("mode", self._mode, get_args(Mode))
        one_of("engine", self._engine, get_args(Engine))
        one_of("compression", self._compression, _COMPRESSIONS)
        refusals = {
            f"`table: {self._table}` is no name that Athena takes. Use lower-case letters, digits and "
            "underscores.": not _TABLE.fullmatch(self._table),
            "`database` is missing. Set it here, or `athena.database` in aws.yml.": self._database is None,
            f"`database: {self._database}` is no name that Athena takes. Use lower-case letters, digits and "
            "underscores.": self._database is not None and not _DATABASE.fullmatch(self._database),
            f"`location: {self._location}` is no S3 URI. Write s3://bucket/folder/.": (
                self._location is not None and not _LOCATION.fullmatch(self._location)
            ),
            f"`location: {self._location}` is among the query results of `athena.output_location`, which are "
            "deleted after some days. Write another folder.": _is_within(self._location, results),
            "`mode: overwrite_partitions` needs `partition_by`.": (
                self._mode == "overwrite_partitions" and not self._partition_by
            ),
            "`partition_by` has a column twice.": len(set(self._partition_by)) < len(self._partition_by),
            "`columns` is empty. Name a column, or leave it out for all.": self._columns == (),
            "`max_rows_per_file` is 1 or more.": self._max_rows_per_file < 1,
        }
        for message, refused in refusals.items():
            if refused:
                raise DatasetError(message)
        for name, text in self._schema.items():
            if not is_glue_type(text):
                raise DatasetError(
                    f"`schema`: {name}: `{text}` is no type of Glue's. "
                    "Write e.g. int, string or decimal(10,2)."
                )

    def load(self) -> Any:
        """Read the table.

        Returns:
            A frame of the engine.

        Raises:
            DatasetError: If there is no such table, or it cannot be read.
        """
        with dataset_errors(self._local):
            if self._engine == "spark":
                layout, partitions = find_partitions(self._loading, self._stores().glue)
                return read_spark(partitions, layout, chosen(self._loading, layout))
            return to_frame(lambda: read_table(self._loading, self._stores()), self._engine)

    def save(self, data: Any) -> None:
        """Write a frame and register it in Glue.

        Args:
            data: A pandas or polars DataFrame, a pyarrow Table or a Spark DataFrame.

        Raises:
            DatasetError: If it cannot be saved as it is, or AWS refuses; the table is as it was then.
        """
        if self._location is None:
            raise DatasetError(
                "`location` is missing. Set it here, or `athena.output_location` in aws.yml: "
                "tables then go to the same bucket."
            )
        about = {"Parameters": self._parameters, **({"Description": self._comment} if self._comment else {})}
        location = f"{self._location.rstrip('/')}/"
        wanted = Wanted(self._name, self._partition_by, self._schema)
        save = Save(wanted, self._mode, location, new_save_id(self._name), about)
        with dataset_errors(self._local):
            how = Writing(self._compression, self._max_rows_per_file)
            save_frame(data, save, how, self._stores())

    def preview(self, nrows: int = 5) -> TablePreview:
        """The first rows, for Kedro-Viz.

        Args:
            nrows: How many.
        """
        with dataset_errors(self._local):
            frame = to_frame(lambda: read_table(self._loading, self._stores(), rows=nrows), "pandas")
        return TablePreview(shown(frame))

    @property
    def _name(self) -> str:
        return f"{self._database}.{self._table}"

    @property
    def _loading(self) -> Loading:
        return Loading(self._name, self._columns, self._partition_filter)

    def _stores(self) -> Stores:
        """Clients are made for each load and save: they are not to be pickled, nor to outlive a fork."""
        session = dataset_session(self._region, self._credentials)
        return Stores(
            glue=Glue.open(session, str(self._database), self._table),
            files=TableFiles.open(session),
            filesystem=lambda: arrow_filesystem(self._region, self._credentials),
        )

    def _exists(self) -> bool:
        with dataset_errors(self._local):
            return self._stores().glue.table() is not None

    def _describe(self) -> dict[str, Any]:
        return {
            "table": self._name,
            "location": self._location,
            "partition_by": list(self._partition_by),
            "mode": self._mode,
            "engine": self._engine,
            "partition_filter": self._partition_filter,
        }


def _is_within(location: str | None, results: str) -> bool:
    """Whether a location is in the folder of query results; a whole bucket is no such folder."""
    prefix = results.removeprefix("s3://").partition("/")[2]
    return bool(prefix) and location is not None and f"{location}/".startswith(f"{results.rstrip('/')}/")


def _default_location(output_location: str | None, database: str | None, table: str) -> str | None:
    """Beside query results, never among them: those are deleted after some days."""
    if not output_location:
        return None
    bucket = output_location.removeprefix("s3://").partition("/")[0]
    return f"s3://{bucket}/tables/{database}/{table}/"
