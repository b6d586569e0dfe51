"""When two submissions under one run id are the same request, which starts one execution."""

from dataclasses import replace

import pytest

from kedro_aws_plugin.plan.steps.pipelines import StartPipelineExecution
from kedro_aws_plugin.plan.submission import PipelineRequest, plan_submission
from kedro_aws_plugin.plan.tags import make_project_tags

REQUEST = PipelineRequest(
    name="shop-default-dev",
    definition='{"Steps":[]}',
    role_arn="arn:aws:iam::123456789012:role/shop",
    tags=make_project_tags("shop", "dev", "my-shop"),
    bucket="my-shop",
    run_id="nightly",
    files=(),
    request=b"{}",
    request_key="requests/01.json",
)


def find_token(request: PipelineRequest) -> str:
    [start] = [
        each for each in plan_submission(request, None, ()).steps if isinstance(each, StartPipelineExecution)
    ]
    return start.token


@pytest.mark.parametrize(
    "other", [{"definition": '{"Steps":[{}]}'}, {"request_key": "requests/02.json"}, {"run_id": "nightly-2"}]
)
def test_other_code_or_parameters_are_not_answered_with_the_earlier_execution(other: dict[str, str]) -> None:
    assert find_token(replace(REQUEST, wait=False)) == find_token(REQUEST)
    assert find_token(replace(REQUEST, **other)) != find_token(REQUEST)
