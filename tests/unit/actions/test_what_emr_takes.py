"""What of `pipelines:` in aws.yml a job on EMR Serverless can follow; the rest is refused by its key."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from kedro_aws_plugin.actions.targets.emr_serverless import EmrServerless
from kedro_aws_plugin.config.pipelines import GroupBy, Pipelines
from kedro_aws_plugin.errors import ProjectError

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"


def adapt(stated: dict[str, Any], group_by: GroupBy | None = None) -> Pipelines:
    target = EmrServerless(cast(Any, SimpleNamespace()))
    return target.adapt(Pipelines.model_validate(stated), group_by)


def test_all_nodes_are_one_step_whatever_aws_yml_says() -> None:
    assert adapt({"group_by": "node"}).group_by == "all"
    stated = {"resources": {"timeout_minutes": 90, "environment": {"A": "1"}, "runner": "ThreadRunner"}}
    assert adapt(stated, "all").resources == Pipelines.model_validate(stated).resources


@pytest.mark.parametrize(
    ("stated", "group_by", "named"),
    [
        ({}, "node", "--group-by node"),
        ({"steps": {"one": {"nodes": ["a"]}}}, None, "`pipelines.steps`"),
        ({"image": IMAGE}, None, "`pipelines.image` is for jobs of SageMaker"),
        ({"install": "wheelhouse"}, None, "`pipelines.install` is for jobs of SageMaker"),
        (
            {"vpc": {"subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"]}},
            None,
            "`pipelines.vpc` is for jobs of SageMaker",
        ),
        (
            {"resources": {"instance_type": "ml.m5.large"}},
            None,
            "`pipelines.resources.instance_type` is for jobs of SageMaker",
        ),
        (
            {"resources": {"job": "training", "spot": True}},
            None,
            "`pipelines.resources.job` is for jobs of SageMaker",
        ),
    ],
)
def test_what_only_sagemaker_knows_is_refused_by_its_key(
    stated: dict[str, Any], group_by: GroupBy | None, named: str
) -> None:
    """An instance type that nobody looks at would be a promise, also where it is the default one."""
    with pytest.raises(ProjectError) as refused:
        adapt(stated, group_by)
    assert named in refused.value.message
