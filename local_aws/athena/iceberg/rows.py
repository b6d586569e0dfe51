"""DELETE, UPDATE and MERGE: the files whose rows change are written anew (copy on write)."""

from collections.abc import Sequence
from dataclasses import replace

from pyiceberg.table import FileScanTask

from local_aws.athena.coercion import can_assign, fit_to_table
from local_aws.athena.failures import query_failure
from local_aws.athena.iceberg import reading
from local_aws.athena.iceberg.tables import IcebergTable
from local_aws.athena.iceberg.writing import write
from local_aws.athena.session import Session
from local_aws.athena.statement import ChangeRows
from local_aws.athena.submission import Outcome
from local_aws.trino import Column, Delete, Merge, Translated, TrinoError, Update
from local_aws.trino.types import quote_name

_FOUND = '"iceberg#found"'
"""The temporary table of the rows that the statement's query found."""
_ADDRESS = 2


def change(session: Session, statement: ChangeRows, table: IcebergTable) -> Outcome:
    """Change the rows of a table in one commit.

    Raises:
        AthenaFailure: If a row cannot be computed, or another writer was faster.
    """
    translated = session.translate_values(statement.change.query)
    names = ", ".join(f"c{position}" for position, _ in enumerate(translated.columns))
    session.execute(f"CREATE TEMP TABLE {_FOUND} AS SELECT * FROM ({translated.sql}) AS q({names})")  # noqa: S608 - quoted
    columns = translated.columns
    match statement.change:
        case Delete():
            added, gone = [], "true"
            count = _count(session, "true")
        case Update():
            added, gone = [_updated(table, statement.change, columns)], "true"
            count = _count(session, "true")
        case Merge():
            added, gone = _merged(table, statement.change, columns), "c0 IS NOT NULL AND c2 <> 0"
            _refuse_several_matches(session)
            count = _count(session, "c2 <> 0")
    written = _commit(session, table, added, gone) if count else ()
    kind = ("DML", type(statement.change).__name__.upper())
    scanned = session.relations.scanned_bytes
    return Outcome(*kind, scanned_bytes=scanned, written=written, update_count=count)


def _count(session: Session, condition: str) -> int:
    ((number,),) = session.execute(f"SELECT count(*) FROM {_FOUND} WHERE {condition}").fetchall()  # noqa: S608 - ours
    return int(number)


def _updated(table: IcebergTable, update: Update, columns: Sequence[Column]) -> str:
    return _new_rows(table, columns, update.columns, range(_ADDRESS, _ADDRESS + len(update.columns)), "true")


def _merged(table: IcebergTable, merge: Merge, columns: Sequence[Column]) -> list[str]:
    """Write a SELECT of the new rows for each case that has some."""
    found = []
    first = _ADDRESS + 1
    for number, case in enumerate(merge.cases, 1):
        places = range(first, first + case.values)
        first += case.values
        applies = f"c{_ADDRESS} = {number}"
        if case.action == "UPDATE":
            found.append(_new_rows(table, columns, case.columns, places, applies))
        elif case.action == "INSERT":
            given = Translated(
                f"SELECT {', '.join(f'c{place}' for place in places)} FROM {_FOUND} WHERE {applies}",  # noqa: S608 - ours
                tuple(columns[place] for place in places),
            )
            found.append(fit_to_table(table, case.columns, given).sql)
    return found


def _new_rows(
    table: IcebergTable, columns: Sequence[Column], names: Sequence[str], places: Sequence[int], applies: str
) -> str:
    """Write a SELECT of changed rows: the columns that are set, and the others as they were."""
    _check_assignments(table, names, [columns[place].type for place in places])
    start = len(columns) - len(table.columns)
    new = dict(zip(names, places, strict=True))
    chosen = [new.get(column.name, start + position) for position, column in enumerate(table.columns)]
    given = Translated(
        f"SELECT {', '.join(f'c{place}' for place in chosen)} FROM {_FOUND} WHERE {applies}",  # noqa: S608 - ours
        tuple(columns[place] for place in chosen),
    )
    return fit_to_table(table, (), given).sql


def _check_assignments(table: IcebergTable, names: Sequence[str], kinds: Sequence[str]) -> None:
    known = {column.name: column.type for column in table.columns}
    for name in names:
        if name not in known:
            message = f"line 1:1: The UPDATE SET target column {name} doesn't exist"
            raise query_failure(TrinoError("COLUMN_NOT_FOUND", message))
        if names.count(name) > 1:
            message = f"line 1:1: Multiple assignments for column '{name}' in UPDATE"
            raise query_failure(TrinoError("SYNTAX_ERROR", message))
    wanted = [known[name] for name in names]
    if not can_assign(wanted, kinds):
        message = (
            "line 1:1: UPDATE table column types don't match SET expressions: "  # noqa: S608 - a message
            f"Table: [{', '.join(wanted)}], Expressions: [{', '.join(kinds)}]"
        )
        raise query_failure(TrinoError("TYPE_MISMATCH", message))


def _refuse_several_matches(session: Session) -> None:
    found = session.execute(
        f"SELECT 1 FROM {_FOUND} WHERE c0 IS NOT NULL GROUP BY c0, c1, c2 HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - ours
    ).fetchall()
    if found:
        message = "One MERGE target table row matched more than one source row"
        raise query_failure(TrinoError("MERGE_TARGET_ROW_MULTIPLE_MATCHES", message))


def _commit(session: Session, table: IcebergTable, added: Sequence[str], gone: str) -> tuple[str, ...]:
    """Replace the files with rows that are gone by new ones, and add the new rows.

    Args:
        session: The running query.
        table: The table.
        added: SELECTs of the new rows.
        gone: The condition on the rows found that are deleted or replaced.
    """
    paths = session.execute(f"SELECT DISTINCT c0 FROM {_FOUND} WHERE {gone} AND c0 IS NOT NULL").fetchall()  # noqa: S608 - ours
    touched = {path for (path,) in paths}
    whole = reading.plan(table)
    tasks = tuple(task for task in whole.tasks if task.file.file_path in touched)
    names = ", ".join(quote_name(column.name) for column in table.columns)
    selects = [f"SELECT {names} FROM ({sql})" for sql in added]  # noqa: S608 - quoted
    if tasks:
        rows = reading.select(replace(whole, tasks=tasks), reading.HIDDEN)
        deleted = f"SELECT c0, c1 FROM {_FOUND} WHERE {gone}"  # noqa: S608 - ours
        selects.append(
            f"SELECT {names} FROM ({rows}) AS f ANTI JOIN ({deleted}) AS d "  # noqa: S608 - quoted
            'ON f."$path" = d.c0 AND f."$pos" = d.c1'
        )
    return replace_files(session, table, tasks, " UNION ALL ".join(selects))


def replace_files(
    session: Session, table: IcebergTable, tasks: Sequence[FileScanTask], sql: str
) -> tuple[str, ...]:
    """Put a query's rows in the place of files of a table, in one commit.

    Returns:
        The files that were written.

    Raises:
        AthenaFailure: If a row cannot be computed, or another writer was faster.
    """
    with session.iceberg.commit(table.full_name):
        files = write(session, table.iceberg.metadata, sql)
        transaction = table.iceberg.transaction()
        # Also if no file is replaced: an append would be tried again after the commit of another writer,
        # whose rows this statement has not seen.
        with transaction.update_snapshot().overwrite() as snapshot:
            for task in tasks:
                snapshot.delete_data_file(task.file)
            for file in files:
                snapshot.append_data_file(file)
        transaction.commit_transaction()
    return tuple(file.file_path for file in files)
