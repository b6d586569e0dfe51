"""ExecutionParameters, as Athena reads them: as SQL where they are SQL, as text where they are not."""


def as_sql(value: str) -> str:
    """The SQL expression that a parameter stands for.

    Athena takes a value for an expression if it parses as one and names no column: ``'abc'``, ``1 + 1``,
    ``DATE '2026-01-01'``, ``NULL``. Everything else is a string: ``abc``, ``it's``, a UUID.

    Example:
        >>> as_sql("now()"), as_sql("it's")
        ("now()", "'it''s'")
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    text = "'" + value.replace("'", "''") + "'"
    try:
        found = sqlglot.parse(value, read="trino")
    except SqlglotError:
        return text
    tree = found[0] if len(found) == 1 else None
    if not isinstance(tree, (exp.Condition, exp.Query)) or tree.find(exp.Column, exp.Placeholder, exp.Star):
        return text
    return f"({value})" if isinstance(tree, exp.Query) else value
