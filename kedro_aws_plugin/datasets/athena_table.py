"""A table of Amazon Athena as a Kedro dataset."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal, cast, get_args

from kedro.io import AbstractDataset, DatasetError

from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
from kedro_aws_plugin.aws.athena_query import QueryContext
from kedro_aws_plugin.aws.credentials import create_dataset_session
from kedro_aws_plugin.aws.glue import Glue
from kedro_aws_plugin.aws.table_files import TableFiles
from kedro_aws_plugin.config.glue_types import is_glue_type
from kedro_aws_plugin.datasets import defaults
from kedro_aws_plugin.datasets._entry import TablePreview, as_tuple, check_choice, raise_dataset_errors
from kedro_aws_plugin.datasets._frames import Engine, to_frame, to_json_table
from kedro_aws_plugin.datasets._iceberg import IcebergEntry, IcebergMode, load_iceberg, save_iceberg
from kedro_aws_plugin.datasets._spark import read_spark
from kedro_aws_plugin.datasets._table_definition import Mode, Save, Stores, TableEntry
from kedro_aws_plugin.datasets._table_files import WriteOptions
from kedro_aws_plugin.datasets._table_loading import (
    TableSelection,
    choose_columns,
    find_partitions,
    read_table,
)
from kedro_aws_plugin.datasets._table_saving import make_save_id, save_frame

_TABLE = re.compile(r"[a-z0-9_]{1,255}")
_DATABASE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,254}")
_LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_TRANSFORM = re.compile(
    r"[a-z0-9_]+|(year|month|day|hour)\(\s*[a-z0-9_]+\s*\)|(bucket|truncate)\(\s*\d+\s*,\s*[a-z0-9_]+\s*\)"
)
_COMPRESSIONS = ("snappy", "gzip", "zstd", "none")


TableFormat = Literal["parquet", "iceberg"]


class AthenaTableDataset(AbstractDataset[Any, Any]):
    """``AthenaTableDataset`` saves a frame as a table of Amazon Athena, and loads it again.

    A save writes Parquet files to S3 and registers them in Glue, so that the next query of Athena sees them.
    A load looks up the files in Glue and reads them in parallel with pyarrow, without a query.

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

    An **Iceberg table** (`table_format: iceberg`) is saved and loaded by Athena's statements:

    ```yaml
    customers:
      type: kedro_aws_plugin.datasets.AthenaTableDataset
      table: customers
      table_format: iceberg
      mode: merge
      merge_on: [customer_id]
      partition_by: ["bucket(16, customer_id)"]
    ```

    The rows of a save are one INSERT or MERGE, which a query sees as a whole or not at all. If the table or
    a column is absent, it is added before that, by a statement of its own. If another writer changes the
    same rows meanwhile, the save fails and changes no row: run it again. `overwrite` replaces the rows and
    keeps the columns; the earlier rows can be read with FOR TIMESTAMP AS OF until VACUUM removes them.
    A timestamp with a time zone, of another writer, is loaded as its time in UTC; Athena refuses to save
    to it. Integers of 8 and 16 bits become `int`. Timestamps keep microseconds, but those
    inside arrays, maps and structures keep milliseconds. The rows travel through a temporary table
    `kedro_staged_...` and a folder in `output_location`; a save that is killed leaves both.

    **Concurrent queries and crashes.** Each save writes to a new folder below `location`, then changes Glue,
    then deletes the files that nothing reads any more. The table can be read at any time, also after a crash.

    - `overwrite` of a table without partitions is one change: a query sees either the old or the new rows.
    - `overwrite` and `overwrite_partitions` of a partitioned table change up to a hundred partitions at a
      time. After a crash, each partition has either its old or its new rows.
    - `append` copies finished files into the folders that the table reads. A query may see some of them
      before the others, and a crash leaves those copied so far. An error undoes the copies.
    - A query fails if its files are replaced while it runs; run it again. A load tries again by itself.
    - The files of a save that died are deleted by the first `overwrite` after a day.

    **Columns.** A save adds the frame's new columns to the table; columns that the frame lacks are NULL. A
    save that would change the type of a column fails. Only an `overwrite` of a table without partitions
    replaces the columns. Names must consist of lower-case letters, digits and underscores, since Athena
    changes all others.

    **Values.** Timestamps with a zone are saved in UTC without the zone, since Glue has no type for them.
    Files keep microseconds; Athena shows milliseconds. Unsigned integers become the next larger signed
    type, 16-bit floats become 32-bit floats, and categories become their values. A save fails if a value
    would change, unless `schema` gives the type: then floats are rounded to decimals or narrower floats
    (infinite beyond their range), timestamps are cut to dates, and numbers other than 0 become true.
    pandas' index is not saved, and a named index is an error. Partition values are texts, integers,
    booleans or dates; a missing one is NULL.

    **Versioning** is not supported. Partition the table instead, e.g. by the date of the run.
    """

    def __init__(  # noqa: PLR0913 - a catalog entry's keys
        self,
        *,
        table: str,
        database: str | None = None,
        location: str | None = None,
        partition_by: str | Sequence[str] = (),
        table_format: TableFormat = "parquet",
        mode: Mode | IcebergMode = "overwrite",
        merge_on: str | Sequence[str] = (),
        engine: Engine = "pandas",
        columns: Sequence[str] | None = None,
        partition_filter: str | None = None,
        schema: Mapping[str, str] | None = None,
        comment: str | None = None,
        parameters: Mapping[str, str] | None = None,
        compression: str = "snappy",
        max_rows_per_file: int = 1_000_000,
        workgroup: str | None = None,
        output_location: str | None = None,
        credentials: Mapping[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Create the dataset. Sends no request to AWS.

        Args:
            table: The table's name in Glue.
            database: The Glue database; by default `athena.database` of aws.yml.
            location: The S3 URI of the folder below which saves write; by default
                `tables/<database>/<table>/` in the bucket of aws.yml's `athena.output_location`. It must be
                outside of `athena.output_location`, and no other table may be there.
            partition_by: The columns that become folders, so that queries that filter by them read less. An
                Iceberg table takes transforms too: `day(at)`, `bucket(16, id)`.
            table_format: `parquet` or `iceberg`.
            mode: Which rows a save replaces: `overwrite` all, `overwrite_partitions` those of the partitions
                in the frame (not Iceberg), `append` none, `merge` those with the same values in `merge_on`
                (Iceberg only).
            merge_on: The columns whose values tell which row a row of the frame replaces.
            engine: The library of the frame that a load returns: `pandas`, `pyarrow`, `polars` or `spark`. A
                save takes frames of all four.
            columns: The columns to load, in this order; by default all, the partition columns last.
            partition_filter: The partitions to load, as an expression over the partition columns in Glue's
                language, e.g. `year >= 2024 AND country IN ('CH', 'SG')`. Glue lists no others. For an
                Iceberg table, any condition in Athena's SQL.
            schema: Glue types, e.g. `decimal(10,2)`, by column: for columns whose values are all missing, or
                that are to have another type than the frame's. Values are cast, and may be rounded.
            comment: A description of the table for Glue.
            parameters: Additional parameters of the table in Glue; of an Iceberg table, properties that
                Athena knows, e.g. `vacuum_max_snapshot_age_seconds`.
            compression: The Parquet codec: `snappy`, `gzip`, `zstd` or `none`.
            max_rows_per_file: The most rows in one file. Several files are written and read at once.
            workgroup: The Athena workgroup of an Iceberg table's statements; by default aws.yml's.
            output_location: The S3 URI for the rows of an Iceberg table on their way, and for results of its
                statements; by default aws.yml's, else the workgroup's own.
            credentials: boto3's (`aws_access_key_id`, `profile_name`, ...) or s3fs's (`key`, `secret`,
                `token`); by default botocore's. Spark does not use them.
            metadata: Any data of yours; Kedro ignores it.

        Raises:
            DatasetError: If an argument is not valid, or arguments do not fit together.
        """
        project = defaults.find_defaults(credentials)
        self._table = table
        self._database = database or project.database
        self._location = location or _default_location(project.output_location, self._database, table)
        self._partition_by = as_tuple(partition_by)
        self._table_format = table_format
        self._mode = mode
        self._merge_on = as_tuple(merge_on)
        self._engine = engine
        self._columns = as_tuple(columns) if columns is not None else None
        self._partition_filter = partition_filter
        self._schema = {name: re.sub(r"\s+", "", text.lower()) for name, text in (schema or {}).items()}
        self._comment = comment
        self._parameters = {name: str(value) for name, value in (parameters or {}).items()}
        self._compression = compression
        self._max_rows_per_file = max_rows_per_file
        self._context = QueryContext(
            database=self._database,
            workgroup=workgroup or project.workgroup,
            output_location=output_location or project.output_location,
            region=project.region,
        )
        self._region = project.region
        self._project = project
        self._credentials = deepcopy(dict(credentials or {}))
        self.metadata = metadata
        self._SINGLE_PROCESS = engine == "spark"
        self._check(project.output_location or "")

    def _check(self, results: str) -> None:
        """Validate the arguments."""
        check_choice("table_format", self._table_format, get_args(TableFormat))
        iceberg = self._table_format == "iceberg"
        check_choice("mode", self._mode, get_args(IcebergMode if iceberg else Mode))
        check_choice("engine", self._engine, get_args(Engine))
        check_choice("compression", self._compression, _COMPRESSIONS)
        refusals = {
            f"`table: {self._table}` is not a name that Athena accepts. Use lower-case letters, digits and "
            "underscores.": not _TABLE.fullmatch(self._table),
            "`database` is missing. Set it here, or `athena.database` in aws.yml.": self._database is None,
            f"`database: {self._database}` is not a name that Athena accepts. Use lower-case letters, "
            "digits, underscores and hyphens.": self._database is not None
            and not _DATABASE.fullmatch(self._database),
            f"`location: {self._location}` is not an S3 URI. Write s3://bucket/folder/.": (
                self._location is not None and not _LOCATION.fullmatch(self._location)
            ),
            f"`location: {self._location}` is within `athena.output_location`, whose objects are deleted "
            "after some days. Choose another folder.": _is_within(self._location, results),
            "`mode: overwrite_partitions` needs `partition_by`.": (
                self._mode == "overwrite_partitions" and not self._partition_by
            ),
            "`mode: merge` needs `merge_on`: the columns that tell the rows apart.": (
                self._mode == "merge" and not self._merge_on
            ),
            "`merge_on` needs `table_format: iceberg` and `mode: merge`.": (
                bool(self._merge_on) and self._mode != "merge"
            ),
            "`engine: spark` needs `table_format: parquet`. Load the table with AthenaQueryDataset.": (
                iceberg and self._engine == "spark"
            ),
            "`partition_by` of an Iceberg table takes columns, and year, month, day, hour, bucket or "
            "truncate of one, e.g. `day(at)` or `bucket(16, id)`.": iceberg
            and not all(_TRANSFORM.fullmatch(text) for text in self._partition_by),
            "`partition_by` names a column twice.": len(set(self._partition_by)) < len(self._partition_by),
            "`columns` is empty. Name a column, or remove `columns` to load all.": self._columns == (),
            "`max_rows_per_file` must be 1 or more.": self._max_rows_per_file < 1,
        }
        for message, refused in refusals.items():
            if refused:
                raise DatasetError(message)
        for name, text in self._schema.items():
            if not is_glue_type(text):
                raise DatasetError(
                    f"`schema`: {name}: `{text}` is not a type of Glue. "
                    "Write e.g. int, string or decimal(10,2)."
                )

    def load(self) -> Any:
        """Read the table.

        Returns:
            A frame of the engine.

        Raises:
            DatasetError: If the table does not exist or cannot be read.
        """
        with raise_dataset_errors(self._project):
            if self._table_format == "iceberg":
                return load_iceberg(self._iceberg, self._open_stores(), self._selection, self._engine)
            if self._engine == "spark":
                layout, partitions = find_partitions(self._selection, self._open_stores().glue)
                return read_spark(partitions, layout, choose_columns(self._selection, layout))
            return to_frame(lambda: read_table(self._selection, self._open_stores()), self._engine)

    def save(self, data: Any) -> None:
        """Write a frame and register it in Glue.

        Args:
            data: A pandas or polars DataFrame, a pyarrow Table or a Spark DataFrame.

        Raises:
            DatasetError: If the frame cannot be saved without a change of its values, does not fit the table,
                or AWS refuses a request.
        """
        if self._table_format == "iceberg":
            with raise_dataset_errors(self._project):
                options = WriteOptions(self._compression, self._max_rows_per_file)
                save_iceberg(data, self._iceberg, options, self._open_stores())
            return
        if self._location is None:
            raise DatasetError(
                "`location` is missing. Set it here, or `athena.output_location` in aws.yml: "
                "tables then go to the same bucket."
            )
        about = {"Parameters": self._parameters, **({"Description": self._comment} if self._comment else {})}
        location = f"{self._location.rstrip('/')}/"
        entry = TableEntry(self._name, self._partition_by, self._schema)
        save = Save(entry, cast("Mode", self._mode), location, make_save_id(self._name), about)
        with raise_dataset_errors(self._project):
            options = WriteOptions(self._compression, self._max_rows_per_file)
            save_frame(data, save, options, self._open_stores())

    def preview(self, nrows: int = 5) -> TablePreview:
        """Load the first rows for Kedro-Viz.

        Args:
            nrows: Number of rows.
        """
        with raise_dataset_errors(self._project):
            stores = self._open_stores()
            if self._table_format == "iceberg":
                frame = load_iceberg(self._iceberg, stores, self._selection, "pandas", int(nrows))
            else:
                frame = to_frame(lambda: read_table(self._selection, stores, rows=nrows), "pandas")
        return TablePreview(to_json_table(frame))

    @property
    def _name(self) -> str:
        return f"{self._database}.{self._table}"

    @property
    def _selection(self) -> TableSelection:
        return TableSelection(self._name, self._columns, self._partition_filter)

    @property
    def _iceberg(self) -> IcebergEntry:
        return IcebergEntry(
            database=str(self._database),
            table=self._table,
            context=self._context,
            location=self._location,
            partition_by=self._partition_by,
            mode=cast("IcebergMode", self._mode),
            merge_on=self._merge_on,
            types=self._schema,
            properties={"write_compression": self._compression, **self._parameters},
            comment=self._comment,
            credentials=self._credentials,
        )

    def _open_stores(self) -> Stores:
        """Open Glue and S3. Each load and save does so: clients cannot be pickled, nor used after a fork."""
        session = create_dataset_session(self._region, self._credentials)
        return Stores(
            glue=Glue.open(session, str(self._database), self._table),
            files=TableFiles.open(session),
            filesystem=lambda: open_s3_filesystem(self._region, self._credentials),
        )

    def _exists(self) -> bool:
        with raise_dataset_errors(self._project):
            return self._open_stores().glue.get_table() is not None

    def _describe(self) -> dict[str, Any]:
        return {
            "table": self._name,
            "location": self._location,
            "partition_by": list(self._partition_by),
            "table_format": self._table_format,
            "mode": self._mode,
            "merge_on": list(self._merge_on),
            "engine": self._engine,
            "partition_filter": self._partition_filter,
        }


def _is_within(location: str | None, results: str) -> bool:
    """Tell whether a location is in the folder of query results. A whole bucket does not count."""
    prefix = results.removeprefix("s3://").partition("/")[2]
    return bool(prefix) and location is not None and f"{location}/".startswith(f"{results.rstrip('/')}/")


def _default_location(output_location: str | None, database: str | None, table: str) -> str | None:
    """Choose a folder in the bucket of query results, but outside of their folder."""
    if not output_location:
        return None
    bucket = output_location.removeprefix("s3://").partition("/")[0]
    return f"s3://{bucket}/tables/{database}/{table}/"
