"""Planning of many endpoints: the time for 500, and whether it grows with their number and no faster.

Each endpoint has settings of its own in aws.yml and serves one version, and another one is to be deployed:
the plan creates a model and an endpoint config, updates the endpoint, checks it, and removes what nothing
uses any more. What AWS has is given, so that choosing the settings, planning and what a dry run prints is
measured, in processor time of this process. 500 and 5000 endpoints are planned in turn.
"""

import argparse
import statistics
import time
from functools import partial

from common import in_turn, ratio_of, row, spread, verdict

from kedro_aws_plugin.config import AwsConfig, merge_deploy
from kedro_aws_plugin.plan.deployment import Deployment
from kedro_aws_plugin.plan.endpoint import plan_endpoint
from kedro_aws_plugin.plan.observed import IN_SERVICE, Endpoint, Former, Sample, Serving
from kedro_aws_plugin.plan.tags import make_project_tags

SECONDS_GOAL, GROWTH_GOAL = 1.0, 12.0
_ENDPOINTS, _TIMES = 500, 10
_PACKAGES = "arn:aws:sagemaker:eu-west-1:123456789012:model-package"
_ROLE = "arn:aws:iam::123456789012:role/a-role"
_SAMPLE = Sample(b"a,b\n1,2\n", b'{"predictions": [1.0]}')


def make_config(endpoints: int) -> AwsConfig:
    """Make an aws.yml with as many endpoints."""
    vpc = {"subnets": ["subnet-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"]}
    named = {
        f"e{number}": {
            "group": f"g{number}",
            "instance_count": number % 5 + 1,
            "environment": {"N": str(number)},
        }
        for number in range(endpoints)
    }
    deploy = {"vpc": vpc, "tags": {"team": "a"}, "volume_kms_key": "alias/k", "endpoints": named}
    values = {"env": "aws", "target": "aws", "region": "eu-west-1", "bucket": "a-bucket", "deploy": deploy}
    return AwsConfig.model_validate(values)


def plan_all(config: AwsConfig, endpoints: int) -> float:
    """Plan every endpoint, as a dry run does; return the seconds of the processor."""
    tags = make_project_tags("a_project", config.env, config.bucket)
    began = time.process_time()
    for number in range(endpoints):
        name = f"e{number}"
        deploy = merge_deploy(config, {"endpoint": name})
        wanted = Deployment(
            f"{_PACKAGES}/g{number}/2", _ROLE, deploy, tags, f"Its log: kedro aws logs {name}"
        )
        serving = f"{name}-aaaaaaaa"
        endpoint = Endpoint(name, IN_SERVICE, serving, tags={**tags, "team": "a"}, arn=f"arn:aws:{name}")
        observed = Serving(
            endpoint,
            models=frozenset(),
            config_exists=False,
            former=Former(serving, {"AllTraffic": _SAMPLE}),
            serves=(f"{_PACKAGES}/g{number}/1",),
            made={serving: (f"{name}-11111111",), f"{name}-bbbbbbbb": (f"{name}-22222222",)},
        )
        steps = plan_endpoint(wanted, observed, {wanted.package: _SAMPLE}).as_json()["steps"]
        if [each["step"] for each in steps][-2:] != ["DeleteModel", "DeleteEndpointConfig"]:
            raise SystemExit(f"The plan of {name} is not the expected one: {steps}")
    return time.process_time() - began


def main() -> None:
    """Print the time for 500 endpoints, and how it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="how many times each is measured")
    pairs = parser.parse_args().pairs
    few, many = _ENDPOINTS, _ENDPOINTS * _TIMES
    measured = in_turn(
        partial(plan_all, make_config(many), many), partial(plan_all, make_config(few), few), pairs
    )
    row(f"{few} endpoints", spread([less for _, less in measured]))
    row(f"{many} endpoints", spread([more for more, _ in measured]))
    verdict(statistics.median(less for _, less in measured), SECONDS_GOAL, "s")
    growth = ratio_of(measured)
    row(f"time, {many} by {few} endpoints", str(growth))
    verdict(growth.median, GROWTH_GOAL)


if __name__ == "__main__":
    main()
