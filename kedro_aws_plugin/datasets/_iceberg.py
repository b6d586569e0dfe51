"""An Iceberg table of `AthenaTableDataset`: saved and loaded by Athena's own statements.

A save writes the frame's rows to a folder of its own, registers them as a temporary table, and lets one
INSERT or MERGE of Athena take them over: that is one commit of Iceberg, which a reader sees as a whole. If
the table or a column is absent, CREATE TABLE or ALTER TABLE comes before it, as a commit of its own.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from kedro.io import DatasetError

from kedro_aws_plugin.aws.athena import Athena
from kedro_aws_plugin.aws.athena_query import QueryContext, QueryFailed, Statement, Status
from kedro_aws_plugin.aws.glue import TableVersion
from kedro_aws_plugin.datasets._frames import Engine, is_spark, to_arrow, to_frame
from kedro_aws_plugin.datasets._glue_types import from_glue
from kedro_aws_plugin.datasets._query_loading import Load, find_location, load_frame
from kedro_aws_plugin.datasets._query_text import parse_query
from kedro_aws_plugin.datasets._query_watch import Leftovers, Progress, explain_failure
from kedro_aws_plugin.datasets._table_definition import (
    Columns,
    Layout,
    Save,
    Stores,
    TableEntry,
    build_definition,
    cast,
    choose_layout,
)
from kedro_aws_plugin.datasets._table_files import WriteOptions, write_files
from kedro_aws_plugin.datasets._table_loading import TableSelection, choose_columns
from kedro_aws_plugin.datasets._table_saving import make_save_id

IcebergMode = Literal["overwrite", "append", "merge"]
_WIDER = {"tinyint": "int", "smallint": "int"}
_OLD = "kedro_old"
"""The column of an overwrite's source that marks the row which matches every row of the table."""


