"""What queries have left: the files of their results on S3, and copies of the objects that they have read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from local_aws.athena.account import Account
from local_aws.athena.executions import Execution
from local_aws.athena.failures import AthenaFailure
from local_aws.athena.storage import Storage


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

    The history of the queries stays. What UNLOAD, INSERT and CREATE TABLE AS have written stays as well: it
    is data. Copies stay while a query runs.

    Args:
        account: The history.
        storage: The objects.
        copies: The folder of the copies.
        before: The time, in seconds since 1970.
    """
    executions = account.executions()
    old = [each for each in executions if each.is_final and (each.completed or before) < before]
    results = _delete_results(storage, old)
    is_quiet = all(each.is_final for each in executions)
    unused = _delete_copies(copies, before) if is_quiet else []
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
                storage.delete(file.uri)
                sizes.append(file.size)
    return sizes


def _delete_copies(folder: Path, before: float) -> list[int]:
    """Delete old copies, and return their sizes; what is still the content of an object takes no room."""
    sizes = []
    for file in folder.glob("*"):
        found = file.stat()
        if found.st_mtime < before:
            file.unlink(missing_ok=True)
            sizes.append(found.st_size if found.st_nlink == 1 else 0)
    return sizes
