"""Fields of a text file as typed values: as in Hive's SerDes, what cannot be parsed is NULL."""

from local_aws.athena.catalog import Table
from local_aws.athena.failures import unsupported
from local_aws.athena.table_formats import OPEN_CSV
from local_aws.athena.text_files import read_delimiter
from local_aws.trino.typed import write_literal
from local_aws.trino.types import Type, duckdb_type, name_fields, quote_name

_INTEGER = r"[+-]?\d+"
_CUT = r"[+-]?(\d+(\.\d*)?|\.\d+)"
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_DATE = r"\d{1,10}-\d{1,2}-\d{1,2}"
_TIMESTAMP = _DATE + r"[ T]\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,9})?"
_BASE64 = r"[A-Za-z0-9+/_=\s-]*"


def value(table: Table, position: int, kind: Type) -> str:
    """Write DuckDB's expression for a column of the file that `convert_to_parquet` made.

    Raises:
        AthenaFailure: If the SerDe's type is not supported.
    """
    field = f"c{position}"
    if table.serde == OPEN_CSV:
        return _open_csv(field, kind)
    parameters = table.serde_parameters
    null = parameters.get("serialization.null.format", "\\N")
    escape = parameters.get("escape.delim")
    present = f"nullif({field}, {write_literal(null)})"
    if kind.name in {"array", "map", "row"}:
        if escape is not None:
            raise unsupported("arrays, maps and structs in text files with an escape character")
        separators = (
            read_delimiter(
                parameters.get("collection.delim") or parameters.get("colelction.delim") or "\x02"
            ),
            read_delimiter(parameters.get("mapkey.delim") or "\x03"),
        )
        return _collection(present, kind, separators, null)
    if escape is not None:
        present = f"regexp_replace({present}, {write_literal(_escape(escape) + '(.)')}, '\\1', 'gs')"
    return _scalar(present, kind)


def _escape(character: str) -> str:
    return f"\\{character}" if not character.isalnum() else character


def _parse_matching(field: str, pattern: str, kind: Type) -> str:
    whole = write_literal(rf"\s*{pattern}\s*")
    parsed = f"TRY_CAST(trim({field}) AS {duckdb_type(kind)})"
    return f"CASE WHEN regexp_full_match({field}, {whole}) THEN {parsed} END"


def _scalar(field: str, kind: Type) -> str:  # noqa: PLR0911 - a kind of type each
    match kind.name:
        case "varchar" | "char":
            return f"{field}[:{kind.numbers[0]}]" if kind.numbers else field
        case "tinyint" | "smallint" | "integer" | "bigint":
            # The SerDe cuts off a fraction.
            whole = f"regexp_replace({field}, '^([+-]?)\\.', '\\10.')"
            return (
                f"CASE WHEN regexp_full_match({field}, '{_CUT}') "
                f"THEN TRY_CAST(split_part({whole}, '.', 1) AS {duckdb_type(kind)}) END"
            )
        case "real" | "double":
            names = "'NaN', 'Infinity', '+Infinity', '-Infinity'"
            special = f"CASE WHEN trim({field}) IN ({names}) THEN trim({field}) END"
            # As Java does, with a letter at the end.
            number = f"regexp_replace({field}, '[dDfF]\\s*$', '')"
            number = _parse_matching(number, _NUMBER, kind)
            return f"coalesce({number}, TRY_CAST({special} AS {duckdb_type(kind)}))"
        case "decimal":
            fits = f"TRY_CAST({field} AS {duckdb_type(kind)})"
            return f"CASE WHEN regexp_full_match({field}, {write_literal(_NUMBER)}) THEN {fits} END"
        case "boolean":
            return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "date":
            # The SerDe ignores what follows a space, and reads the 33rd of January as a day in February.
            day = f"split_part({field}, ' ', 1)"
            year, month, number = (f"CAST(split_part({day}, '-', {part}) AS INTEGER)" for part in (1, 2, 3))
            date = f"make_date({year}, 1, 1) + to_months({month} - 1) + to_days({number} - 1)"
            return f"CASE WHEN regexp_full_match({day}, '{_DATE}') THEN TRY(CAST({date} AS DATE)) END"
        case "timestamp":
            whole = _parse_matching(field, _TIMESTAMP, kind)
            return f"CAST(CAST({whole} AS TIMESTAMP_MS) AS TIMESTAMP)"
        case "varbinary":
            return _binary(field)
    raise unsupported(f"columns of type {kind} in text files")


