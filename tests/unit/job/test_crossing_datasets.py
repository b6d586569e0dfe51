"""What passes from one step to another in memory."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.job.crossing import CrossingDataset


def test_what_cannot_be_pickled_is_named_and_nothing_is_uploaded() -> None:
    no_bucket = cast(Any, SimpleNamespace(s3=None))  # an upload would fail with another error
    dataset = CrossingDataset(no_bucket, "my-shop", "kedro-aws/runs/r/lock.pickle", "lock")
    with pytest.raises(DatasetError) as caught:
        dataset.save(threading.Lock())
    assert str(caught.value).startswith(
        "`lock` passes from one step to another, and a lock cannot be pickled: cannot pickle '_thread.lock' "
        "object. Add `lock` to the catalog, or put its nodes into one step."
    )
