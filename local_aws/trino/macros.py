# ruff: noqa: E501 - a table of SQL
"""What a DuckDB connection needs before it runs translated SQL: settings, macros and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_aws.trino.failures import RAISED
from local_aws.trino.python import (
    formats,
    formatted,
    json_values,
    numbers,
    patterns,
    strings,
    times,
    urls,
)
from local_aws.trino.python.raising import Function, null_in_null_out
from local_aws.trino.typed import fail

if TYPE_CHECKING:
    import duckdb

_SPACES = "".join(
    map(chr, (*range(9, 14), *range(28, 33), 0x1680, *range(0x2000, 0x2007), 0x2008, 0x2009, 0x200A))
)
_SPACES += "\u2028\u2029\u205f\u3000"
_INVALID = "INVALID_FUNCTION_ARGUMENT"
_ZERO = fail("DIVISION_BY_ZERO", "Division by zero")

_STARTS_AT_ONE = fail(_INVALID, "SQL array indices start at 1")
_MOST_ENTRIES = 10_000
_TOO_MANY = fail(_INVALID, f"result of sequence function must not have more than {_MOST_ENTRIES} entries")
_WRONG_WAY = fail(
    _INVALID,
    "sequence stop value should be greater than or equal to start value if step is greater than zero "
    "otherwise stop should be less than or equal to start",
)


def _check_sequence(count: str, steps: str) -> str:
    """Write SQL that checks a sequence; `a` and `z` are its ends, `s` is its step."""
    return (
        f"CASE WHEN s = 0 THEN {fail(_INVALID, 'step must not be zero')} "
        f"WHEN (s > 0 AND a > z) OR (s < 0 AND a < z) THEN {_WRONG_WAY} "
        f"WHEN {count} >= {_MOST_ENTRIES} THEN {_TOO_MANY} ELSE {steps} END"
    )


_COLLECTION_MACROS = {
    # Arrays
    "trino_has_null(a)": "len(a) <> list_count(a)",
    "trino_subscript(a, i)": (
        f"CASE WHEN i = 0 THEN {_STARTS_AT_ONE} "
        f"WHEN i < 0 THEN {fail(_INVALID, 'Array subscript is negative: {}', 'i')} "
        f"WHEN i > len(a) THEN {fail(_INVALID, 'Array subscript must be less than or equal to array length: {} > {}', 'i', 'len(a)')} "
        "ELSE a[i] END"
    ),
    "trino_element_at(a, i)": f"CASE WHEN i = 0 AND a IS NOT NULL THEN {_STARTS_AT_ONE} ELSE a[i] END",
    "trino_array_concat(a, b)": "CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_concat(a, b) END",
    "trino_element(x)": "CASE WHEN x IS NOT NULL THEN [x] END",
    "trino_array_concat_all(x)": "CASE WHEN NOT trino_has_null(x) THEN flatten(x) END",
    "trino_contains(a, x)": (
        "CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true "
        "WHEN trino_has_null(a) THEN NULL ELSE false END"
    ),
    "trino_distinct(a)": "list_filter(a, lambda e, i: list_position(a, e) = i)",
    # The result keeps the order of the longer array.
    "trino_common(a, b)": "list_filter(trino_distinct(a), lambda f: list_position(b, f) IS NOT NULL)",
    "trino_intersect(a, b)": (
        "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN len(a) < len(b) THEN trino_common(b, a) ELSE trino_common(a, b) END"
    ),
    "trino_except(a, b)": (
        "CASE WHEN b IS NOT NULL THEN list_filter(trino_distinct(a), lambda f: list_position(b, f) IS NULL) END"
    ),
    "trino_position(a, x)": (
        "CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN CAST(coalesce(list_position(a, x), 0) AS BIGINT) END"
    ),
    "trino_remove(a, x)": "CASE WHEN x IS NOT NULL THEN list_filter(a, lambda e: e IS NULL OR e <> x) END",
    "trino_overlap(a, b)": (
        "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN list_has_any(a, b) THEN true "
        "WHEN len(a) = 0 OR len(b) = 0 THEN false WHEN trino_has_null(a) OR trino_has_null(b) THEN NULL ELSE false END"
    ),
    "trino_contains_sequence(a, b)": (
        "CASE WHEN len(b) = 0 THEN true WHEN len(b) > len(a) THEN false ELSE len(list_filter("
        "range(1, len(a) - len(b) + 2), lambda i: a[i:i + len(b) - 1] = b)) > 0 END"
    ),
    "trino_slice(a, i, n)": (
        f"CASE WHEN i = 0 THEN {_STARTS_AT_ONE} "
        f"WHEN n < 0 THEN {fail(_INVALID, 'length must be greater than or equal to 0')} "
        "WHEN a IS NULL OR i IS NULL OR n IS NULL THEN NULL "
        "WHEN n = 0 OR abs(i) > len(a) THEN a[1:0] WHEN i > 0 THEN a[i:i + n - 1] "
        "ELSE a[len(a) + i + 1:least(len(a), len(a) + i + n)] END"
    ),
    "trino_trim_array(a, n)": (
        f"CASE WHEN n < 0 THEN {fail(_INVALID, 'size must not be negative: {}', 'n')} "
        f"WHEN n > len(a) THEN {fail(_INVALID, 'size must not exceed array cardinality {}: {}', 'len(a)', 'n')} "
        "ELSE a[1:len(a) - n] END"
    ),
    "trino_repeats(n)": (
        f"CASE WHEN n < 0 THEN {fail(_INVALID, 'count argument of repeat function must be greater than or equal to 0')} "
        f"WHEN n > {_MOST_ENTRIES} THEN {fail(_INVALID, 'count argument of repeat function must be less than or equal to 10000')} "
        "ELSE n END"
    ),
    "trino_ngrams(a, n)": (
        f"CASE WHEN n < 1 THEN {fail(_INVALID, 'N must be positive')} WHEN n >= len(a) THEN [a] "
        "ELSE list_transform(range(1, len(a) - n + 2), lambda i: a[i:i + n - 1]) END"
    ),
    "trino_any(a)": (
        "CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, true) THEN true WHEN trino_has_null(a) THEN NULL ELSE false END"
    ),
    "trino_all(a)": (
        "CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, false) THEN false WHEN trino_has_null(a) THEN NULL ELSE true END"
    ),
    "trino_order(n)": (
        f"CASE WHEN n IS NULL OR n NOT IN (-1, 0, 1) THEN {fail(_INVALID, 'Lambda comparator must return either -1, 0, or 1')} ELSE n END"
    ),
    "trino_array_join1(a, d)": "CASE WHEN d IS NOT NULL THEN array_to_string(list_filter(a, lambda e: e IS NOT NULL), d) END",
    "trino_array_join2(a, d, n)": "CASE WHEN d IS NOT NULL AND n IS NOT NULL THEN array_to_string(list_transform(a, lambda e: coalesce(e, n)), d) END",
    "trino_array_equal(a, b)": (
        "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN len(a) <> len(b) THEN false "
        "WHEN len(list_filter(range(1, len(a) + 1), lambda i: a[i] <> b[i])) > 0 THEN false "
        "WHEN trino_has_null(a) OR trino_has_null(b) THEN NULL ELSE true END"
    ),
    "trino_pairs(x, y)": (
        "CASE WHEN x IS NOT NULL AND y IS NOT NULL THEN list_transform(range(1, greatest(len(x), len(y)) + 1), "
        "lambda i: struct_pack(a := x[i], b := y[i])) END"
    ),
    "trino_chosen(a, c)": "list_transform(c, lambda chosen: list_transform(chosen, lambda i: a[i]))",
    "trino_sequence(a, z, s)": _check_sequence(
        "abs(CAST(z AS HUGEINT) - a) // abs(s)", "generate_series(a, z, s)"
    ),
    "trino_sequence_times(a, z, s)": _check_sequence(
        "abs(epoch_ms(z) - epoch_ms(a)) // abs(s)", "generate_series(a, z, to_milliseconds(s))"
    ),
    "trino_sequence_months(a, z, s)": _check_sequence(
        "abs(date_diff('month', a, z)) // abs(s)",
        "list_filter(list_transform(range(0, abs(date_diff('month', a, z)) // abs(s) + 1), lambda i: "
        "a + to_months(CAST(i * s AS INTEGER))), lambda t: CASE WHEN s > 0 THEN t <= z ELSE t >= z END)",
    ),
    "trino_percentile(a, q)": f"CASE WHEN q IS NULL THEN NULL WHEN NOT q BETWEEN 0 AND 1 THEN {fail(_INVALID, 'Percentile must be between 0 and 1')} ELSE a[least(CAST(floor(q * list_count(a)) AS BIGINT) + 1, list_count(a))] END",
    "trino_percentiles(a, n)": "CASE WHEN list_count(a) > 0 THEN list_transform(n, lambda q: trino_percentile(a, q)) END",
    # Maps
    "trino_entries(m)": "CASE WHEN m IS NOT NULL THEN map_entries(m) END",
    "trino_from_entries(e)": "CASE WHEN e IS NOT NULL THEN map_from_entries(e) END",
    "trino_zip_keys(m, n)": "trino_distinct(list_concat(map_keys(m), map_keys(n)))",
    "trino_zipped(m, n)": (
        "CASE WHEN m IS NOT NULL AND n IS NOT NULL THEN list_transform(trino_zip_keys(m, n), "
        "lambda k: struct_pack(key := k, a := m[k], b := n[k])) END"
    ),
    "trino_map(k, v)": (
        f"CASE WHEN k IS NULL OR v IS NULL THEN NULL WHEN len(k) <> len(v) THEN "
        f"{fail(_INVALID, 'Key and value arrays must be the same length')} "
        f"WHEN trino_has_null(k) THEN {fail(_INVALID, 'map key cannot be null')} "
        f"WHEN len(k) <> len(trino_distinct(k)) THEN {fail(_INVALID, 'Duplicate map keys are not allowed')} "
        "ELSE map(k, v) END"
    ),
    "trino_map_from_rows(a)": (
        "trino_map(list_transform(a, lambda e: e.field0), list_transform(a, lambda e: e.field1))"
    ),
    "trino_keys(a)": "trino_distinct(list_filter(list_transform(a, lambda e: e.field0), lambda f: f IS NOT NULL))",
    "trino_multimap_from_rows(a)": (
        "CASE WHEN a IS NOT NULL THEN map(trino_keys(a), list_transform(trino_keys(a), lambda k: list_transform("
        "list_filter(a, lambda e: e.field0 = k), lambda e: e.field1))) END"
    ),
    "trino_multimap_of_entries(a)": (
        f"CASE WHEN trino_has_null(a) THEN {fail(_INVALID, 'map entry cannot be null')} "
        f"WHEN trino_has_null(list_transform(a, lambda e: e.field0)) THEN {fail(_INVALID, 'map key cannot be null')} "
        "ELSE trino_multimap_from_rows(a) END"
    ),
    "trino_first_entries(a)": (
        "CASE WHEN a IS NOT NULL THEN map(trino_keys(a), list_transform(trino_keys(a), lambda k: "
        "list_filter(a, lambda e: e.field0 = k)[1].field1)) END"
    ),
    "trino_present(a)": "list_filter(a, lambda e: e IS NOT NULL)",
    "trino_histogram(a)": (
        "CASE WHEN len(trino_present(a)) > 0 THEN map(trino_distinct(trino_present(a)), list_transform("
        "trino_distinct(trino_present(a)), lambda k: CAST(len(list_filter(a, lambda e: e = k)) AS BIGINT))) END"
    ),
    "trino_most_frequent(a, n)": (
        "map_from_entries(list_transform(list_reverse_sort(list_transform(map_entries(trino_histogram(a)), "
        "lambda e: struct_pack(c := e.value, k := e.key)))[1:n], lambda e: struct_pack(k := e.k, v := e.c)))"
    ),
    "trino_map_equal(a, b)": (
        "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN cardinality(a) <> cardinality(b) THEN false "
        "WHEN len(list_filter(map_keys(a), lambda k: NOT map_contains(b, k) OR a[k] <> b[k])) > 0 THEN false "
        "WHEN trino_has_null(map_values(a)) OR trino_has_null(map_values(b)) THEN NULL ELSE true END"
    ),
}

_MACROS = {
    # A NULL without a type fits every other branch of a CASE. It comes out of a list, because DuckDB leaves out
    # what it knows to be NULL: `trino_fail(m) IS NOT NULL` would not fail.
    "trino_fail(m)": "list_reverse(CASE WHEN trino_raise(m) THEN [NULL] END)[1]",
    "trino_divide(a, b)": f"CASE WHEN b = 0 AND a IS NOT NULL THEN {_ZERO} ELSE a // b END",
    "trino_modulo(a, b)": f"CASE WHEN b = 0 AND a IS NOT NULL THEN {_ZERO} WHEN b = -1 THEN a - a ELSE a % b END",
    # Rounded half up, away from zero, as decimals are.
    "trino_whole_quotient(a, b)": (
        f"CASE WHEN b = 0 AND a IS NOT NULL THEN {_ZERO} WHEN (a < 0) = (b < 0) THEN (2 * abs(a) + abs(b)) // (2 * abs(b)) "
        "ELSE -((2 * abs(a) + abs(b)) // (2 * abs(b))) END"
    ),
    "trino_with_point(digits, scale)": "left(digits, length(digits) - scale) || '.' || right(digits, scale)",
    "trino_average(total, n, scale)": (
        "CASE WHEN total < 0 THEN '-' ELSE '' END || trino_with_point("
        "repeat('0', scale) || CAST(abs(trino_whole_quotient(total, n)) AS VARCHAR), scale)"
    ),
    "trino_decimal_average(s, n, scale)": (
        "CASE WHEN length(s) < 36 THEN trino_average(CAST(replace(s, '.', '') AS HUGEINT), n, scale) "
        "ELSE trino_decimal_divide(s, CAST(n AS VARCHAR), scale) END"
    ),
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
    "trino_round(x, n)": f"CASE WHEN NOT isfinite(x) THEN x WHEN CASE WHEN abs(n) > 308 THEN true ELSE abs(x) * pow(10, n) >= 9223372036854775807 END THEN {fail('NOT_SUPPORTED', 'the local Athena does not support round of a number this large')} WHEN x < 0 THEN round(abs(x) * pow(10, n)) / pow(10, n) * -1e0 ELSE round(x * pow(10, n)) / pow(10, n) + 0 END",
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
    # The usual forms are parsed without Python, which is faster.
    "trino_text_to_date(s)": (
        r"CASE WHEN regexp_full_match(s, '\s*[1-9][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}\s*') AND TRY_CAST(s AS DATE) IS NOT NULL "
        "THEN TRY_CAST(s AS DATE) ELSE trino_any_text_to_date(s) END"
    ),
    "trino_text_to_timestamp(s, n)": (
        r"CASE WHEN regexp_full_match(s, '[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?') "
        "AND n >= 3 AND TRY_CAST(s AS TIMESTAMP) IS NOT NULL THEN TRY_CAST(s AS TIMESTAMP) "
        "ELSE trino_any_text_to_timestamp(s, n) END"
    ),
    **_COLLECTION_MACROS,
}


def _raise(message: str) -> bool:
    raise ValueError(message if RAISED in message else f"{RAISED}GENERIC_USER_ERROR|{message}{RAISED}")


_PYTHON_FUNCTIONS: dict[str, Function] = {
    "trino_raise": (_raise, ["VARCHAR"], "BOOLEAN"),
    **strings.FUNCTIONS,
    **urls.FUNCTIONS,
    **patterns.FUNCTIONS,
    **numbers.FUNCTIONS,
    **times.FUNCTIONS,
    **formats.FUNCTIONS,
    **formatted.FUNCTIONS,
    **json_values.FUNCTIONS,
}

DISABLED_OPTIMIZERS = "expression_rewriter"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection's database Trino's semantics, and so its cursors. Call it once for each database.

    DuckDB would evaluate constants ahead of time even where they are never reached, and so fail
    `IF(true, 1, 1 / 0)`: that optimisation is switched off.
    """
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET GLOBAL default_null_order = 'nulls_last'")
    connection.execute(f"SET GLOBAL disabled_optimizers = '{DISABLED_OPTIMIZERS}'")
    for name, definition in _PYTHON_FUNCTIONS.items():
        _create(connection, name, definition)
    for signature, sql in _MACROS.items():
        connection.execute(f"CREATE OR REPLACE MACRO {signature} AS ({sql})")


def _create(connection: duckdb.DuckDBPyConnection, name: str, definition: Function) -> None:
    """Register a function in Python with a connection.

    DuckDB 1.5 runs a function once for each value of a Parquet dictionary, needed or not, and keeps what it gave;
    where one raised within `TRY`, it goes on with memory that nothing was written to. It does neither for a
    call with an argument that another query may find changed, such as `now()`.
    """
    import duckdb

    function, takes, gives = definition
    keeps_results = duckdb.__version__.startswith("1.")
    called = name if not takes or not keeps_results else f"{name}_in_python"
    # DuckDB's stubs do not accept a list of type names.
    create: Any = connection.create_function
    create(called, null_in_null_out(function), list(takes), gives, null_handling="special")
    if called != name:
        first, *others = (f"a{position}" for position, _ in enumerate(takes))
        given = ", ".join([f"CASE WHEN now() IS NOT NULL THEN {first} END", *others])
        parameters = ", ".join([first, *others])
        connection.execute(f"CREATE OR REPLACE MACRO {name}({parameters}) AS ({called}({given}))")
