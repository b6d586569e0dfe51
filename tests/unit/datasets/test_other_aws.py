"""A dataset created for one AWS never reaches the other, even if a later session switches to it."""

from collections.abc import Iterator

import pytest
from kedro.io import DatasetError

from kedro_aws_plugin.datasets import AthenaQueryDataset, AthenaTableDataset, defaults


@pytest.fixture(params=[True, False], ids=["local", "aws"])
def local(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether aws.yml chooses the local AWS when the dataset is created."""
    yield request.param
    defaults.use(defaults.AthenaDefaults())


def test_every_method_refuses_the_other_aws(local: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults.use(defaults.AthenaDefaults(database="shop", output_location="s3://flights/a/", local=local))
    query, table = AthenaQueryDataset(query="SELECT 1 AS x"), AthenaTableDataset(table="prices")
    if local:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    made = "local" if local else "real"
    for use in (query.load, query.preview, table.load, table.preview, table.exists, lambda: table.save([])):
        with pytest.raises(DatasetError, match=f"was created for the {made} AWS, .* Nothing was sent"):
            use()
