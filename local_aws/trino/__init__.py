"""Trino's SELECT (Athena engine version 3) on DuckDB.

`parse(sql)` reads one query, `parse_change(tokens)` reads DELETE, UPDATE and MERGE.
`translate(query, relations, parameters)` returns DuckDB's SQL and the types of the result.
`prepare(connection)` gives a DuckDB database the settings and functions that this SQL needs,
`execute(connection, sql)` runs it, and `write_value(value, type)` writes a value as Athena does. What is not
known to be right is refused with `Unsupported`.
"""

from local_aws.trino.assignments import keep_decimals
from local_aws.trino.changes import Delete, Merge, Update, parse_change
from local_aws.trino.execution import execute
from local_aws.trino.failures import TrinoError, Unsupported, explain_error
from local_aws.trino.lexer import Token, end_token, tokenize
from local_aws.trino.macros import prepare
from local_aws.trino.names import Column, Relation, TableName, Translated
from local_aws.trino.parse import Query, parse, parse_tokens
from local_aws.trino.text import find_writer, write_value
from local_aws.trino.translate import translate
from local_aws.trino.types import from_glue_type, to_duckdb_type, to_glue_type

__all__ = [
    "Column",
    "Delete",
    "Merge",
    "Query",
    "Relation",
    "TableName",
    "Token",
    "Translated",
    "TrinoError",
    "Unsupported",
    "Update",
    "end_token",
    "execute",
    "explain_error",
    "find_writer",
    "from_glue_type",
    "keep_decimals",
    "parse",
    "parse_change",
    "parse_tokens",
    "prepare",
    "to_duckdb_type",
    "to_glue_type",
    "tokenize",
    "translate",
    "write_value",
]
