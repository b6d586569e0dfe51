# ruff: noqa: E501 - a table of SQL
"""What a DuckDB connection has to know before it runs translated SQL: settings, macros, functions."""

from __future__ import annotations

from typing import Any

import duckdb

from local_aws.trino import collection_macros
from local_aws.trino.python.raising import Function, null_in_null_out
from local_aws.trino.python_functions import PYTHON_FUNCTIONS
from local_aws.trino.typed import fail

_SPACES = "".join(
    map(chr, (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), 0x2008, 0x2009, 0x200A))
)
_SPACES += "\u2028\u2029\u205f\u3000"
_INVALID = "INVALID_FUNCTION_ARGUMENT"
_ZERO = fail("DIVISION_BY_ZERO", "Division by zero")


_MACROS = {
    # A NULL without a type goes with every other branch of a CASE.
    "trino_fail(m)": "CASE WHEN trino_raise(m) THEN NULL END",
    "trino_divide(a, b)": f"CASE WHEN b = 0 THEN {_ZERO} ELSE a // b END",
    "trino_modulo(a, b)": f"CASE WHEN b = 0 THEN {_ZERO} WHEN b = -1 THEN a - a ELSE a % b END",
    "trino_now()": "date_trunc('millisecond', CAST(now() AS TIMESTAMP))",
    "trino_whitespace()": "'" + _SPACES + "'",
    # Strings
    # Letter by letter beyond ASCII: for Trino the capital of a sharp s is itself.
    "trino_lower(s)": "CASE WHEN strlen(s) = length(s) THEN lower(s) ELSE trino_lower_letters(s) END",
    "trino_upper(s)": "CASE WHEN strlen(s) = length(s) THEN upper(s) ELSE trino_upper_letters(s) END",
    "trino_substr(s, i)": (
        "CASE WHEN s IS NULL OR i IS NULL THEN NULL WHEN i = 0 OR abs(i) > length(s) THEN '' "
        "ELSE substr(s, CASE WHEN i < 0 THEN length(s) + i + 1 ELSE i END) END"
    ),
    "trino_substr_length(s, i, n)": (
        "CASE WHEN s IS NULL OR i IS NULL OR n IS NULL THEN NULL WHEN i = 0 OR n <= 0 OR abs(i) > length(s) "
        "THEN '' ELSE substr(s, CASE WHEN i < 0 THEN length(s) + i + 1 ELSE i END, least(n, length(s))) END"
    ),
    "trino_replace(s, a, b)": "CASE WHEN a = '' THEN trino_replace_nothing(s, b) ELSE replace(s, a, b) END",
    "trino_split(s, d, n)": (
        f"CASE WHEN d = '' THEN {fail(_INVALID, 'The delimiter may not be the empty string')} "
        f"WHEN n <= 0 THEN {fail(_INVALID, 'Limit must be positive')} "
        "WHEN n >= 2147483647 THEN string_split(s, d) ELSE trino_split_at_most(s, d, n) END"
    ),
    "trino_split_part(s, d, n)": (
        f"CASE WHEN n < 1 THEN {fail(_INVALID, 'Index must be greater than zero')} "
        f"WHEN d = '' THEN {fail('NOT_SUPPORTED', 'the local Athena does not support split_part with no delimiter')} "
        "ELSE string_split(s, d)[n] END"
    ),
    "trino_chr(n)": (
        f"CASE WHEN n < 0 OR n > 1114111 THEN {fail(_INVALID, 'Not a valid Unicode code point: {}', 'n')} "
        "ELSE chr(CAST(n AS INTEGER)) END"
    ),
    "trino_codepoint(s)": (
        f"CASE WHEN length(s) <> 1 THEN {fail(_INVALID, 'Input string must be a single character string')} "
        "ELSE ord(s) END"
    ),
    **{
        f"trino_{side}pad(s, n, p)": (
            f"CASE WHEN n < 0 OR n > 2147483647 THEN {fail(_INVALID, 'Target length must be in the range [0..2147483647]')} "
            f"WHEN p = '' THEN {fail(_INVALID, 'Padding string must not be empty')} "
            f"ELSE {side}pad(s, CAST(n AS INTEGER), p) END"
        )
        for side in "lr"
    },
    # Numbers
    "trino_round(x, n)": f"CASE WHEN NOT isfinite(x) THEN x WHEN abs(n) > 308 OR abs(x) * pow(10, n) >= 9223372036854775807 THEN {fail('NOT_SUPPORTED', 'the local Athena does not support round of a number this large')} WHEN x < 0 THEN -(round(-x * pow(10, n)) / pow(10, n)) ELSE round(x * pow(10, n)) / pow(10, n) + 0 END",
    # The cube root of a cube is exact in Java.
    "trino_cbrt(x)": "CASE WHEN pow(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END",
    # DuckDB 1.5 fails where Java answers NaN or -Infinity.
    "trino_sqrt(x)": "CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt(x) END",
    **{
        f"trino_{name}(x)": (
            "CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) WHEN x = 0 THEN CAST('-Infinity' AS DOUBLE) "
            f"ELSE {name}(x) END"
        )
        for name in ("ln", "log10")
    },
    "trino_to_real(x)": (
        "CASE WHEN abs(x) >= 3.4028235677973366e38 AND isfinite(x) THEN CAST(CASE WHEN x > 0 THEN 'Infinity' "
        "ELSE '-Infinity' END AS FLOAT) ELSE CAST(x AS FLOAT) END"
    ),
    "trino_findable(x)": (
        f"CASE WHEN isnan(x) THEN {fail('NOT_SUPPORTED', 'the local Athena does not support NaN as what to find')} "
        "ELSE x END"
    ),
    "trino_reach(n, least)": (
        f"CASE WHEN n < least THEN {fail(_INVALID, 'Offset must be at least {}', 'least')} ELSE n END"
    ),
    "trino_finite(x)": "CASE WHEN isfinite(x) THEN x END",
    # To the largest, NaN is below every number.
    "trino_nan_lowest(x)": "CASE WHEN isnan(x) THEN CAST('-Infinity' AS DOUBLE) ELSE x END",
    "trino_asin(x)": "CASE WHEN abs(x) > 1 THEN CAST('NaN' AS DOUBLE) ELSE asin(x) END",
    "trino_acos(x)": "CASE WHEN abs(x) > 1 THEN CAST('NaN' AS DOUBLE) ELSE acos(x) END",
    # Times
    "trino_zoned(t, z)": "CASE WHEN t IS NOT NULL AND z IS NOT NULL THEN struct_pack(utc := CAST(t AS TIMESTAMP), zone := z) END",
    "trino_with_zone(t, z)": "CASE WHEN z = 'UTC' THEN trino_zoned(t, z) ELSE trino_from_local(t, z) END",
    "trino_local(v)": "CASE WHEN (v).zone = 'UTC' THEN (v).utc ELSE trino_to_local((v).utc, (v).zone) END",
    "trino_offset(v)": "CAST(date_diff('minute', (v).utc, trino_local(v)) AS BIGINT)",
    "trino_zoned_plus(v, n)": "trino_zoned((v).utc + to_milliseconds(n), (v).zone)",
    "trino_zoned_plus_months(v, n)": "trino_moved(CAST(trino_local(v) + to_months(n) AS TIMESTAMP), (v).utc, (v).zone)",
    "trino_date_plus(d, n)": (
        f"CASE WHEN n % 86400000 <> 0 THEN {fail(_INVALID, 'Cannot add hour, minutes or seconds to a date')} "
        "ELSE d + CAST(n // 86400000 AS INTEGER) END"
    ),
    "trino_time_plus(t, n)": "CAST(DATE '1970-01-01' + CAST(t AS TIME) + to_milliseconds(n) AS TIME)",
    "trino_from_unixtime(x, z)": (
        "trino_zoned(make_timestamp(CAST(floor(x * 1000 + 0.5) AS BIGINT) * 1000), z)"
    ),
    "trino_round_timestamp(t, n)": (
        "CASE WHEN n >= 6 THEN t ELSE make_timestamp(CAST(floor(epoch_us(t) / pow(10, 6 - n) + 0.5) AS BIGINT) "
        "* CAST(pow(10, 6 - n) AS BIGINT)) END"
    ),
    # The usual forms without Python, for the sake of speed.
    "trino_text_to_date(s)": (
        r"CASE WHEN regexp_full_match(s, '\s*[1-9][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}\s*') AND TRY_CAST(s AS DATE) IS NOT NULL "
        "THEN TRY_CAST(s AS DATE) ELSE trino_any_text_to_date(s) END"
    ),
    "trino_text_to_timestamp(s, n)": (
        r"CASE WHEN regexp_full_match(s, '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?') "
        "AND n >= 3 AND TRY_CAST(s AS TIMESTAMP) IS NOT NULL THEN TRY_CAST(s AS TIMESTAMP) "
        "ELSE trino_any_text_to_timestamp(s, n) END"
    ),
    **collection_macros.MACROS,
}

