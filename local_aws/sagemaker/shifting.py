"""The stages of an update: an endpoint's requests go to the new fleet, more and more of them."""

import time
from typing import Any

from local_aws.protocol.resources import Region, Resource, Resources, pick
from local_aws.sagemaker.deployment import Deployment, Deployments
from local_aws.sagemaker.rollout import Rollout

_LOOK_SECONDS = 0.2


class Stopped(Exception):
    """An update does not go on. The text becomes the endpoint's FailureReason."""


class Shifting:
    """An update of an endpoint, as DescribeEndpoint shows it.

    Args:
        resources: The resources, for their lock and clock.
        deployments: What serves the endpoints.
        here: The region.
        endpoint: The endpoint.
        config: The endpoint config that is to serve.
    """

    def __init__(
        self,
        resources: Resources,
        deployments: Deployments,
        here: Region,
        endpoint: Resource,
        config: Resource,
    ) -> None:
        self._resources = resources
        self._deployments = deployments
        self._here = here
        self._endpoint = endpoint
        self._config = config
        self._name = endpoint["EndpointName"]
        self._began = time.monotonic()

    def run(self, deployment: Deployment, rollout: Rollout) -> None:
        """Go through the stages, and the wait before the old fleet is ended.

        Raises:
            Stopped: If an update may not go on.
        """
        for stage in rollout.stages:
            self.show("ActivatingTraffic")
            self._check(rollout)
            self._deployments.shift(self._here.name, self._name, deployment, stage.share)
            self.show("Baking")
            self._wait(stage.seconds, rollout)
        self._wait(rollout.termination_seconds, rollout)

    def go_back(self, deployment: Deployment) -> None:
        """Let the former deployment answer all requests again."""
        with self._resources.lock:
            if self._is_wanted() and self._endpoint["EndpointStatus"] == "Updating":
                self._endpoint["EndpointStatus"] = "RollingBack"
        self._deployments.shift(self._here.name, self._name, deployment, 0.0)

    def show(self, status: str) -> None:
        """Show a VariantStatus of the variants to come."""
        with self._resources.lock:
            pending = self._endpoint.get("PendingDeploymentSummary")
            if pending is None:  # an endpoint that is being created
                return
            stage = {"Status": status, "StartTime": self._resources.now()}
            variants = [_show_pending(each, stage) for each in self._config["ProductionVariants"]]
            self._endpoint["PendingDeploymentSummary"] = {**pending, "ProductionVariants": variants}

    def _wait(self, seconds: float, rollout: Rollout) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_SECONDS))
            self._check(rollout)

    def _check(self, rollout: Rollout) -> None:
        """Check that the update may go on.

        Raises:
            Stopped: If not.
        """
        if not self._is_wanted():
            raise Stopped("The endpoint was deleted.")
        if alarming := self._find_alarming(rollout):
            raise Stopped(
                f"The update was rolled back because of alarms in the state ALARM: {', '.join(alarming)}."
            )
        if time.monotonic() - self._began > rollout.timeout_seconds:
            raise Stopped(
                f"The update took longer than MaximumExecutionTimeoutInSeconds ({rollout.timeout_seconds})."
            )

    def _find_alarming(self, rollout: Rollout) -> list[str]:
        if not rollout.alarms:
            return []
        return self._deployments.alarms.find_alarming(self._here.name, rollout.alarms)

    def _is_wanted(self) -> bool:
        with self._resources.lock:
            return self._here.endpoints.get(self._name) is self._endpoint


def _show_pending(variant: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
    """Make the form in which DescribeEndpoint shows a variant to come."""
    shown = {
        **pick(variant, ("VariantName", "InstanceType")),
        "DesiredWeight": variant["InitialVariantWeight"],
        "VariantStatus": [stage],
    }
    if "ServerlessConfig" in variant:
        return {**shown, "DesiredServerlessConfig": variant["ServerlessConfig"]}
    return {**shown, "DesiredInstanceCount": variant["InitialInstanceCount"]}
