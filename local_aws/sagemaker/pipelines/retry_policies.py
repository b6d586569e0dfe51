"""The retry policies of steps: which failures are tried again, when and how often."""

from collections.abc import Sequence
from typing import Any

from local_aws.protocol.messages import AwsFault

_FAULTS = frozenset({"Step.SERVICE_FAULT", "Step.THROTTLING"})
_OF_JOBS = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}
_EXCEPTIONS = _FAULTS | set(_OF_JOBS.values())
_MEMBERS = {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"}
_MOST_ATTEMPTS = 20
_MOST_MINUTES = 14_400
_SERVER_ERROR = 500


def find_wrong_policy(policy: Any) -> str:
    """Find what is wrong with a policy; empty if nothing is."""
    if not isinstance(policy, dict) or policy.keys() - _MEMBERS:
        return f"members must be {', '.join(sorted(_MEMBERS))}"
    unknown = [each for each in _list_exceptions(policy) if each not in _EXCEPTIONS]
    if unknown or not _list_exceptions(policy):
        return f"ExceptionType must be of {', '.join(sorted(_EXCEPTIONS))}"
    if ("MaxAttempts" in policy) == ("ExpireAfterMin" in policy):
        return "either MaxAttempts or ExpireAfterMin must be set"
    if not 0 < policy.get("MaxAttempts", 1) <= _MOST_ATTEMPTS:
        return f"MaxAttempts must be at most {_MOST_ATTEMPTS}"
    if not 0 < policy.get("ExpireAfterMin", 1) <= _MOST_MINUTES:
        return f"ExpireAfterMin must be at most {_MOST_MINUTES}"
    return ""


def _list_exceptions(policy: dict[str, Any]) -> list[str]:
    given = policy.get("ExceptionType", [])
    return [given] if isinstance(given, str) else list(given)


def classify_fault(fault: AwsFault) -> str:
    """Name the exception of a request that was refused; empty if no policy covers it."""
    if "Throttl" in fault.code:
        return "Step.THROTTLING"
    if fault.code in _OF_JOBS:
        return _OF_JOBS[fault.code]
    return "Step.SERVICE_FAULT" if fault.status >= _SERVER_ERROR else ""


def classify_failure(reason: str) -> str:
    """Name the exception of a job that failed, by its FailureReason; empty if no policy covers it."""
    return _OF_JOBS.get(reason.partition(":")[0], "")


def choose_pause(
    policies: Sequence[dict[str, Any]], exception: str, attempts: int, seconds: float
) -> float | None:
    """Choose how long to wait before a step is tried again.

    Args:
        policies: The policies of the step.
        exception: Why its last attempt failed.
        attempts: How often it was tried.
        seconds: The time since its first attempt.

    Returns:
        The pause in seconds; None if it is not tried again.
    """
    policy = next((each for each in policies if exception in _list_exceptions(each)), None)
    if policy is None or attempts > policy.get("MaxAttempts", attempts):
        return None
    pause = float(policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** (attempts - 1))
    expires = policy.get("ExpireAfterMin")
    return pause if expires is None or seconds + pause <= 60 * expires else None
