"""AWS's own SDK on what the plugin registered: a client nobody here wrote."""

import json

import pytest
from click.testing import CliRunner

from kedro_aws_plugin.cli import commands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("small_project")
def test_sagemaker_core_reads_deploys_and_invokes_what_was_registered() -> None:
    registered = CliRunner().invoke(commands, ["aws", "register-model", "--approve", "-o", "json"])
    assert registered.exit_code == 0, registered.stderr
    arn = json.loads(registered.stdout)["results"][-1]["arn"]

    from sagemaker.core.resources import Endpoint, EndpointConfig, Model, ModelPackage
    from sagemaker.core.shapes import ContainerDefinition, ProductionVariant

    package = ModelPackage.get(model_package_name=arn)
    assert package.model_approval_status == "Approved"
    assert package.customer_metadata_properties["model_entry"] == "regressor"
    assert package.inference_specification.containers[0].model_data_url.endswith("/model.tar.gz")

    model = Model.create(
        model_name="by-sagemaker-core",
        primary_container=ContainerDefinition(model_package_name=arn),
        execution_role_arn="arn:aws:iam::123456789012:role/service-role/any",
    )
    config = EndpointConfig.create(
        endpoint_config_name="by-sagemaker-core",
        production_variants=[
            ProductionVariant(
                variant_name="AllTraffic",
                model_name=model.model_name,
                instance_type="ml.m5.large",
                initial_instance_count=1,
            )
        ],
    )
    endpoint = Endpoint.create(
        endpoint_name="by-sagemaker-core", endpoint_config_name=config.endpoint_config_name
    )
    endpoint.wait_for_status("InService", poll=1)
    answer = endpoint.invoke(body=b"engines,crew\n5,2\n", content_type="text/csv", accept="application/json")
    assert json.loads(answer.body.read()) == {"predictions": [pytest.approx(502.0)]}
    endpoint.delete()
