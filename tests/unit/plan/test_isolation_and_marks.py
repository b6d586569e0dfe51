"""What a container without a network can be, and the room for marks in an endpoint's tags."""

import pytest

from kedro_aws_plugin.config.serving_settings import HostingSettings
from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.deployment import check_isolation
from kedro_aws_plugin.plan.observed import APPROVED, ModelPackage
from kedro_aws_plugin.plan.tags import FAILED_CHECK, ROLLED_BACK, find_crowding_marks

ISOLATED = HostingSettings(network_isolation=True)


def _version(**properties: str) -> ModelPackage:
    return ModelPackage("arn", "flights", 3, APPROVED, "", "", properties=properties)


def test_a_version_that_installs_by_pip_is_refused_without_a_network() -> None:
    with pytest.raises(AwsError) as refused:
        check_isolation(_version(requirements="pip"), ISOLATED, "deploy")
    assert refused.value.message == (
        "`deploy.network_isolation` is true, and version 3 of flights installs its requirements with pip "
        "when it "
        "starts, which needs a network. Register the model with `registry.bundle: true`, and deploy that "
        "version."
    )
    assert check_isolation(_version(requirements="pip"), HostingSettings(), "deploy") == ()


@pytest.mark.parametrize("requirements", ["none", "bundled"])
def test_a_version_that_installs_nothing_is_fine(requirements: str) -> None:
    assert check_isolation(_version(requirements=requirements), ISOLATED, "deploy") == ()


def test_of_an_older_version_it_is_not_known() -> None:
    (warning,) = check_isolation(_version(), ISOLATED, "transform")
    assert warning.startswith(
        "It is not recorded whether version 3 of flights installs requirements with pip."
    )


@pytest.mark.parametrize("own", [0, 6, 40])
def test_marks_never_fill_more_than_the_50_tags_that_aws_takes(own: int) -> None:
    tags = {
        "kedro-aws:project": "p",
        "kedro-aws:env": "e",
        "kedro-aws:bucket": "b",
        "kedro-aws:former-config": "c",
    }
    tags |= {f"own{number}": "x" for number in range(own)}
    most = 0
    for number in range(60):
        for prefix in (FAILED_CHECK, ROLLED_BACK):
            for mark in find_crowding_marks(tags, prefix):
                del tags[mark]
            tags[f"{prefix}{number}"] = "x"
            most = max(most, len(tags))
            assert len(tags) <= 50
    assert most >= min(44, 48), "the room is used"
