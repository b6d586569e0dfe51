"""What botocore knows about services, read soon."""

from pathlib import Path
from typing import get_args

import pytest
from botocore.exceptions import DataNotFoundError
from botocore.session import get_session

from kedro_aws_plugin.aws.service_models import make_session
from kedro_aws_plugin.plan.steps import Service


@pytest.mark.parametrize("service", [*get_args(Service), "sso", "sso-oidc"])
def test_a_description_is_the_one_that_botocore_reads(service: str) -> None:
    ours = make_session().get_component("data_loader")
    usual = get_session().get_component("data_loader")
    for kind in ("service-2", "endpoint-rule-set-1"):
        assert ours.load_service_model(service, kind) == usual.load_service_model(service, kind)


def test_a_kind_of_description_that_a_service_has_not_is_refused_as_botocore_does() -> None:
    with pytest.raises(DataNotFoundError):
        make_session().get_component("data_loader").load_service_model("sts", "waiters-2")


def test_an_unknown_service_is_refused_as_botocore_does() -> None:
    with pytest.raises(DataNotFoundError, match="Unknown service"):
        make_session().get_component("data_loader").load_service_model("no-such-service", "service-2")


def test_a_description_in_the_users_own_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own-service" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text('{"metadata": {"serviceId": "own"}}', encoding="utf-8")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    loader = make_session().get_component("data_loader")
    assert loader.load_service_model("own-service", "service-2")["metadata"] == {"serviceId": "own"}
    assert loader.load_service_model("sts", "service-2")["metadata"]["serviceId"] == "STS"
