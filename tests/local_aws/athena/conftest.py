"""The local Athena without a server in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from athena_api import BUCKET, REGION, Api
from lake import LAKE, Lake

from local_aws.athena.engine import Engine
from local_aws.protocol.moto_app import Moto


@pytest.fixture(scope="session")
def _moto() -> Moto:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return Moto(DomainDispatcherApplication(create_backend_app), REGION)


@pytest.fixture
def api(_moto: Moto, tmp_path: Path) -> Iterator[Api]:
    """A fresh local Athena with a bucket for results, and an engine that does as the test says."""
    _moto.reset()
    place = f"<LocationConstraint>{REGION}</LocationConstraint>"
    body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>"
    assert _moto.request("PUT", f"/{BUCKET}", region=REGION, body=body.encode()).status == 200
    api = Api(_moto, tmp_path / "athena")
    yield api
    api.athena.reset()


@pytest.fixture(scope="session")
def _engine(_moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Teaching DuckDB Trino's functions takes long: once is enough."""
    return Engine(_moto, tmp_path_factory.mktemp("athena"))


@pytest.fixture
def lake(_moto: Moto, _engine: Engine) -> Lake:
    """An empty data lake."""
    _moto.reset()
    place = f"<LocationConstraint>{REGION}</LocationConstraint>"
    body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>"
    assert _moto.request("PUT", f"/{LAKE}", region=REGION, body=body.encode()).status == 200
    _moto.call("glue", "CreateDatabase", {"DatabaseInput": {"Name": "db"}})
    return Lake(_moto, _engine)