_PREPARED = "trino_prepared()"
_KEEPS_RESULTS = duckdb.__version__.startswith("1.")


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Teach a connection Trino's semantics; once for each connection, cursors included.

    DuckDB would evaluate constants ahead of time even where they are never reached, and so fail
    `IF(true, 1, 1 / 0)`: that optimisation is switched off.
    """
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET default_null_order = 'nulls_last'")
    connection.execute("SET disabled_optimizers = 'expression_rewriter'")
    if _is_prepared(connection):
        return
    for name, definition in PYTHON_FUNCTIONS.items():
        _create(connection, name, definition)
    for signature, sql in _MACROS.items():
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS ({sql})")
    connection.execute(f"CREATE OR REPLACE MACRO {_PREPARED} AS (true)")


def _create(connection: duckdb.DuckDBPyConnection, name: str, definition: Function) -> None:
    """Make a function in Python known.

    DuckDB 1.5 runs a function once for each value of a Parquet dictionary, needed or not, and keeps what it gave;
    where one raised within `TRY`, it goes on with memory that nothing was written to. It does neither for a
    call with an argument that another query may find changed, such as `now()`.
    """
    function, takes, gives = definition
    called = name if not takes or not _KEEPS_RESULTS else f"{name}_in_python"
    # Its types know the names of DuckDB's types only one by one.
    create: Any = connection.create_function
    create(called, null_in_null_out(function), list(takes), gives, null_handling="special")
    if called != name:
        first, *others = (f"a{position}" for position, _ in enumerate(takes))
        given = ", ".join([f"CASE WHEN now() IS NOT NULL THEN {first} END", *others])
        parameters = ", ".join([first, *others])
        connection.execute(f"CREATE OR REPLACE MACRO {name}({parameters}) AS ({called}({given}))")


def _is_prepared(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the functions are there: a cursor has its database's. To list all functions takes long."""
    try:
        connection.execute(f"SELECT {_PREPARED}")
    except duckdb.CatalogException:
        return False
    return True
