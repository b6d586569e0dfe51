"""ExecutionParameters, as Athena reads them: as SQL where they are SQL, as text where they are not."""


def as_sql(value: str) -> str:
    """The SQL expression that a parameter stands for.

    Athena takes a value for an expression if it parses as one and names no column: ``'abc'``, ``1 + 1``,
    ``DATE '2026-01-01'``, ``NULL``. Everything else is a string: ``abc``, ``it's``, a UUID.

    Example:
        >>> as_sql("now()"), as_sql("it's")
        ("now()", "'it''s'")
    """
    from local_aws.trino import nodes
    from local_aws.trino.failures import TrinoError
    from local_aws.trino.parse import literal

    text = "'" + value.replace("'", "''") + "'"
    try:
        found = literal(value)
    except (TrinoError, RecursionError):
        return text
    if any(isinstance(node, nodes.Name) for node in nodes.walk(found)):
        return text
    return value
