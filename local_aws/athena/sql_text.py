"""DuckDB's SQL for values that come from users."""


def literal(text: str | None) -> str:
    """A text as DuckDB's SQL; None is NULL."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
