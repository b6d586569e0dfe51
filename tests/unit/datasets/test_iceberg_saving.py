"""The statements by which `AthenaTableDataset` saves and loads Iceberg tables."""

import pytest

from kedro_aws_plugin.aws.athena_query import QueryContext
from kedro_aws_plugin.datasets._iceberg import (
    IcebergEntry,
    IcebergMode,
    write_add_columns,
    write_change,
    write_create,
    write_select,
)
from kedro_aws_plugin.datasets._table_definition import Layout

LAYOUT = Layout({"id": "bigint", "at": "timestamp", "tags": "array<string>"}, {})


def entry(mode: IcebergMode = "overwrite", merge_on: tuple[str, ...] = ()) -> IcebergEntry:
    return IcebergEntry(
        database="my-shop",
        table="prices",
        context=QueryContext(),
        location="s3://flights/prices/",
        partition_by=("day(at)", "id"),
        mode=mode,
        merge_on=merge_on,
        types={},
        properties={"write_compression": "zstd"},
        comment="It's ours",
        credentials={},
    )


def test_a_table_is_created_and_widened() -> None:
    assert write_create(entry(), LAYOUT) == (
        "CREATE TABLE IF NOT EXISTS `my-shop`.`prices` (\n  `id` bigint,\n  `at` timestamp,\n"
        "  `tags` array<string>\n)\nCOMMENT 'It\\'s ours'\nPARTITIONED BY (day(at), `id`)\n"
        "LOCATION 's3://flights/prices/'\n"
        "TBLPROPERTIES ('table_type'='ICEBERG', 'write_compression'='zstd')"
    )
    assert write_add_columns(entry(), {"a": "int"}) == (
        "ALTER TABLE `my-shop`.`prices` ADD COLUMNS (\n  `a` int\n)"
    )


VALUES = '"id", CAST("at" AS timestamp(6)) AS "at", "tags"'
INSERT = 'INSERT ("id", "at", "tags") VALUES (s."id", s."at", s."tags")'


@pytest.mark.parametrize(
    ("made", "statement"),
    [
        (
            entry("append"),
            f'INSERT INTO "my-shop"."prices" ("id", "at", "tags")\nSELECT {VALUES} FROM "my-shop"."staged"',
        ),
        (
            entry("merge", ("id",)),
            f'MERGE INTO "my-shop"."prices" AS t USING (\nSELECT {VALUES} FROM "my-shop"."staged"\n) AS s '
            'ON t."id" = s."id"\nWHEN MATCHED THEN UPDATE SET "at" = s."at", "tags" = s."tags"\n'
            f"WHEN NOT MATCHED THEN {INSERT}",
        ),
        (
            entry("merge", ("id", "at", "tags")),
            f'MERGE INTO "my-shop"."prices" AS t USING (\nSELECT {VALUES} FROM "my-shop"."staged"\n) AS s '
            'ON t."id" = s."id" AND t."at" = s."at" AND t."tags" = s."tags"\n'
            f"WHEN NOT MATCHED THEN {INSERT}",
        ),
        (
            entry("overwrite"),
            f'MERGE INTO "my-shop"."prices" AS t USING (\nSELECT {VALUES}, false AS kedro_old '
            'FROM "my-shop"."staged"\nUNION ALL SELECT NULL, NULL, NULL, true\n) AS s '
            'ON s.kedro_old = (t."id" IS NULL OR t."id" IS NOT NULL)\nWHEN MATCHED THEN DELETE\n'
            f"WHEN NOT MATCHED AND NOT s.kedro_old THEN {INSERT}",
        ),
    ],
)
def test_one_statement_takes_the_rows_over(made: IcebergEntry, statement: str) -> None:
    assert write_change(made, LAYOUT, "staged") == statement


def test_a_load_is_a_query() -> None:
    assert write_select(entry(), LAYOUT, ["tags", "at"], "id > 1") == (
        'SELECT "tags", CAST(CAST("at" AS timestamp(6)) AS varchar) AS "at"\n'
        'FROM "my-shop"."prices"\nWHERE id > 1'
    )
