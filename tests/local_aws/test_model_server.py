"""Model servers in unusual conditions: odd lines, logs that fail, a full disk."""

import time
from pathlib import Path
from typing import Any

import pytest
from local_cloud import ECHO, ENVIRONMENT, Cloud

from local_aws.protocol.resources import Resources
from local_aws.sagemaker.container import CannotServe, Container
from local_aws.sagemaker.deployment import Deployments
from local_aws.sagemaker.endpoints import Endpoints
from local_aws.sagemaker.model_server import ModelServer
from local_aws.sagemaker.model_worker import Host

ODD_LINES = [
    "kedro-aws: hello",
    "kedro-aws: 3",
    'kedro-aws: {"port": "none"}',
    'kedro-aws: {"port": null}',
    'kedro-aws: {"reason": 3}',
    'kedro-aws: {"other": 3}',
    "kedro-aws: " + "[" * 100_000,
]


def test_lines_that_begin_like_ours_are_the_models_own(cloud: Cloud):
    misleading = 'kedro-aws: {"port": 1}'
    script = "".join(f"print({line!r})\n" for line in [*ODD_LINES, misleading]) + ECHO
    assert cloud.deploy("e", "m", script)["EndpointStatus"] == "InService"
    assert cloud.invoke("e", "1") == "m:1:text/csv"
    log = (cloud.aws.log_file.parent / "logs" / "e.log").read_text()
    assert [line for line in log.splitlines() if line.startswith("kedro-aws: ")] == ODD_LINES


def test_a_log_that_cannot_be_written_stops_no_model(cloud: Cloud, tmp_path: Path, caplog):
    talkative = f"{ECHO}\nfor _ in range(5_000): print('more than fits into a pipe')\n"
    container = Container("eu-west-1", cloud.put_model("m", talkative), ENVIRONMENT)
    lines = []

    def full(line: str) -> None:
        lines.append(line)
        raise OSError(28, "No space left on device")

    server = ModelServer(container, Host(tmp_path, cloud.aws.environment()), "m", full)
    try:
        server.start()
        assert server.invoke(b"1", {"Content-Type": "text/csv"}).body == b"m:1:text/csv"
    finally:
        server.stop()
    assert len(lines) > 5_000
    (warning,) = [record for record in caplog.records if record.name.endswith("model_server")]
    assert warning.getMessage() == "lines of m are lost: [Errno 28] No space left on device"


def test_a_directory_that_cannot_be_made_is_the_reason(tmp_path: Path):
    (tmp_path / "file").write_text("")
    server = ModelServer(Container("eu-west-1"), Host(tmp_path / "file", {}), "m", [].append)
    with pytest.raises(CannotServe, match="The local AWS could not start the model's process: "):
        server.start()


class TestWhatNobodyExpects:
    """Fail to open log streams, as an example of any bug while an endpoint is deployed."""

    @pytest.fixture
    def resources(self) -> Resources:
        """Create a model and a config of it."""
        resources = Resources()
        here = resources["eu-west-1"]
        here.models["m"] = {"ModelName": "m", "Resolved": [{"Image": "uri"}]}
        variant = {
            "VariantName": "v",
            "ModelName": "m",
            "InitialVariantWeight": 1.0,
            "InitialInstanceCount": 1,
        }
        here.configs["c"] = {"EndpointConfigName": "c", "ProductionVariants": [variant]}
        return resources

    @pytest.fixture
    def endpoints(self, resources: Resources, tmp_path: Path) -> Endpoints:
        def broken(region: str, endpoint: str) -> Any:
            raise KeyError(f"{region} {endpoint}")

        return Endpoints(resources, Deployments(), Host(tmp_path, {}), broken)

    def wait_until_settled(self, endpoints: Endpoints) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            described = endpoints.describe("eu-west-1", {"EndpointName": "e"})
            if described["EndpointStatus"] not in {"Creating", "Updating"}:
                return described
            time.sleep(0.01)
        pytest.fail(f"it did not settle: {described}")

    def test_an_endpoint_that_is_created_fails(self, endpoints: Endpoints):
        endpoints.create("eu-west-1", {"EndpointName": "e", "EndpointConfigName": "c"})
        described = self.wait_until_settled(endpoints)
        assert described["EndpointStatus"] == "Failed"
        assert described["FailureReason"] == "The local AWS failed: KeyError: 'eu-west-1 e'"

    def test_an_endpoint_that_is_updated_stays_as_it_was(self, endpoints: Endpoints, resources: Resources):
        resources["eu-west-1"].endpoints["e"] = {
            "EndpointName": "e",
            "EndpointArn": "arn",
            "EndpointConfigName": "c",
            "EndpointStatus": "InService",
        }
        endpoints.update("eu-west-1", {"EndpointName": "e", "EndpointConfigName": "c"})
        described = self.wait_until_settled(endpoints)
        assert described["EndpointStatus"] == "InService"
        assert "KeyError" in described["FailureReason"]
        assert "PendingDeploymentSummary" not in described
