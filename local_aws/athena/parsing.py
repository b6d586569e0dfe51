"""The grammar of Athena's statements."""

import re
from collections.abc import Callable

from local_aws.athena import hive_parsing
from local_aws.athena.failures import AthenaFailure, query_failure, unsupported
from local_aws.athena.statement import (
    AddColumns,
    AddPartitions,
    ChangeColumn,
    ChangeRows,
    CreateDatabase,
    CreateIcebergTable,
    CreateTable,
    CreateTableAs,
    CreateView,
    Describe,
    DropColumn,
    DropDatabase,
    DropPartitions,
    DropTable,
    Execute,
    Explain,
    Insert,
    Optimize,
    Prepare,
    QueryText,
    RenameTable,
    RepairTable,
    Select,
    SetLocation,
    SetTableProperties,
    ShowDatabases,
    ShowTable,
    ShowTables,
    Statement,
    Unload,
    UnsetTableProperties,
    Vacuum,
)
from local_aws.athena.submission import Parsed
from local_aws.athena.tokens import Tokens, name_of
from local_aws.trino import Token, TrinoError, end_token, tokenize
from local_aws.trino import parse as parse_query

_HIVE = re.compile(
    r"(CREATE\s+(EXTERNAL|DATABASE|SCHEMA)|DROP\s+(DATABASE|SCHEMA)|ALTER|MSCK|SHOW|DESCRIBE|DESC)\b"
    r"|CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?[^\s(]+\s*\(",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"\A(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+", re.DOTALL)
_UNSUPPORTED = ("ANALYZE", "CALL", "GRANT", "REVOKE")

_KINDS: dict[type, tuple[str, str]] = {
    AddColumns: ("DDL", "ALTER_TABLE_ADD_COLUMNS"),
    ChangeColumn: ("DDL", "ALTER_TABLE_CHANGE_COLUMN"),
    DropColumn: ("DDL", "ALTER_TABLE_DROP_COLUMN"),
    RenameTable: ("DDL", "ALTER_TABLE_RENAME"),
    CreateIcebergTable: ("DDL", "CREATE_TABLE"),
    Optimize: ("DML", "OPTIMIZE"),
    UnsetTableProperties: ("DDL", "ALTER_TABLE_UNSET_TBLPROPERTIES"),
    Vacuum: ("DDL", "VACUUM"),
    AddPartitions: ("DDL", "ALTER_TABLE_ADD_PARTITION"),
    CreateDatabase: ("DDL", "CREATE_DATABASE"),
    CreateTable: ("DDL", "CREATE_TABLE"),
    CreateTableAs: ("DDL", "CREATE_TABLE_AS_SELECT"),
    CreateView: ("DDL", "CREATE_VIEW"),
    Describe: ("UTILITY", "DESCRIBE_TABLE"),
    DropDatabase: ("DDL", "DROP_DATABASE"),
    DropPartitions: ("DDL", "ALTER_TABLE_DROP_PARTITION"),
    DropTable: ("DDL", "DROP_TABLE"),
    Execute: ("DML", "EXECUTE"),
    Insert: ("DML", "INSERT"),
    Prepare: ("DDL", "PREPARE"),
    RepairTable: ("DDL", "MSCK_REPAIR_TABLE"),
    Select: ("DML", "SELECT"),
    SetLocation: ("DDL", "ALTER_TABLE_SET_LOCATION"),
    SetTableProperties: ("DDL", "ALTER_TABLE_SET_TBLPROPERTIES"),
    ShowDatabases: ("UTILITY", "SHOW_DATABASES"),
    ShowTables: ("UTILITY", "SHOW_TABLES"),
    Unload: ("DML", "UNLOAD"),
}


def classify(sql: str) -> Parsed:
    """Read a statement without running it.

    Raises:
        AthenaFailure: If it cannot be parsed, or is not supported.
    """
    statement = parse(sql)
    names_location = isinstance(statement, CreateTableAs) and "external_location" in statement.properties
    executes = statement.name if isinstance(statement, Execute) else ""
    return Parsed(*kind(statement), statement, names_location, executes)


