"""What doctor says of what is left on AWS and on the disk."""

from kedro_aws_plugin.doctor.finding import Finding
from kedro_aws_plugin.doctor.leftovers import check_disk, check_serving
from kedro_aws_plugin.plan.observed import Endpoint, Owned


def make_endpoint(name: str) -> Endpoint:
    return Endpoint(name=name, status="InService", config_name=f"{name}-00000001")


def test_nothing_is_left() -> None:
    owned = Owned(
        endpoints=(make_endpoint("price"),),
        configs=("price-00000001", "price-00000002", "of-somebody"),
        models=("price-aaaaaaaa",),
    )
    assert [each.state for each in check_serving(owned, {"price"})] == ["ok"]
    assert [each.state for each in check_serving(Owned(), {"price"})] == ["ok"]


def test_an_endpoint_that_aws_yml_does_not_name_and_what_a_deleted_one_left() -> None:
    owned = Owned(
        endpoints=(make_endpoint("price"), make_endpoint("trial")),
        configs=("price-00000001", "old-00000001", "trial-00000001"),
        models=("old-aaaaaaaa", "price-bbbbbbbb"),
    )
    trial, old = check_serving(owned, {"price"})
    assert trial == Finding(
        "leftovers",
        "warning",
        "Endpoint trial runs and costs money, and aws.yml does not name it.",
        "kedro aws destroy --endpoint trial",
    )
    assert old == Finding(
        "leftovers",
        "warning",
        "Endpoint old is gone, and these are left of it: old-00000001, old-aaaaaaaa.",
        "kedro aws destroy --endpoint old",
    )


def test_a_state_folder_is_worth_tidying_up_above_a_gigabyte() -> None:
    assert list(check_disk(0.9e9)) == []
    [full] = check_disk(2.34e9)
    assert (full.state, full.fix) == ("warning", "kedro aws local prune")
    assert "take 2.3 GB" in full.message
