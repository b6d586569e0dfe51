"""Every action that may change something on AWS, one frozen dataclass each, in a module for each service.

A step knows its AWS operation and the request that it sends: `apply` sends it, a dry run prints it.
"""

from kedro_aws_plugin.plan.steps.base import PlainStep, Request, Result, Service
from kedro_aws_plugin.plan.steps.ref import Ref

__all__ = ["PlainStep", "Ref", "Request", "Result", "Service"]
