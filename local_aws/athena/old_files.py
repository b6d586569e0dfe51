"""What queries have left: the files of their results on S3, and copies of the objects that they have read."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from local_aws.athena.account import Account
from local_aws.athena.executions import Execution
from local_aws.athena.failures import AthenaFailure
from local_aws.athena.storage import Storage
from local_aws.kept.database import NotKept


@dataclass(frozen=True)
class Deleted:
    """What was deleted.

    Attributes:
        results: How many files of results.
        copies: How many copies of objects.
        size: Their bytes.
    """

    results: int
    copies: int
    size: int


def delete_old(account: Account, storage: Storage, copies: Path, before: float) -> Deleted:
    """Delete the results of queries that ended before a time, and copies of objects that were written before.

    The history of the queries stays, and so do results that newer queries reuse. What UNLOAD, INSERT and
    CREATE TABLE AS have written stays as well: it is data. Copies stay while a query runs.

    Args:
        account: The history.
        storage: The objects.
        copies: The folder of the copies.
        before: The time, in seconds since 1970.

    Raises:
        NotKept: If S3 refuses to delete a file.
    """
    executions = account.executions()
    old = [each for each in executions if each.is_final and (each.completed or before) < before]
    gone = {each.id for each in old}
    used = {each.reused for each in executions if each.id not in gone}
    with account.lock:  # no query starts meanwhile
        is_quiet = all(each.is_final for each in account.executions())
        unused = _delete_copies(copies, before) if is_quiet else []  # first: a full disk has room then
    results = _delete_results(storage, [each for each in old if each.output_location not in used])
    return Deleted(len(results), len(unused), sum(results) + sum(unused))


def _delete_results(storage: Storage, executions: Iterable[Execution]) -> list[int]:
    """Delete the files of executions, and return their sizes. Each folder is listed once."""
    folders: dict[str, set[str]] = defaultdict(set)
    for each in executions:
        files = folders[each.stem.rpartition("/")[0]]
        files |= {f"{each.stem}{end}" for end in (".csv", ".txt", ".csv.metadata", ".txt.metadata")}
        files |= {f"{each.stem}.metadata", f"{each.stem}-manifest.csv"}
    sizes = []
    for folder, files in folders.items():
        try:
            found = storage.list_objects(folder)
        except AthenaFailure:  # the bucket is gone
            continue
        for file in found:
            if file.uri in files:
                if reason := storage.delete(file.uri):
                    raise NotKept(f"{file.uri} cannot be deleted: {reason}")
                sizes.append(file.size)
    return sizes


def _delete_copies(folder: Path, before: float) -> list[int]:
    """Delete old copies, and return their sizes; what is still the content of an object takes no room."""
    sizes = []
    for file in folder.glob("*"):
        with suppress(FileNotFoundError):
            found = file.stat()
            if found.st_mtime < before:
                file.unlink()
                sizes.append(found.st_size if found.st_nlink == 1 else 0)
    return sizes
