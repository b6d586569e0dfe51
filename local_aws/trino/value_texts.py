"""The texts of values, as CAST to varchar, failures and JSON show them."""

from __future__ import annotations

from local_aws.trino.failures import Unsupported
from local_aws.trino.typed import FLOATING
from local_aws.trino.types import Type

MOST_PRECISE = 6
"""The digits of a second's fraction that DuckDB keeps."""


def shown_sql(sql: str, kind: Type) -> str:
    """Write the SQL of a value's text, with a double as Java prints it: a CAST would add an exponent."""
    return f"trino_{kind.name}_text({sql})" if kind in FLOATING else text_sql(sql, kind)


def text_sql(sql: str, kind: Type) -> str:  # noqa: PLR0911 - one a type
    """Write the SQL of a value's text, as CAST to varchar gives it."""
    match kind.name:
        case "varchar":
            return sql
        case "double" | "real":
            return f"trino_{kind.name}_as_varchar({sql})"
        case "timestamp":
            return f"strftime({sql}, '{_pattern(kind)}')"
        case "timestamp with time zone":
            return f"(strftime(trino_local({sql}), '{_pattern(kind)}') || ' ' || ({sql}).zone)"
        case "time":
            return f"strftime(DATE '1970-01-01' + {sql}, '{_pattern(kind)[9:]}')"
        case "interval day to second" | "interval year to month":
            return f"trino_{kind.name.replace(' ', '_')}_text({sql})"
        case "decimal" if kind.numbers[0] == kind.numbers[1]:
            return rf"regexp_replace(CAST({sql} AS VARCHAR), '^(-?)\.', '\10.')"
    return f"CAST({sql} AS VARCHAR)"


def _pattern(kind: Type) -> str:
    (digits,) = kind.numbers
    fractions = {0: "", 3: ".%g", MOST_PRECISE: ".%f"}
    if digits not in fractions:
        raise Unsupported(f"the text of a {kind}")
    return f"%Y-%m-%d %H:%M:%S{fractions[digits]}"
