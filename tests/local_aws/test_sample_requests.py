"""The requests that other tests make of botocore's shapes: AWS would accept their form."""

import pytest
from sample_requests import add_member, make_request

from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.service_model import find_violations, load_service_model


@pytest.mark.parametrize("service", ["sagemaker", "athena", "glue"])
@pytest.mark.parametrize("everything", [False, True])
def test_the_service_model_allows_them(service: str, everything: bool) -> None:
    broken = {}
    for operation in load_service_model(service).operation_names:
        if everything and TABLES[service].find(operation) is Support.REFUSED:
            continue
        params = make_request(service, operation, everything)
        if found := find_violations(service, operation, params):
            broken[operation] = found[0]
    assert broken == {}


def test_a_member_is_added_where_it_belongs() -> None:
    params = add_member("sagemaker", "CreateEndpointConfig", "ProductionVariants.CoreDumpConfig")
    assert set(params["ProductionVariants"][0]) == {"VariantName", "CoreDumpConfig"}
    assert set(params["ProductionVariants"][0]["CoreDumpConfig"]) == {"DestinationS3Uri", "KmsKeyId"}
