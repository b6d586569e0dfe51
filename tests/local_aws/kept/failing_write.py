"""Let writes of S3's state fail in the middle, in a process of its own: ``python failing_write.py FOLDER``.

It prints what the keys are afterwards. It replaces classes of moto, which no test may do in its own process.
"""

import sys
from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends

from local_aws.kept.database import NotKept
from local_aws.s3.keeping import Keeping
from local_aws.s3.objects import keep_in_files


class Failing:
    """A value of an object that cannot be written as long as there is no memory."""

    has_memory = False

    def __reduce__(self) -> Any:
        if not self.has_memory:
            raise MemoryError("there is no memory")
        return str, ("written",)


class Never:
    """A value of an object that can never be written."""

    def __reduce__(self) -> Any:
        raise TypeError("it has no bytes")


def put_what_cannot_be_written(keeping: Keeping, s3: Any) -> None:
    """Put an object that has a value of which there are no bytes."""
    try:
        with keeping.kept():
            s3.put_object("bucket", "never", b"2").kms_key_id = Never()
    except NotKept as error:
        print(error)


def main(folder: Path) -> None:
    """Put, replace and delete objects, while writing what was changed fails."""
    keeping = Keeping(folder)
    keep_in_files(keeping.store, keeping)
    keeping.restore()
    s3 = s3_backends["123456789012"]["aws"]
    if "bucket" in s3.buckets:
        for key in ("gone", "replaced", "first", "never"):
            found = s3.buckets["bucket"].keys.getlist(key, [])
            print(key, [(version._content.read(), version.kms_key_id) for version in found])
        return
    with keeping.kept():
        s3.create_bucket("bucket", "eu-west-1")
    for key in ("gone", "replaced"):
        with keeping.kept():
            s3.put_object("bucket", key, b"1")
    for key in ("gone", "replaced", "first"):
        try:
            with keeping.kept():
                s3.put_object("bucket", key, b"2").kms_key_id = Failing()
        except NotKept as error:
            print(error)
    put_what_cannot_be_written(keeping, s3)
    Failing.has_memory = True
    with keeping.kept():
        s3.put_object("bucket", "gone", b"3")
    put_what_cannot_be_written(keeping, s3)
    with keeping.kept():
        s3.delete_object("bucket", "gone")
    keeping.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
