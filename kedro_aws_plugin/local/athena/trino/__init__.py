"""Trino's SELECT (Athena engine version 3) on DuckDB.

`parse(sql)` reads one query, `translate(query, relations, parameters)` gives DuckDB's SQL and the types of
the result, `prepare(connection)` teaches a DuckDB connection what the SQL relies on, and `text(value, type)`
writes a value as Athena does. What is not known to be right is refused with `Unsupported`.
"""

from kedro_aws_plugin.local.athena.trino.failures import TrinoError, Unsupported, explained
from kedro_aws_plugin.local.athena.trino.macros import prepare
from kedro_aws_plugin.local.athena.trino.names import Column, Relation, TableName, Translated
from kedro_aws_plugin.local.athena.trino.parse import Query, parse
from kedro_aws_plugin.local.athena.trino.text import text
from kedro_aws_plugin.local.athena.trino.translate import translate
from kedro_aws_plugin.local.athena.trino.types import from_glue_type, to_duckdb_type, to_glue_type

__all__ = [
    "Column",
    "Query",
    "Relation",
    "TableName",
    "Translated",
    "TrinoError",
    "Unsupported",
    "explained",
    "from_glue_type",
    "parse",
    "prepare",
    "text",
    "to_duckdb_type",
    "to_glue_type",
    "translate",
]
