"""How much S3 holds, without reading the objects."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from moto.s3.models import s3_backends

from local_aws.kept.folder import UnusableError, explain_damage
from local_aws.s3.database import VERSION, decode_text, measure_content


@dataclass(frozen=True)
class Held:
    """What a bucket holds.

    Attributes:
        objects: How many keys.
        size: The bytes of all their versions.
    """

    objects: int = 0
    size: int = 0


def measure(rows: Path | None) -> dict[str, Held]:
    """Measure all buckets.

    Args:
        rows: The file of rows, from which objects need not be made; None if nothing is kept.

    Raises:
        UnusableError: If the file is damaged.
    """
    found = _measure_objects() if rows is None else _measure_rows(rows)
    names = [name for account in s3_backends.values() for here in account.values() for name in here.buckets]
    return {name: found.get(name, Held()) for name in sorted(names)}


def _measure_rows(file: Path) -> dict[str, Held]:
    try:
        return _add_rows(file)
    except sqlite3.DatabaseError as error:
        what = f"cannot be read ({error})"
        raise UnusableError(explain_damage(file.parent.parent, file, what)) from error


def _add_rows(file: Path) -> dict[str, Held]:
    keys, sizes = Counter[str](), Counter[str]()
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as rows:
        rows.text_factory = decode_text
        counted = "SELECT bucket, count(DISTINCT name) FROM item WHERE kind = ? GROUP BY bucket"
        keys.update(dict(rows.execute(counted, (VERSION,))))
        for bucket, content in rows.execute(
            "SELECT bucket, content FROM item WHERE kind = ? AND content IS NOT NULL", (VERSION,)
        ):
            sizes[bucket] += measure_content(content)
    return {bucket: Held(count, sizes[bucket]) for bucket, count in keys.items()}


def _measure_objects() -> dict[str, Held]:
    held = {}
    for account in s3_backends.values():
        for here in account.values():
            for name, bucket in here.buckets.items():
                versions = [each for _key, all_of_key in bucket.keys.iterlists() for each in all_of_key]
                size = sum(getattr(each, "contentsize", 0) for each in versions)
                held[name] = Held(len(bucket.keys), size)
    return held