def parse(text: str) -> Statement:
    """Read the one statement of a request; a semicolon may end it.

    Raises:
        AthenaFailure: If it is not a statement, is more than one, or one that is not supported.
    """
    hive = bool(_HIVE.match(_COMMENTS.sub("", text)))
    tokens = Tokens(text, _one_statement(text, hive), hive=hive)
    return hive_parsing.read_statement(tokens) if hive else _trino(tokens)


def kind(statement: Statement) -> tuple[str, str]:  # noqa: PLR0911 - a kind of statement each
    """Return a statement's type and subtype in Athena's words."""
    match statement:
        case Explain():
            return "UTILITY", "EXPLAIN"
        case DropTable(view=True):
            return "DDL", "DROP_VIEW"
        case AddColumns(replace=True):
            return "DDL", "ALTER_TABLE_REPLACE_COLUMNS"
        case ShowTables(views=True):
            return "UTILITY", "SHOW_VIEWS"
        case ShowTable():
            return "UTILITY", f"SHOW_{statement.what.replace(' ', '_')}"
        case ChangeRows():
            return "DML", type(statement.change).__name__.upper()
        case Prepare(sql=None):
            return "DDL", "DEALLOCATE_PREPARE"
    return _KINDS[type(statement)]


def _one_statement(text: str, hive: bool) -> list[Token]:
    """Split a text into tokens without the semicolons at its end."""
    *tokens, end = tokenize(text, hive=hive)
    while tokens and tokens[-1].upper == ";":
        last = tokens.pop()
        end = end_token(last.at, last.start)
    if not tokens:
        raise query_failure(TrinoError("SYNTAX_ERROR", "line 1:1: mismatched input '<EOF>'"))
    if any(token.upper == ";" for token in tokens):
        raise AthenaFailure(f"Only one sql statement is allowed. Got: {text[: end.start]}", error_type=1006)
    return [*tokens, end]


def _trino(tokens: Tokens) -> Statement:
    readers: dict[str, Callable[[Tokens], Statement]] = {
        "CREATE": _create,
        "DEALLOCATE": _deallocate,
        "DROP": _drop,
        "EXECUTE": _execute,
        "EXPLAIN": _explain,
        "INSERT": _insert,
        "OPTIMIZE": _optimize,
        "PREPARE": _prepare,
        "UNLOAD": _unload,
        "VACUUM": _vacuum,
    }
    for word, reader in readers.items():
        if tokens.takes(word):
            return reader(tokens)
    if any(tokens.sees(word) for word in ("DELETE", "UPDATE", "MERGE")):
        return _change(tokens)
    for word in _UNSUPPORTED:
        if tokens.sees(word):
            raise unsupported(word)
    if any(tokens.sees(word) for word in ("SELECT", "WITH", "VALUES", "TABLE", "(")):
        return Select(tokens.query())
    return tokens.fail()


def _create(tokens: Tokens) -> Statement:
    or_replace = tokens.takes("OR", "REPLACE")
    if tokens.takes("VIEW"):
        view = tokens.name()
        tokens.expect("AS")
        return CreateView(view, tokens.query(), or_replace)
    if tokens.sees("PROTECTED"):
        raise unsupported("PROTECTED views")
    tokens.expect("TABLE")
    if or_replace:
        raise unsupported("CREATE OR REPLACE TABLE")
    if_not_exists = tokens.takes("IF", "NOT", "EXISTS")
    table = tokens.name()
    if tokens.takes("COMMENT"):
        tokens.string()
    properties = _properties(tokens) if tokens.takes("WITH") else {}
    tokens.expect("AS")
    with_data = not tokens.without_last("WITH", "NO", "DATA")
    if with_data:
        tokens.without_last("WITH", "DATA")
    return CreateTableAs(table, tokens.query(), properties, if_not_exists, with_data)


def _properties(tokens: Tokens) -> dict[str, object]:
    found: dict[str, object] = {}
    tokens.expect("(")
    while True:
        key = tokens.identifier()
        tokens.expect("=")
        found[key] = _value(tokens)
        if not tokens.takes(","):
            tokens.expect(")")
            return found