def _binary(field: str) -> str:
    """Decode Base64 with or without padding and in both of its alphabets; other texts are the bytes."""
    digits = rf"translate(regexp_replace({field}, '[=\s]', '', 'g'), '-_', '+/')"
    whole = f"{digits}[:len({digits}) - CASE WHEN len({digits}) % 4 = 1 THEN 1 ELSE 0 END]"
    padded = f"rpad({whole}, CAST((len({whole}) + 3) // 4 * 4 AS INTEGER), '=')"
    match = f"regexp_full_match({field}, {write_literal(_BASE64)})"
    return f"CASE WHEN {match} THEN TRY(from_base64({padded})) ELSE encode({field}) END"


def _collection(field: str, kind: Type, separators: tuple[str, str], null: str) -> str:
    outer, inner = map(write_literal, separators)
    if any(part.name in {"array", "map", "row"} for part in kind.inner):
        raise unsupported("nested arrays, maps and structs in text files")
    present = f"nullif(x, {write_literal(null)})"
    parts = f"string_split({field}, {outer})"
    if kind.name == "array":
        items = f"list_transform({parts}, lambda x: {_scalar(present, kind.inner[0])})"
        return f"CASE WHEN {field} = '' THEN [] ELSE {items} END"
    if kind.name == "map":
        return _map(field, parts, kind, inner)
    fields = ", ".join(
        f"{quote_name(name)} := {_scalar(f'nullif({parts}[{position}], {write_literal(null)})', part)}"
        for position, (name, part) in enumerate(zip(name_fields(kind), kind.inner, strict=True), 1)
    )
    return f"CASE WHEN {field} IS NOT NULL THEN struct_pack({fields}) END"


def _map(field: str, parts: str, kind: Type, separator: str) -> str:
    key = _scalar(f"split_part(x, {separator}, 1)", kind.inner[0])
    rest = f"CASE WHEN contains(x, {separator}) THEN substr(x, instr(x, {separator}) + 1) END"
    item = _scalar(f"nullif({rest}, '\\N')", kind.inner[1])
    every = f"list_transform({parts}, lambda x: struct_pack(key := {key}, value := {item}))"
    # The first of equal keys counts.
    keys = f"list_transform({every}, lambda e: e.key)"
    entries = f"list_filter({every}, lambda e, i: list_position({keys}, e.key) = i)"
    return (
        f"CASE WHEN {field} = '' THEN MAP {{}} WHEN {field} IS NOT NULL THEN map_from_entries({entries}) END"
    )


def _open_csv(field: str, kind: Type) -> str:
    """Write the expression for OpenCSVSerde: dates are days since 1970, timestamps milliseconds."""
    match kind.name:
        case "varchar" | "char":
            return f"{field}[:{kind.numbers[0]}]" if kind.numbers else field
        case "tinyint" | "smallint" | "integer" | "bigint":
            return _number(field, kind, _INTEGER)
        case "double" | "real" | "decimal":
            return _number(field, kind, _NUMBER)
        case "boolean":
            return f"CASE lower({field}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        case "date":
            return f"DATE '1970-01-01' + CAST({_number(field, Type('integer'), _INTEGER)} AS INTEGER)"
        case "timestamp":
            return f"epoch_ms({_number(field, Type('bigint'), _INTEGER)})"
    raise unsupported(f"columns of type {kind} in tables of OpenCSVSerde")


def _number(field: str, kind: Type, pattern: str) -> str:
    failure = (
        f"error('\u2022HIVE_BAD_DATA|Error parsing field value ''' || {field} || ''' for field {field[1:]}: "
    )
    failure += f"For input string: \"' || {field} || '\"\u2022')"
    fits = f"TRY_CAST({field} AS {duckdb_type(kind)})"
    good = f"regexp_full_match({field}, '{pattern}') AND {fits} IS NOT NULL"
    return f"CASE WHEN {field} IS NULL THEN NULL WHEN {good} THEN {fits} ELSE {failure} END"
