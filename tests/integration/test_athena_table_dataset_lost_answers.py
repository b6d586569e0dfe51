"""A save succeeds and keeps its files if an answer of Glue is lost and botocore repeats the request."""

from typing import Any

import pyarrow as pa
import pytest
import shop
from botocore import handlers
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session
from shop import BUCKET, DATABASE

from kedro_aws_plugin.datasets.athena_table import AthenaTableDataset
from local_aws import LocalAws

OLD = pa.table({"id": [1, 2], "day": ["a", "b"]})
NEW = pa.table({"id": [7, 8, 9], "day": ["a", "a", "c"]})


def dataset(mode: str, keys: str) -> AthenaTableDataset:
    return AthenaTableDataset(
        table="prices",
        database=DATABASE,
        location=f"s3://{BUCKET}/prices/",
        partition_by=keys.split(),
        mode=mode,
        engine="pyarrow",
    )


def ids() -> list[int]:
    return sorted(dataset("overwrite", "").load()["id"].to_pylist())


def lose(monkeypatch: pytest.MonkeyPatch, operation: str) -> list[str]:
    """Lose the answer to the first request of a kind, so that botocore sends it again."""
    lost: list[str] = []

    def send(request: Any, **_: Any) -> None:
        if not lost:
            lost.append(operation)
            URLLib3Session().send(request)
            raise ReadTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr(
        handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS, (f"before-send.glue.{operation}", send)]
    )
    return lost


# The ids that a reader then sees, and how many files there are: none is lost, none is left over.
LOST = [
    ("overwrite", [7, 8, 9], 2),
    ("overwrite_partitions", [2, 7, 8, 9], 3),
    ("append", [1, 2, 7, 8, 9], 4),
]


@pytest.mark.parametrize(("mode", "expected", "count"), LOST, ids=[mode for mode, *_ in LOST])
def test_partitions_whose_registration_was_not_confirmed_keep_their_files(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, mode: str, expected: list[int], count: int
) -> None:
    dataset("overwrite", "day").save(OLD)
    lost = lose(monkeypatch, "BatchCreatePartition")
    dataset(mode, "day").save(NEW)
    assert lost
    assert ids() == expected
    assert len(shop.keys(aws, "prices/")) == count


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.parametrize("keys", ["", "day"])
def test_a_table_whose_creation_was_not_confirmed_is_saved(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, mode: str, keys: str
) -> None:
    lost = lose(monkeypatch, "CreateTable")
    dataset(mode, keys).save(NEW)
    assert lost
    assert ids() == [7, 8, 9]
    assert len(shop.keys(aws, "prices/")) == (2 if keys else 1)
