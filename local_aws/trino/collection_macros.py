# ruff: noqa: E501 - a table of SQL
"""What a DuckDB connection has to know of Trino's arrays and maps."""

from local_aws.trino.typed import fail

_INVALID = "INVALID_FUNCTION_ARGUMENT"
_STARTS_AT_ONE = fail(_INVALID, "SQL array indices start at 1")
_MOST_ENTRIES = 10_000
_TOO_MANY = fail(_INVALID, f"result of sequence function must not have more than {_MOST_ENTRIES} entries")
_WRONG_WAY = fail(
    _INVALID,
    "sequence stop value should be greater than or equal to start value if step is greater than zero "
    "otherwise stop should be less than or equal to start",
)


def _checked_sequence(count: str, steps: str) -> str:
    """`a` and `z` are the ends, `s` is the step."""
    return (
        f"CASE WHEN s = 0 THEN {fail(_INVALID, 'step must not be zero')} "
        f"WHEN (s > 0 AND a > z) OR (s < 0 AND a < z) THEN {_WRONG_WAY} "
        f"WHEN {count} >= {_MOST_ENTRIES} THEN {_TOO_MANY} ELSE {steps} END"
    )


MACROS = {
    # Arrays
    "trino_has_null(a)": "len(a) <> list_count(a)",
    "trino_subscript(a, i)": (
        f"CASE WHEN i = 0 THEN {_STARTS_AT_ONE} "
        f"WHEN i < 0 THEN {fail(_INVALID, 'Array subscript is negative: {}', 'i')} "
        f"WHEN i > len(a) THEN {fail(_INVALID, 'Array subscript must be less than or equal to array length: {} > {}', 'i', 'len(a)')} "
        "ELSE a[i] END"
    ),
    "trino_element_at(a, i)": f"CASE WHEN i = 0 THEN {_STARTS_AT_ONE} ELSE a[i] END",
    "trino_array_concat(a, b)": "CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN list_concat(a, b) END",
    "trino_element(x)": "CASE WHEN x IS NOT NULL THEN [x] END",
    "trino_array_concat_all(x)": "CASE WHEN NOT trino_has_null(x) THEN flatten(x) END",
    "trino_contains(a, x)": (
        "CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true "
        "WHEN trino_has_null(a) THEN NULL ELSE false END"
    ),
    "trino_distinct(a)": "list_filter(a, lambda e, i: list_position(a, e) = i)",
    # In the order of the longer one.
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
    "trino_sequence(a, z, s)": _checked_sequence(
        "abs(CAST(z AS HUGEINT) - a) // abs(s)", "generate_series(a, z, s)"
    ),
    "trino_sequence_times(a, z, s)": _checked_sequence(
        "abs(epoch_ms(z) - epoch_ms(a)) // abs(s)", "generate_series(a, z, to_milliseconds(s))"
    ),
    "trino_sequence_months(a, z, s)": _checked_sequence(
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
    "trino_map_equal(a, b)": (
        "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN cardinality(a) <> cardinality(b) THEN false "
        "WHEN len(list_filter(map_keys(a), lambda k: NOT map_contains(b, k) OR a[k] <> b[k])) > 0 THEN false "
        "WHEN trino_has_null(map_values(a)) OR trino_has_null(map_values(b)) THEN NULL ELSE true END"
    ),
}