def _value(tokens: Tokens) -> object:
    if tokens.takes("ARRAY"):
        tokens.expect("[")
        values: list[object] = []
        while not tokens.takes("]"):
            values.append(_value(tokens))
            tokens.takes(",")
        return values
    for word, value in (("TRUE", True), ("FALSE", False)):
        if tokens.takes(word):
            return value
    token = tokens.next()
    match token.kind:
        case "string":
            return token.value
        case "integer":
            return int(token.text, 0)
        case "decimal":
            return float(token.text)
    line, column = token.at
    raise query_failure(TrinoError("SYNTAX_ERROR", f"line {line}:{column}: mismatched input '{token.text}'"))


def _unload(tokens: Tokens) -> Unload:
    query = tokens.in_brackets(Tokens.query)
    tokens.expect("TO")
    location = tokens.string()
    properties = _properties(tokens) if tokens.takes("WITH") else {}
    tokens.end()
    return Unload(query, location, properties)


def _insert(tokens: Tokens) -> Insert:
    tokens.expect("INTO")
    table = tokens.name()
    columns: tuple[str, ...] = ()
    if tokens.sees("(") and not (tokens.sees("(", "SELECT") or tokens.sees("(", "WITH")):
        tokens.expect("(")
        found = [tokens.identifier()]
        while tokens.takes(","):
            found.append(tokens.identifier())
        tokens.expect(")")
        columns = tuple(found)
    return Insert(table, columns, tokens.query())


def _change(tokens: Tokens) -> ChangeRows:
    change = tokens.change()
    return ChangeRows(name_of(change.table), change)


def _optimize(tokens: Tokens) -> Optimize:
    name = tokens.name()
    tokens.expect("REWRITE", "DATA", "USING", "BIN_PACK")
    if tokens.done:
        return Optimize(name, None)
    if not tokens.sees("WHERE"):
        tokens.expect("WHERE")
    # The condition is read as that of a query, which finds what it says about the partitions.
    parts = ".".join(f'"{part}"' for part in (name.database, name.table) if part)
    sql = f"SELECT * FROM {parts} {tokens.rest}"  # noqa: S608 - parsed, not run
    try:
        return Optimize(name, QueryText(sql, parse_query(sql)))
    except TrinoError as error:
        raise query_failure(error) from error


def _vacuum(tokens: Tokens) -> Vacuum:
    # Athena reads this statement by Hive's rules of names, which its manual shows for a name such as `_t`.
    if '"' in tokens.rest or re.search(r"(^|\.)\s*_", tokens.rest):
        raise AthenaFailure(
            f"mismatched input '{tokens.rest}'. VACUUM takes no double quotes, and a name that begins with "
            "an underscore in backticks only",
            error_type=1006,
        )
    name = tokens.name()
    tokens.end()
    return Vacuum(name)


def _drop(tokens: Tokens) -> DropTable:
    view = not tokens.takes("TABLE")
    if view:
        tokens.expect("VIEW")
    if_exists = tokens.takes("IF", "EXISTS")
    table = tokens.name()
    tokens.end()
    return DropTable(table, if_exists, view)


def _explain(tokens: Tokens) -> Explain:
    if tokens.takes("ANALYZE"):
        raise unsupported("EXPLAIN ANALYZE")
    options: dict[str, str] = {}
    if tokens.sees("(", "TYPE") or tokens.sees("(", "FORMAT"):
        tokens.expect("(")
        while not tokens.takes(")"):
            option = tokens.next().text.upper()
            options[option] = tokens.next().text.upper()
            tokens.takes(",")
    return Explain(_trino(tokens), options)


def _prepare(tokens: Tokens) -> Prepare:
    statement = tokens.identifier()
    tokens.expect("FROM")
    return Prepare(statement, tokens.rest)


def _deallocate(tokens: Tokens) -> Prepare:
    tokens.expect("PREPARE")
    statement = tokens.identifier()
    tokens.end()
    return Prepare(statement, None)


def _execute(tokens: Tokens) -> Execute:
    statement = tokens.identifier()
    if tokens.takes("USING"):
        return Execute(statement, tuple(tokens.parts()))
    tokens.end()
    return Execute(statement, ())
