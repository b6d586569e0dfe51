"""The file formats of tables, by Hive's classes."""

from local_aws.athena.failures import unsupported
from local_aws.athena.statement import TableFormat

DELIMITED = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
OPENX_JSON = "org.openx.data.jsonserde.JsonSerDe"
HIVE_JSON = ("org.apache.hive.hcatalog.data.JsonSerDe", "org.apache.hadoop.hive.serde2.JsonSerDe")
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
AVRO = "org.apache.hadoop.hive.serde2.avro.AvroSerDe"
ORC = "org.apache.hadoop.hive.ql.io.orc.OrcSerde"

_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
_FORMATS = {
    "TEXTFILE": TableFormat(DELIMITED, _TEXT_INPUT, _TEXT_OUTPUT),
    "JSON": TableFormat(OPENX_JSON, _TEXT_INPUT, _TEXT_OUTPUT),
    "PARQUET": TableFormat(
        PARQUET,
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    ),
    "AVRO": TableFormat(
        AVRO,
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
    ),
    "ORC": TableFormat(
        ORC,
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
    ),
}


def table_format(stored_as: str, serde: str = "", classes: tuple[str, str] | None = None) -> TableFormat:
    """Find the format that a CREATE TABLE names.

    Raises:
        AthenaFailure: If the local Athena has no such format.
    """
    if classes is not None:
        return TableFormat(serde or DELIMITED, *classes)
    if stored_as not in _FORMATS:
        raise unsupported(f"tables stored as {stored_as}")
    found = _FORMATS[stored_as]
    return TableFormat(serde or found.serde, found.input_format, found.output_format)
