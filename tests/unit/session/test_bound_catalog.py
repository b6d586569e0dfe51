"""Each dataset of a bound catalog carries its AWS, in the terms of the library that it uses."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec.config
import pytest
from kedro.config import AbstractConfigLoader, OmegaConfigLoader
from kedro.io import DataCatalog

from kedro_aws_plugin.aws.binding import Binding
from kedro_aws_plugin.session.bound_catalog import bind_catalog, bind_credentials
from kedro_aws_plugin.session.bound_loader import bind_loader

URL = "http://127.0.0.1:41234"
KEY, SECRET = "KEDROAWSLOCALABCDEFG", "local-secret"
ATHENA = {"database": "shop", "workgroup": "flights", "output_location": "s3://flights/a/", "max_scan_gb": 3}
LOCAL = Binding("local", "eu-west-1", URL, KEY, SECRET, ATHENA)
REAL = Binding("aws", "eu-west-1", athena=ATHENA)
OWN = {"key": "AKIAOWN", "secret": "own-secret", "token": "own-token", "profile": "work"}
CREDENTIALS = {
    "own": OWN,
    "store": {"key": "minio", "endpoint_url": "http://minio.example.com"},
    "db": {"con": "sqlite://"},
}
CSV = {"type": "pandas.CSVDataset", "filepath": "s3://flights/a.csv"}


def make(entry: dict[str, Any], binding: Binding) -> Any:
    """The dataset that Kedro makes of an entry."""
    catalog = bind_catalog({"entry": entry}, binding, lambda: CREDENTIALS)
    return DataCatalog.from_config(catalog, bind_credentials(CREDENTIALS, binding))["entry"]


def look(files: Any) -> tuple[Any, ...]:
    """Where a file system of s3fs goes, and with what."""
    return files.endpoint_url, files.key, files.secret, files.token, files.client_kwargs.get("region_name")


LOCALLY = (URL, KEY, SECRET, None, "eu-west-1")


@pytest.mark.parametrize(
    "entry",
    [
        CSV,
        {**CSV, "credentials": "own"},
        {**CSV, "credentials": OWN},
        {**CSV, "filepath": "s3a://flights/a.csv"},
        {**CSV, "fs_args": {"client_kwargs": {"endpoint_url": "https://s3.us-east-1.amazonaws.com"}}},
        {**CSV, "credentials": "own", "fs_args": {"anon": True, "open_args_load": {"mode": "rb"}}},
        {"type": "pickle.PickleDataset", "filepath": "s3://flights/m.pkl", "fs_args": {"key": "AKIA"}},
        {"type": "pickle.PickleDataset", "filepath": "s3://flights/m.pkl", "versioned": True},
        {"type": "kedro_datasets.json.JSONDataset", "filepath": "s3://flights/m.json"},
        {"type": "kedro_datasets.json.json_dataset.JSONDataset", "filepath": "s3://flights/m.json"},
    ],
    ids=repr,
)
def test_files_go_to_the_local_aws(entry: dict[str, Any]) -> None:
    assert look(make(entry, LOCAL)._fs) == LOCALLY


def test_settings_of_fsspec_do_not_win(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {"endpoint_url": "https://s3.example.com", "key": "planted", "token": "planted", "anon": True}
    monkeypatch.setitem(fsspec.config.conf, "s3", hostile)
    local, real = make(CSV, LOCAL)._fs, make(CSV, REAL)._fs
    assert (look(local), local.anon) == (LOCALLY, False)
    assert (look(real), real.anon) == ((None, None, None, None, "eu-west-1"), False)


def test_files_in_other_datasets_go_there_too() -> None:
    cached = make({"type": "CachedDataset", "dataset": CSV}, LOCAL)
    assert look(cached._dataset._fs) == LOCALLY
    parts = {"type": "partitions.PartitionedDataset", "path": "s3://flights/parts"}
    outer = make({**parts, "dataset": "pandas.CSVDataset"}, LOCAL)
    assert look(outer._filesystem) == LOCALLY
    assert outer._dataset_config["credentials"]["endpoint_url"] == URL
    inner = make({**parts, "dataset": {"type": "pandas.CSVDataset", "credentials": "own"}}, LOCAL)
    assert inner._dataset_config["credentials"]["key"] == KEY
    query = {"type": "pandas.SQLQueryDataset", "filepath": "s3://flights/q.sql", "credentials": "db"}
    bound = bind_catalog({"query": query}, LOCAL, dict)["query"]
    assert bound["credentials"] == "db"
    assert bind_credentials({}, LOCAL)[bound["fs_args"]["credentials"]]["endpoint_url"] == URL


def test_entries_that_are_not_on_aws_are_unchanged() -> None:
    catalog = {
        "file": {"type": "pandas.CSVDataset", "filepath": "data/a.csv"},
        "store": {**CSV, "credentials": "gcs", "filepath": "gs://bucket/a.csv"},
        "memory": {"type": "MemoryDataset"},
        "_anchor": "text",
        "other": {"type": "spark.SparkStreamingDataset", "filepath": "s3://flights/a"},
        "unknown": {"type": "no.such.Dataset", "filepath": "s3://flights/a"},
    }
    assert bind_catalog(catalog, LOCAL, dict) == catalog


def test_a_store_of_the_users_own_keeps_its_endpoint() -> None:
    files = make({**CSV, "credentials": "store"}, LOCAL)._fs
    assert (files.endpoint_url, files.key) == ("http://minio.example.com", "minio")


def test_the_real_aws_keeps_credentials_and_ignores_endpoints() -> None:
    files = make({**CSV, "credentials": "own"}, REAL)._fs
    assert look(files) == (None, "AKIAOWN", "own-secret", "own-token", "eu-west-1")
    assert files.config_kwargs["ignore_configured_endpoint_urls"] is True
    stated = {**CSV, "fs_args": {"client_kwargs": {"endpoint_url": "https://s3.us-east-1.amazonaws.com"}}}
    assert look(make(stated, REAL)._fs)[0] is None


@pytest.mark.parametrize("binding", [LOCAL, REAL], ids=["local", "aws"])
def test_athena_has_its_settings_and_its_aws(binding: Binding, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "AKIAUSER"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    query = make({"type": "kedro_aws_plugin.datasets.AthenaQueryDataset", "query": "SELECT 1"}, binding)
    load = query._make_load(query._read_query())
    assert (load.database, load.workgroup, load.max_scan_gb) == ("shop", "flights", 3)
    from kedro_aws_plugin.aws.arrow_s3 import open_s3_filesystem
    from kedro_aws_plugin.aws.athena import Athena
    from kedro_aws_plugin.aws.athena_query import QueryContext

    athena = Athena(QueryContext(region=load.region), load.credentials)
    for client in (athena._client, athena.s3, athena._session.client("glue")):
        url = client.meta.endpoint_url
        assert url == URL if binding is LOCAL else url.endswith(".amazonaws.com"), url
    keys = athena._session.get_credentials()
    assert keys is not None
    assert keys.access_key == (KEY if binding is LOCAL else "AKIAUSER")
    place = open_s3_filesystem(load.region, load.credentials).__reduce__()[1][0]["endpoint_override"]
    assert place == ("127.0.0.1:41234" if binding is LOCAL else "")


def test_secrets_are_not_in_the_catalogs_configuration() -> None:
    bound = bind_catalog({"a": CSV, "b": {**CSV, "credentials": "own"}}, LOCAL, lambda: CREDENTIALS)
    assert SECRET not in json.dumps(bound)
    assert "own-secret" not in json.dumps(bound)
    assert SECRET not in repr(LOCAL)


@pytest.mark.parametrize("own", [False, True], ids=["Kedro's", "the project's"])
def test_any_config_loader_can_be_bound(tmp_path: Path, own: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = tmp_path / "conf"
    (conf / "base").mkdir(parents=True)
    (conf / "base" / "catalog.yml").write_text(f"a: {json.dumps(CSV)}\n", encoding="utf-8")

    class Own(AbstractConfigLoader):
        def __getitem__(self, key: str) -> Any:
            return {"catalog": {"a": CSV}}[key] if key == "catalog" else {}

    loader = Own(str(conf)) if own else OmegaConfigLoader(str(conf), base_env="base", default_run_env="base")
    before = loader["catalog"]
    from kedro_aws_plugin.session.session import Session

    monkeypatch.setattr(Session, "find_binding", lambda _: LOCAL)
    monkeypatch.setattr(loader, "_kedro_aws_session", object.__new__(Session), raising=False)
    bind_loader(loader)
    bind_loader(loader)
    assert before == {"a": CSV}
    catalog = DataCatalog.from_config(loader["catalog"], loader["credentials"])
    assert look(catalog["a"]._fs) == LOCALLY
    assert type(loader).__mro__.count(type(loader)) == 1
    assert isinstance(loader, Own if own else OmegaConfigLoader)
    assert "AWS_ENDPOINT_URL" not in os.environ or os.environ["AWS_ENDPOINT_URL"] != URL


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of the project: the names of its datasets have one dot, as those of kedro-datasets."""
    (tmp_path / "shop_datasets.py").write_text(
        "from kedro.io import AbstractDataset\n"
        "from kedro_aws_plugin.datasets import AthenaQueryDataset\n"
        "class Query(AthenaQueryDataset): pass\n"
        "class Price(AbstractDataset):\n"
        "    def __init__(self, filepath): self.filepath = filepath\n"
        "    def _load(self): return self.filepath\n"
        "    def _save(self, data): pass\n"
        "    def _describe(self): return {}\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("shop_datasets", None)


@pytest.mark.usefixtures("shop")
def test_datasets_of_the_project_are_no_datasets_of_kedros() -> None:
    price = {"type": "shop_datasets.Price", "filepath": "s3://flights/price"}
    assert make(price, LOCAL).load() == "s3://flights/price"
    query = {"type": "shop_datasets.Query", "sql": "SELECT 1"}
    bound = bind_catalog({"query": query}, LOCAL, lambda: CREDENTIALS)["query"]
    ours = {**query, "type": "kedro_aws_plugin.datasets.AthenaQueryDataset"}
    assert bound == {**bind_catalog({"query": ours}, LOCAL, dict)["query"], "type": query["type"]}
