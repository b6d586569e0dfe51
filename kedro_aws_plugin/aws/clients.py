"""Settings that all boto3 clients share: user agent, retries, and a check of answers."""

import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from kedro_aws_plugin._version import __version__


def make_client_config(attempts: int, *, soon: bool = False) -> Config:
    """Make the configuration of a client.

    Args:
        attempts: How often a request is sent again, at increasing intervals, before its error is raised.
        soon: Whether to send it again only twice, for an AWS that answers at once or not at all.
    """
    common = Config(
        user_agent_extra=f"kedro-aws-plugin/{__version__}",
        connect_timeout=5,
        max_pool_connections=16,
    )
    if soon:
        return common.merge(Config(retries={"mode": "standard", "max_attempts": 2}))
    return common.merge(Config(retries={"mode": "adaptive", "max_attempts": attempts}))


def expect_whole_answers(session: boto3.session.Session) -> None:
    """Raise for answers that broke off within their headers, which botocore reads as an empty success.

    Args:
        session: The session; the check applies to the clients that it creates from now on. (botocore itself
            refuses XML without a body.)
    """
    session.events.register("before-parse", _check_answer)


def _check_answer(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    headers = {name.lower() for name in response_dict["headers"]}
    broken = not response_dict["body"] and not headers & {"content-length", "transfer-encoding"}
    service = operation_model.service_model
    if broken and service.protocol != "rest-xml":
        raise ConnectionClosedError(endpoint_url=os.environ.get("AWS_ENDPOINT_URL", service.endpoint_prefix))
