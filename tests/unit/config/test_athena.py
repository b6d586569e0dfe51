"""`athena:` of aws.yml as users get it wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin.config import AwsConfig, find_results_folder
from kedro_aws_plugin.config.glue_types import is_glue_type
from kedro_aws_plugin.config.loader import read_config
from kedro_aws_plugin.errors import ConfigError

TABLE = {"location": "s3://my-data/raw/", "format": "parquet", "columns": {"id": "bigint"}}


def read(folder: Path, athena: dict[str, Any]) -> AwsConfig:
    conf = folder / "conf"
    for env in ("base", "local"):
        (conf / env).mkdir(parents=True, exist_ok=True)
    values = {"region": "eu-west-1", "bucket": "my-data", "athena": athena}
    (conf / "base" / "aws.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    config = read_config(OmegaConfigLoader(str(conf), base_env="base", default_run_env="local"), conf)
    assert config is not None
    return config


@pytest.mark.parametrize("name", ["kedro-on-aws", "2026", "_", "d" * 255])
def test_a_database_has_any_name_that_glue_and_athena_take(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, {"database": name}).athena.database == name


def test_a_database_is_enough(tmp_path: Path) -> None:
    config = read(tmp_path, {"database": "flights"})
    assert config.athena is not None
    assert (config.athena.database, config.athena.workgroup, config.athena.tables) == (
        "flights",
        "primary",
        {},
    )
    assert find_results_folder(config) == "s3://my-data/athena/"


def test_types_are_written_as_glue_writes_them(tmp_path: Path) -> None:
    columns = {"a": "Decimal(10, 2)", "b": "struct<x: int, y: array<STRING>>"}
    config = read(tmp_path, {"database": "d", "tables": {"t": {**TABLE, "columns": columns}}})
    assert config.athena is not None
    assert config.athena.tables["t"].columns == {"a": "decimal(10,2)", "b": "struct<x:int,y:array<string>>"}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        *((text, True) for text in ("boolean", "binary", "varchar(65535)", "char(255)", "decimal(38,38)")),
        *((text, True) for text in ("map<string,map<int,date>>", "array<struct<a:int,b:decimal(5,2)>>")),
        *((text, False) for text in ("", "integer", "varchar", "varchar(0)", "varchar(65536)", "char(256)")),
        *((text, False) for text in ("decimal(39,1)", "decimal(5,6)", "decimal(5)", "array<>", "array<int")),
        *((text, False) for text in ("map<string>", "struct<int>", "struct<>", "array<int,int>", "map<a,b>")),
    ],
)
def test_the_types_of_glue(text: str, known: bool) -> None:
    assert is_glue_type(text) is known


def table(**changes: Any) -> dict[str, Any]:
    return {"database": "d", "tables": {"t": {**TABLE, **changes}}}


NAME = "is not a name in Glue: 1 to 255 lower-case letters, digits and underscores."
DATABASE = (
    "is not a database: 1 to 255 lower-case letters, digits, underscores and hyphens, a hyphen not first."
)
FOLDER = "is not a folder on S3; one looks like s3://my-bucket/data/raw/reviews/."


@pytest.mark.parametrize(
    ("athena", "message"),
    [
        ({"database": "My-Db"}, f"`athena.database`: `My-Db` {DATABASE}"),
        ({"database": "-db"}, f"`athena.database`: `-db` {DATABASE}"),
        ({"database": "my.db"}, f"`athena.database`: `my.db` {DATABASE}"),
        ({"database": "d", "tables": {"a-b": TABLE}}, f"`athena.tables.a-b`: `a-b` {NAME}"),
        ({}, "`athena.database` is missing. Add it."),
        (
            {"databse": "d"},
            "unknown key `athena.databse`; did you mean `database`? "
            "Known keys here: database, workgroup, output_location, max_scan_gb, tables.",
        ),
        ({"database": "d", "tables": {"T": TABLE}}, f"`athena.tables.T`: `T` {NAME}"),
        (table(columns={"Id": "int"}), f"`athena.tables.t.columns.Id`: `Id` {NAME}"),
        (table(columns={}), "`athena.tables.t.columns`: `{}` is wrong: it should not be empty."),
        (
            table(column={}),
            "unknown key `athena.tables.t.column`; did you mean `columns`? "
            "Known keys here: location, format, columns, partitions.",
        ),
        (table(location="s3://my-data/raw"), f"`athena.tables.t.location`: `s3://my-data/raw` {FOLDER}"),
        (table(location="s3://my-data/"), f"`athena.tables.t.location`: `s3://my-data/` {FOLDER}"),
        (table(location="s3://my-data/a//b/"), f"`athena.tables.t.location`: `s3://my-data/a//b/` {FOLDER}"),
        (
            table(location="s3://My_Data/a/"),
            "`athena.tables.t.location`: `My_Data` is not a bucket name: 3 to 63 lower-case letters, digits, "
            "dots and hyphens, a letter or digit at both ends.",
        ),
        (
            table(format="orc"),
            "`athena.tables.t.format`: `orc` is wrong: input should be 'csv', 'json' or 'parquet'.",
        ),
        (
            table(columns={"id": "integer"}),
            "`athena.tables.t.columns.id`: `integer` is not a type of Glue; did you mean `int`?",
        ),
        (
            table(format="csv", columns={"on_day": "date"}),
            "`athena.tables.t`: column `on_day` is `date`, and Athena reads string, boolean, int, bigint, "
            "double from CSV; write `string`, and cast it in the query.",
        ),
        (
            table(partitions={"id": "int"}),
            "`athena.tables.t`: `id` is both a column and a partition; remove it from `columns`.",
        ),
        (
            table(partitions={"day": "array<int>"}),
            "`athena.tables.t`: partition `day` is `array<int>`, and Athena partitions by "
            "plain types only; use `string`.",
        ),
        (
            {"database": "d", "workgroup": "a b"},
            "`athena.workgroup`: `a b` is not a workgroup: "
            "1 to 128 letters, digits, dots, hyphens and underscores.",
        ),
        (
            {"database": "d", "max_scan_gb": 0},
            "`athena.max_scan_gb`: `0` is wrong: input should be greater than or equal to 0.01.",
        ),
        ({"database": "d", "tables": [1]}, "`athena.tables`: `[1]` is wrong: it should be keys and values."),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, athena: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, athena)
    assert refused.value.message == f"conf/base/aws.yml: {message}"
