"""Build a project's database, tables and workgroup, in the form of Glue, Athena and CloudFormation."""

from collections.abc import Collection
from typing import Any

from kedro_aws_plugin.config import Athena, AthenaTable, AwsConfig, find_results_folder
from kedro_aws_plugin.config.athena import PRIMARY, TableFormat

Values = dict[str, Any]
_BYTES_PER_GB = 10**9
_HADOOP = "org.apache.hadoop"
_TEXT = {
    "InputFormat": f"{_HADOOP}.mapred.TextInputFormat",
    "OutputFormat": f"{_HADOOP}.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
}
_PARQUET = f"{_HADOOP}.hive.ql.io.parquet"
_FORMATS: dict[TableFormat, Values] = {
    # LazySimpleSerDe ends a field at a comma even within quotes.
    "csv": {
        **_TEXT,
        "SerdeInfo": {
            "SerializationLibrary": f"{_HADOOP}.hive.serde2.OpenCSVSerde",
            "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
        },
    },
    "json": {
        **_TEXT,
        "SerdeInfo": {
            "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
            "Parameters": {"serialization.format": "1"},
        },
    },
    "parquet": {
        "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
        "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
        "SerdeInfo": {
            "SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe",
            "Parameters": {"serialization.format": "1"},
        },
    },
}


def build_definitions(config: AwsConfig, project: str) -> Values | None:
    """Build everything that `athena:` in aws.yml describes; None without that section."""
    if config.athena is None:
        return None
    return {
        "database": build_database_input(config.athena, project),
        "tables": build_table_inputs(config.athena),
        "workgroup": build_workgroup(config, project),
    }


def build_database_input(athena: Athena, project: str) -> Values:
    """Build Glue's DatabaseInput."""
    return {"Name": athena.database, "Description": f"Tables of the Kedro project {project}"}


def build_table_inputs(athena: Athena) -> list[Values]:
    """Build Glue's TableInput of every table."""
    return [_build_table_input(name, table) for name, table in athena.tables.items()]


def build_workgroup(config: AwsConfig, project: str) -> Values | None:
    """Build the request of Athena's CreateWorkGroup; None if aws.yml names no workgroup but `primary`.

    The workgroup enforces its configuration: no client writes results elsewhere. UNLOAD may still name a
    folder of its own; a CTAS that does so is refused.
    """
    athena = config.athena
    if athena is None or athena.workgroup == PRIMARY:
        return None
    configuration: Values = {
        "ResultConfiguration": {"OutputLocation": find_results_folder(config)},
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
    }
    if athena.max_scan_gb is not None:
        configuration["BytesScannedCutoffPerQuery"] = int(athena.max_scan_gb * _BYTES_PER_GB)
    return {
        "Name": athena.workgroup,
        "Description": f"Queries of the Kedro project {project}",
        "Configuration": configuration,
    }


def explain_misplaced(config: AwsConfig, keys: Collection[str]) -> list[str]:
    """Explain which files lie beside the folder that a table reads: reviews.csv beside reviews/.

    Args:
        config: The project's configuration.
        keys: The keys of the raw data, e.g. "data/raw/reviews.csv".
    """
    tables = config.athena.tables if config.athena else {}
    folders = {table.location.removeprefix(f"s3://{config.bucket}/"): name for name, table in tables.items()}
    beside = {key: f"{key.rpartition('.')[0]}/" for key in keys}
    then = "; the next run uploads it" if config.target == "local" else ", and run `kedro aws bootstrap`"
    return [
        f"the table `{folders[folder]}` reads {folder}, and {key} is not in it. Move it there{then}."
        for key, folder in beside.items()
        if folder in folders
    ]


def _build_table_input(name: str, table: AthenaTable) -> Values:
    header = {"skip.header.line.count": "1"} if table.format == "csv" else {}
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": table.format, **header},
        "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in table.partitions.items()],
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": kind} for column, kind in table.columns.items()],
            "Location": table.location,
            **_FORMATS[table.format],
        },
    }