@dataclass(frozen=True)
class IcebergEntry:
    """The Iceberg table that a catalog entry describes.

    Attributes:
        database: Its Glue database.
        table: Its name.
        context: Where its statements run.
        location: The S3 URI of its folder, used when it is created.
        partition_by: Columns and transforms such as ``day(at)``, used when it is created.
        mode: What happens to the rows that it has.
        merge_on: The columns that tell which row of the frame replaces which row of the table.
        types: Hive types to use instead of those of the frame's columns.
        properties: TBLPROPERTIES, used when it is created.
        comment: A description, used when it is created.
        credentials: Of the catalog entry.
    """

    database: str
    table: str
    context: QueryContext
    location: str | None
    partition_by: tuple[str, ...]
    mode: IcebergMode
    merge_on: tuple[str, ...]
    types: Columns
    properties: Mapping[str, str]
    comment: str | None
    credentials: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The table, with its database."""
        return f"{self.database}.{self.table}"


def save_iceberg(frame: Any, entry: IcebergEntry, options: WriteOptions, stores: Stores) -> None:
    """Save a frame to an Iceberg table, which is created if it does not exist.

    Args:
        frame: A pandas or polars DataFrame, or a pyarrow Table.
        entry: The table.
        options: How to write the rows for Athena.
        stores: Glue and S3.

    Raises:
        DatasetError: If the frame cannot be saved, does not fit the table, or Athena refuses a statement.
        AwsError: If AWS refuses a request.
    """
    if is_spark(frame):
        raise DatasetError("`table_format: iceberg` does not save Spark's frames. Call toPandas() first.")
    existing = find_layout(entry, stores.glue.get_table())
    rows = to_arrow(frame)
    layout = _choose_layout(rows.schema, entry, existing)
    rows = cast(rows, layout)
    _check_keys(rows, entry)
    athena = Athena(entry.context, entry.credentials)
    with Leftovers(athena) as leftovers:
        staged = _stage(rows, layout, entry, (athena, leftovers, stores, options))
        runner = _Runner(athena, leftovers)
        if existing is None:
            runner.run(write_create(entry, layout))
        elif new := {name: text for name, text in layout.columns.items() if name not in existing.columns}:
            runner.run(write_add_columns(entry, new))
        runner.run(write_change(entry, layout, staged))


def find_layout(entry: IcebergEntry, table: TableVersion | None) -> Layout | None:
    """Return the columns that the table has; None if it does not exist.

    Raises:
        DatasetError: If it is not an Iceberg table.
    """
    if table is None:
        return None
    kind = table.definition.get("Parameters", {}).get("table_type", "")
    if kind.lower() != "iceberg":
        raise DatasetError(
            f"{entry.name} is not an Iceberg table. Remove `table_format: iceberg`, or choose another table."
        )
    return Layout(table.columns, {})


def _choose_layout(schema: pa.Schema, entry: IcebergEntry, existing: Layout | None) -> Layout:
    found = choose_layout(schema, TableEntry(entry.name, (), entry.types), existing)
    return Layout({name: _WIDER.get(text, text) for name, text in found.columns.items()}, {})


def _check_keys(rows: pa.Table, entry: IcebergEntry) -> None:
    """Check that `merge_on` tells the rows of the frame apart.

    Raises:
        DatasetError: If a column is absent, or two rows have the same values.
    """
    for name in entry.merge_on:
        if name not in rows.column_names:
            raise DatasetError(
                f"The frame has no column `{name}`, which `merge_on` names. "
                f"Its columns: {', '.join(rows.column_names)}."
            )
        if rows.column(name).null_count:
            raise DatasetError(
                f"The column `{name}` of `merge_on` has missing values, which match nothing. "
                "Fill or drop them."
            )
    if entry.merge_on and rows.group_by(list(entry.merge_on)).aggregate([]).num_rows < rows.num_rows:
        raise DatasetError(
            f"Several rows of the frame have the same {', '.join(f'`{name}`' for name in entry.merge_on)}, "
            "so it is not clear which one the table gets. Drop all but one, or add columns to `merge_on`."
        )


def _stage(
    rows: pa.Table,
    layout: Layout,
    entry: IcebergEntry,
    tools: tuple[Athena, Leftovers, Stores, WriteOptions],
) -> str:
    """Write the rows for Athena and register them; return the name of the temporary table.

    Athena reads the timestamps of Parquet to the millisecond only, so they are written as texts.
    """
    athena, leftovers, stores, options = tools
    texts = Layout({name: _staged_type(text) for name, text in layout.columns.items()}, {})
    name = f"kedro_staged_{uuid.uuid4().hex}"
    root = f"{find_location(entry.context, athena)}iceberg-staging/"
    save = Save(TableEntry(f"{entry.database}.{name}", (), {}), "overwrite", root, make_save_id(entry.name))
    leftovers.add_folder(save.folder)
    stores.files.check_bucket(save.folder)
    write_files(_as_texts(rows, layout), texts, save.folder, stores.filesystem(), options)
    leftovers.add_table(entry.database, name)
    stores.glue.beside(name).create_table(build_definition(save, None, texts))
    return name


def _staged_type(text: str) -> str:
    return "string" if text == "timestamp" else text


def _as_texts(rows: pa.Table, layout: Layout) -> pa.Table:
    columns = [
        pc.cast(rows.column(name), pa.string()) if text == "timestamp" else rows.column(name)
        for name, text in layout.columns.items()
    ]
    return pa.table(columns, names=list(layout.columns))


class _Runner:
    """Runs the statements of a save."""

    def __init__(self, athena: Athena, leftovers: Leftovers) -> None:
        self._athena = athena
        self._leftovers = leftovers

    def run(self, sql: str) -> None:
        """Run one statement.

        Raises:
            DatasetError: If Athena refuses it, or it fails.
        """
        progress = Progress()

        def watch(status: Status) -> None:
            self._leftovers(status)
            progress(status)

        try:
            self._athena.run(Statement(sql), watch)
        except QueryFailed as failure:
            raise DatasetError(explain_failure(failure, sql)) from failure


def write_create(entry: IcebergEntry, layout: Layout) -> str:
    """Write CREATE TABLE.

    Raises:
        DatasetError: If the table has no location.
    """
    if entry.location is None:
        raise DatasetError(
            "`location` is missing. Set it here, or `athena.output_location` in aws.yml: "
            "tables then go to the same bucket."
        )
    lines = [f"CREATE TABLE IF NOT EXISTS {_name_in_ddl(entry)} (", *_define(layout.columns), ")"]
    if entry.comment:
        lines.append(f"COMMENT {_quote(entry.comment)}")
    if entry.partition_by:
        parts = (text if "(" in text else f"`{text}`" for text in entry.partition_by)
        lines.append(f"PARTITIONED BY ({', '.join(parts)})")
    lines.append(f"LOCATION {_quote(entry.location)}")
    properties = {"table_type": "ICEBERG", **entry.properties}
    written = ", ".join(f"{_quote(key)}={_quote(value)}" for key, value in properties.items())
    return "\n".join([*lines, f"TBLPROPERTIES ({written})"])


def write_add_columns(entry: IcebergEntry, columns: Columns) -> str:
    """Write ALTER TABLE ADD COLUMNS."""
    return "\n".join([f"ALTER TABLE {_name_in_ddl(entry)} ADD COLUMNS (", *_define(columns), ")"])


def _define(columns: Columns) -> list[str]:
    written = [f"  `{name}` {text}" for name, text in columns.items()]
    return [*(f"{line}," for line in written[:-1]), *written[-1:]]


def write_change(entry: IcebergEntry, layout: Layout, staged: str) -> str:
    """Write the statement that takes over the staged rows, in one commit.

    Args:
        entry: The table.
        layout: The columns of the rows.
        staged: The table with the rows.
    """
    target = f'"{entry.database}"."{entry.table}"'
    names = [f'"{name}"' for name in layout.columns]
    values = ", ".join(_read_staged(name, text) for name, text in layout.columns.items())
    source = f'FROM "{entry.database}"."{staged}"'
    rows = f"SELECT {values} {source}"
    if entry.mode == "append":
        return f"INSERT INTO {target} ({', '.join(names)})\n{rows}"
    given = ", ".join(f"s.{name}" for name in names)
    insert = f"INSERT ({', '.join(names)}) VALUES ({given})"  # noqa: S608 - names are checked
    if entry.mode == "merge":
        matches = " AND ".join(f't."{name}" = s."{name}"' for name in entry.merge_on)
        others = [name for name in names if name.strip('"') not in entry.merge_on]
        update = ", ".join(f"{name} = s.{name}" for name in others)
        updated = f"\nWHEN MATCHED THEN UPDATE SET {update}" if update else ""
        return (
            f"MERGE INTO {target} AS t USING (\n{rows}\n) AS s ON {matches}{updated}\n"
            f"WHEN NOT MATCHED THEN {insert}"
        )
    nothing = ", ".join("NULL" for _ in names)
    # One more row of the source matches every row of the table, which deletes them in the same commit. The
    # condition is an equation, because Athena joins by nothing else here.
    return (
        f"MERGE INTO {target} AS t USING (\nSELECT {values}, false AS {_OLD} {source}\n"
        f"UNION ALL SELECT {nothing}, true\n) AS s "
        f"ON s.{_OLD} = (t.{names[0]} IS NULL OR t.{names[0]} IS NOT NULL)\n"
        f"WHEN MATCHED THEN DELETE\nWHEN NOT MATCHED AND NOT s.{_OLD} THEN {insert}"
    )


def _read_staged(name: str, text: str) -> str:
    return f'CAST("{name}" AS timestamp(6)) AS "{name}"' if text == "timestamp" else f'"{name}"'


def _name_in_ddl(entry: IcebergEntry) -> str:
    return f"`{entry.database}`.`{entry.table}`"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def load_iceberg(
    entry: IcebergEntry, stores: Stores, selection: TableSelection, engine: Engine, rows: int | None = None
) -> Any:
    """Load an Iceberg table, or its first rows, by a query.

    Args:
        entry: The table.
        stores: Glue and S3.
        selection: The columns, and the condition on the rows.
        engine: The library of the frame.
        rows: The most rows to load; None for all.

    Raises:
        DatasetError: If the table or a column does not exist, or the query fails.
    """
    layout = find_layout(entry, stores.glue.get_table())
    if layout is None:
        raise DatasetError(
            f"The table {entry.name} does not exist in Glue. Run the pipeline that saves it, or correct "
            "`table` and `database`."
        )
    columns = choose_columns(selection, layout)
    sql = write_select(entry, layout, columns, selection.partition_filter)
    loaded = load_frame(_make_load(entry, sql if rows is None else f"{sql}\nLIMIT {rows}"))
    table = pa.table(
        [_read_column(loaded.column(name), layout.columns[name]) for name in columns], names=columns
    )
    return to_frame(lambda: table, engine)


def write_select(entry: IcebergEntry, layout: Layout, columns: Sequence[str], condition: str | None) -> str:
    """Write the query of a load. UNLOAD has no timestamps with microseconds, so they are loaded as texts.

    Glue does not tell whether a timestamp has a time zone. One that has is loaded as its time in UTC.
    """
    values = ", ".join(
        f'CAST(CAST("{name}" AS timestamp(6)) AS varchar) AS "{name}"'
        if layout.columns[name] == "timestamp"
        else f'"{name}"'
        for name in columns
    )
    where = f"\nWHERE {condition}" if condition else ""
    return f'SELECT {values}\nFROM "{entry.database}"."{entry.table}"{where}'


def _read_column(column: pa.ChunkedArray, text: str) -> pa.ChunkedArray:
    target = from_glue(text)
    return column if column.type == target else pc.cast(column, target)


def _make_load(entry: IcebergEntry, sql: str) -> Load:
    return Load(
        query=parse_query(sql),
        parameters=(),
        mode="unload",
        engine="pyarrow",
        database=entry.database,
        catalog=None,
        workgroup=entry.context.workgroup,
        output_location=entry.context.output_location,
        region=entry.context.region,
        credentials=entry.credentials,
        partitioned_by=(),
        columns=None,
        result_reuse_minutes=None,
        max_scan_gb=None,
        keep_results=False,
    )
