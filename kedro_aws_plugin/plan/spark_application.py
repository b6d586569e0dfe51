"""Plan that EMR Serverless has an application for a job: (wanted, observed) -> its id and the steps to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from kedro_aws_plugin.errors import AwsError
from kedro_aws_plugin.plan.execution import make_token
from kedro_aws_plugin.plan.pipeline import PipelineRequest
from kedro_aws_plugin.plan.steps import Ref
from kedro_aws_plugin.plan.steps.any_step import Step
from kedro_aws_plugin.plan.steps.emr_serverless import CreateApplication, WaitForApplication

TERMINATED = "TERMINATED"
READY = ("CREATED", "STARTING", "STARTED", "STOPPED")
"""The states in which an application takes a job: it starts by itself."""


@dataclass(frozen=True)
class Application:
    """An application of EMR Serverless.

    Attributes:
        id: Its id.
        arn: Its ARN.
        release: Its release.
        status: Its state.
        tags: Its tags.
        subnets: Its subnets.
    """

    id: str
    arn: str
    release: str
    status: str
    tags: Mapping[str, str] = field(default_factory=dict)
    subnets: tuple[str, ...] = ()


def plan_application(
    wanted: PipelineRequest, application: Application | None
) -> tuple[str | Ref, list[Step]]:
    """Plan that an application takes jobs: make one if there is none.

    Args:
        wanted: What is to run.
        application: The application as it is; None if there is none yet.

    Returns:
        Its id, and the steps to it.

    Raises:
        AwsError: If it is deleted.
    """
    if application is None:
        once = make_token(wanted.name, "create", wanted.run_id)
        create = CreateApplication(json.loads(wanted.definition)["application"], once)
        made = Ref(create, "application")
        return made, [create, WaitForApplication(made, READY)]
    if application.status == TERMINATED:
        raise AwsError(
            f"Application {application.id} is deleted. Remove `pipelines.emr_serverless.application_id` "
            "from aws.yml, or name another one."
        )
    waits = application.status not in READY
    return application.id, [WaitForApplication(application.id, READY)] if waits else []
