"""SageMaker's operations on endpoints."""

import logging
import threading
from collections.abc import Callable, Sequence

from local_aws.kept.database import NotKept
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Listing, Region, Resource, Resources, read_tags
from local_aws.sagemaker.asynchronous.queues import Queues
from local_aws.sagemaker.capture import Capture, CaptureSettings, summarize
from local_aws.sagemaker.container import (
    CannotServe,
    Variant,
    read_variants,
    resolve_variants,
    write_variants,
)
from local_aws.sagemaker.deployment import Deployment
from local_aws.sagemaker.hosting import find_config
from local_aws.sagemaker.logs import LogOpener
from local_aws.sagemaker.model_worker import Host
from local_aws.sagemaker.objects import Objects
from local_aws.sagemaker.rollout import Rollout, read_rollout, retain
from local_aws.sagemaker.shifting import Shifting, Stopped

_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
_ENDPOINTS = Listing("Endpoints", "EndpointName", "EndpointArn", _SUMMARY)
_REASON_LENGTH = 1024
_IN_PROGRESS = {"Creating", "Updating", "RollingBack", "Deleting"}
_SERVING, _CAPTURING = "Serving", "Capturing"
"""The members of an endpoint that say how to serve it again. No operation shows them."""

_ASYNC = "AsyncInferenceConfig"
_INTERRUPTED = "Request to service failed: the local AWS ended meanwhile. "

_log = logging.getLogger(__name__)

EndpointLogs = Callable[[str, str], LogOpener]
"""Makes the function that opens the log streams of (region, endpoint)."""


class Endpoints:
    """Operations on endpoints. What takes time is done in a thread; callers poll DescribeEndpoint."""

    def __init__(
        self,
        resources: Resources,
        queues: Queues,
        host: Host,
        logs: EndpointLogs,
        objects: Objects,
    ) -> None:
        self._resources = resources
        self._deployments = queues.deployments
        self._queues = queues
        self._host = host
        self._logs = logs
        self._objects = objects

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.weigh,
            "DeleteEndpoint": self.delete,
        }

    def take_over(self) -> None:
        """Settle the endpoints of an earlier server. Those in service start when they are first asked for.

        What that server was doing has ended with it: a creation has failed, an update leaves the former
        config in service, a deletion is completed. Other weights are in force as soon as they are taken.
        """
        with self._resources.lock:
            for here in self._resources.list_regions():
                for endpoint in list(here.endpoints.values()):
                    self._take_over(here, endpoint)

    def _take_over(self, here: Region, endpoint: Resource) -> None:
        status = endpoint["EndpointStatus"]
        if status == "Deleting":
            self._delete(here, endpoint)
            return
        if status == "Creating":
            hint = "Delete the endpoint, then create it again."
            self._settle(here, endpoint, failure=f"{_INTERRUPTED}{hint}")
        elif status == "Updating" and "PendingDeploymentSummary" not in endpoint:
            self._settle(here, endpoint)
        elif status in ("Updating", "RollingBack"):
            self._settle(here, endpoint, failure=f"{_INTERRUPTED}The former config serves; update it again.")
        if endpoint["EndpointStatus"] == "InService":
            self._leave_asleep(here, endpoint)
            self._queues.open(here, endpoint)

    def _leave_asleep(self, here: Region, endpoint: Resource) -> None:
        self._deployments.leave_asleep(
            here.name,
            endpoint["EndpointName"],
            lambda: self._start(here, endpoint, read_variants(endpoint[_SERVING]), endpoint.get(_CAPTURING)),
        )

    def scale(self, region: str, name: str, count: int) -> None:
        """Give an asynchronous endpoint in service some instances, or none: its processes end, or start."""
        with self._resources.lock:
            here = self._resources[region]
            endpoint = here.endpoints.get(name, {})
            state = self._queues.look(region, name)
            if state is None or endpoint["EndpointStatus"] != "InService":
                return
            if count == 0 and (state.idle_seconds is None or not state.has_capacity):
                return  # a request has come meanwhile
            for variant in endpoint["ProductionVariants"]:
                variant.update(CurrentInstanceCount=count, DesiredInstanceCount=count)
            deployment = self._deployments.withdraw(region, name) if count == 0 else None
            if count == 0:
                self._leave_asleep(here, endpoint)
            self._queues.open(here, endpoint)
            self._keep()
        self._run_in_background(self._retire, deployment)

    def create(self, region: str, params: Params) -> Params:
        """CreateEndpoint: the endpoint is Creating, then InService or Failed."""
        with self._resources.lock:
            here = self._resources[region]
            name = params["EndpointName"]
            arn = here.make_arn("endpoint", name.lower())
            if here.holds(arn):
                raise invalid(f'Cannot create already existing endpoint "{arn}".')
            config = find_config(here, params["EndpointConfigName"])
            now = self._resources.now()
            endpoint = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": config["EndpointConfigName"],
                "EndpointStatus": "Creating",
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            here.endpoints[name] = endpoint
            here.tags[arn] = read_tags(params)
            self._run_in_background(self._deploy, here, endpoint, config, Rollout())
            return {"EndpointArn": arn}

    def describe(self, region: str, params: Params) -> Params:
        """DescribeEndpoint."""
        with self._resources.lock:
            endpoint = find_endpoint(self._resources[region], params["EndpointName"])
            return {name: value for name, value in endpoint.items() if name not in (_SERVING, _CAPTURING)}

    def list(self, region: str, params: Params) -> Params:
        """ListEndpoints."""
        with self._resources.lock:
            endpoints = list(self._resources[region].endpoints.values())
            if "StatusEquals" in params:
                endpoints = [each for each in endpoints if each["EndpointStatus"] == params["StatusEquals"]]
            return _ENDPOINTS.page(endpoints, params)

    def update(self, region: str, params: Params) -> Params:
        """UpdateEndpoint: the old config serves until the new one is healthy, and stays if it never is.

        Then the requests are shifted as the DeploymentConfig says. As on AWS, a serverless endpoint can be
        updated to instances, but not the other way round.
        """
        with self._resources.lock:
            here = self._resources[region]
            endpoint = self._find_settled(here, params["EndpointName"])
            if endpoint["EndpointStatus"] == "Failed":
                raise invalid(
                    f'Cannot update endpoint "{endpoint["EndpointArn"]}" in status Failed; delete it.'
                )
            current = find_config(here, endpoint["EndpointConfigName"])
            config = find_config(here, params["EndpointConfigName"])
            if _is_serverless(config) and not _is_serverless(current):
                raise invalid(
                    f'Cannot update instance-based endpoint "{endpoint["EndpointArn"]}" to serverless '
                    f'endpoint configuration "{config["EndpointConfigArn"]}"; '
                    "delete the endpoint and create it anew."
                )
            _check_type(endpoint, config)
            deployment = _choose_deployment(params, endpoint)
            variants = retain(config["ProductionVariants"], endpoint.get("ProductionVariants", []), params)
            rollout = read_rollout(deployment, current["ProductionVariants"], variants)
            self._deployments.alarms.check(region, rollout.alarms)
            now = self._resources.now()
            endpoint.update(EndpointStatus="Updating", LastModifiedTime=now)
            endpoint.pop("FailureReason", None)
            endpoint.pop("LastDeploymentConfig", None)
            if deployment:
                endpoint["LastDeploymentConfig"] = deployment
            endpoint["PendingDeploymentSummary"] = {
                "EndpointConfigName": config["EndpointConfigName"],
                "StartTime": now,
                "ProductionVariants": [],
            }
            config = {**config, "ProductionVariants": variants}
            Shifting(self._resources, self._deployments, here, endpoint, config).show("Creating")
            self._run_in_background(self._deploy, here, endpoint, config, rollout)
            return {"EndpointArn": endpoint["EndpointArn"]}

    def weigh(self, region: str, params: Params) -> Params:
        """UpdateEndpointWeightsAndCapacities: other weights from now on; instance counts are recorded."""
        with self._resources.lock:
            here = self._resources[region]
            endpoint = self._find_settled(here, params["EndpointName"])
            arn = endpoint["EndpointArn"]
            if endpoint["EndpointStatus"] == "Failed":
                raise invalid(f'Cannot update endpoint "{arn}" in status Failed; delete it.')
            wanted = {each["VariantName"]: each for each in params["DesiredWeightsAndCapacities"]}
            shown = {each["VariantName"]: each for each in endpoint["ProductionVariants"]}
            for name, each in wanted.items():
                if name not in shown:
                    raise invalid(f'Could not find variant "{name}" of endpoint "{arn}".')
                if "DesiredInstanceCount" in each and "CurrentServerlessConfig" in shown[name]:
                    raise invalid(f"DesiredInstanceCount cannot be specified for serverless variant {name}.")
            endpoint["ProductionVariants"] = [
                _weigh_variant(each, wanted.get(name, {})) for name, each in shown.items()
            ]
            changes = {name: _read_changes(each) for name, each in wanted.items()}
            endpoint[_SERVING] = [{**each, **changes.get(each["name"], {})} for each in endpoint[_SERVING]]
            self._deployments.change(region, endpoint["EndpointName"], changes)
            endpoint.pop("FailureReason", None)
            endpoint.update(EndpointStatus="Updating", LastModifiedTime=self._resources.now())
            self._run_in_background(self._settle_instances, here, endpoint)
            return {"EndpointArn": arn}

    def delete(self, region: str, params: Params) -> Params:
        """DeleteEndpoint: the endpoint is Deleting until its processes have ended."""
        with self._resources.lock:
            here = self._resources[region]
            endpoint = self._find_settled(here, params["EndpointName"])
            endpoint.update(EndpointStatus="Deleting", LastModifiedTime=self._resources.now())
            self._queues.close(here, endpoint["EndpointName"])
            deployment = self._deployments.withdraw(region, endpoint["EndpointName"])
            self._run_in_background(self._remove, here, endpoint, deployment)
            return {}

    def _find_settled(self, here: Region, name: str) -> Resource:
        endpoint = find_endpoint(here, name)
        if endpoint["EndpointStatus"] in _IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
        return endpoint

    def _deploy(self, here: Region, endpoint: Resource, config: Resource, rollout: Rollout) -> None:
        shifting = Shifting(self._resources, self._deployments, here, endpoint, config)
        try:
            self._logs(here.name, endpoint["EndpointName"])  # it has a log, even if its model cannot be run
            with self._resources.lock:
                variants = resolve_variants(here, config)
            captured = config.get("DataCaptureConfig")
            deployment = self._start(here, endpoint, variants, captured)
            self._shift(shifting, deployment, rollout)
        except (CannotServe, AwsFault, Stopped) as error:
            self._settle(here, endpoint, failure=error.message if isinstance(error, AwsFault) else str(error))
            return
        except Exception as error:  # noqa: BLE001 - the endpoint must not stay in Creating, whatever the error
            _log.exception("endpoint %s", endpoint["EndpointName"])
            self._settle(here, endpoint, failure=f"The local AWS failed: {type(error).__name__}: {error}")
            return
        with self._resources.lock:
            wanted = here.endpoints.get(endpoint["EndpointName"]) is endpoint
            old = (
                self._deployments.serve(here.name, endpoint["EndpointName"], deployment)
                if wanted
                else deployment
            )
            endpoint["EndpointConfigName"] = config["EndpointConfigName"]
            for kind in ("ProductionVariants", "ShadowProductionVariants"):
                endpoint[kind] = [_describe_variant(each) for each in config.get(kind, [])] or None
            endpoint["DataCaptureConfig"] = summarize(captured)
            endpoint[_ASYNC] = config.get(_ASYNC)
            endpoint[_SERVING], endpoint[_CAPTURING] = write_variants(variants), captured
            self._settle(here, endpoint)
            if wanted:
                self._queues.open(here, endpoint)
        self._retire(old)

    def _shift(self, shifting: Shifting, deployment: Deployment, rollout: Rollout) -> None:
        """Shift the requests; if that is stopped, the former deployment gets all of them again.

        Raises:
            Stopped: If it is stopped, with the reason.
        """
        try:
            shifting.run(deployment, rollout)
        except BaseException:
            shifting.go_back(deployment)
            self._retire(deployment)
            raise

    def _start(
        self, here: Region, endpoint: Resource, variants: Sequence[Variant], captured: Params | None
    ) -> Deployment:
        name = endpoint["EndpointName"]
        open_log = self._logs(here.name, name)
        settings = CaptureSettings.read(captured)
        capture = Capture(name, settings, self._objects, open_log("data-capture")) if settings else None
        deployment = Deployment(variants, self._host, open_log, capture)
        self._deployments.add(deployment)
        try:
            deployment.start()
        except BaseException:
            self._deployments.forget(deployment)
            raise
        return deployment

    def _settle(self, here: Region, endpoint: Resource, failure: str | None = None) -> None:
        """End a creation or an update. After a failed update the former config still serves."""
        with self._resources.lock:
            failed_creation = failure is not None and endpoint["EndpointStatus"] == "Creating"
            endpoint.pop("PendingDeploymentSummary", None)
            if failure is not None:
                endpoint["FailureReason"] = failure[:_REASON_LENGTH]
            endpoint.update(
                EndpointStatus="Failed" if failed_creation else "InService",
                LastModifiedTime=self._resources.now(),
            )
            here.endpoints.get(endpoint["EndpointName"])  # it has changed
            self._keep()

    def _settle_instances(self, here: Region, endpoint: Resource) -> None:
        """End a change of instance counts: an asynchronous endpoint may have its first instance again."""
        with self._resources.lock:
            self._settle(here, endpoint)
            self._queues.open(here, endpoint)

    def _keep(self) -> None:
        """Write what was changed outside of a request."""
        try:
            self._resources.flush()
        except NotKept as error:
            _log.error("%s", error)

    def _remove(self, here: Region, endpoint: Resource, deployment: Deployment | None) -> None:
        self._retire(deployment)
        with self._resources.lock:
            if here.endpoints.get(endpoint["EndpointName"]) is endpoint:
                self._delete(here, endpoint)

    def _delete(self, here: Region, endpoint: Resource) -> None:
        del here.endpoints[endpoint["EndpointName"]]
        here.tags.pop(endpoint["EndpointArn"], None)
        self._keep()

    def _retire(self, deployment: Deployment | None) -> None:
        if deployment is not None:
            deployment.retire()
            self._deployments.forget(deployment)

    @staticmethod
    def _run_in_background(task: Callable[..., None], *args: object) -> None:
        threading.Thread(target=task, args=args, name=task.__name__, daemon=True).start()


def find_endpoint(here: Region, name: str) -> Resource:
    """Find an endpoint by its name.

    Raises:
        AwsFault: If there is none.
    """
    if name not in here.endpoints:
        raise invalid(f'Could not find endpoint "{here.make_arn("endpoint", name.lower())}".')
    return here.endpoints[name]


def _check_type(endpoint: Resource, config: Resource) -> None:
    """Refuse to make an endpoint asynchronous that is not, or the other way round, as AWS does."""
    was, will_be = endpoint.get(_ASYNC) is not None, _ASYNC in config
    if was != will_be:
        change = "removed from" if was else "added to"
        raise invalid(
            f"The AsyncInferenceConfig parameter cannot be {change} this endpoint "
            f"{endpoint['EndpointName']}. Delete the endpoint and create it anew."
        )


def _choose_deployment(params: Params, endpoint: Resource) -> Params:
    """Choose the DeploymentConfig of an update: its own, or the last one if that is to be retained."""
    given: Params = params.get("DeploymentConfig", {})
    if not params.get("RetainDeploymentConfig"):
        return given
    if given:
        raise invalid("Only one of DeploymentConfig and RetainDeploymentConfig can be specified.")
    last: Params = endpoint.get("LastDeploymentConfig", {})
    return last


def _read_changes(wanted: Params) -> Params:
    """Read what of a variant is to change, by the names of `Variant`."""
    members = {"weight": "DesiredWeight", "instances": "DesiredInstanceCount"}
    return {name: wanted[member] for name, member in members.items() if member in wanted}


def _weigh_variant(shown: Params, wanted: Params) -> Params:
    """Make the form in which DescribeEndpoint shows a variant with another weight or instance count."""
    changed: Params = {}
    if "DesiredWeight" in wanted:
        changed |= dict.fromkeys(("CurrentWeight", "DesiredWeight"), wanted["DesiredWeight"])
    if "DesiredInstanceCount" in wanted:
        count = wanted["DesiredInstanceCount"]
        changed |= dict.fromkeys(("CurrentInstanceCount", "DesiredInstanceCount"), count)
    return {**shown, **changed}


def _is_serverless(config: Resource) -> bool:
    return any("ServerlessConfig" in variant for variant in config["ProductionVariants"])


def _describe_variant(variant: Params) -> Params:
    """Make the form in which DescribeEndpoint shows a production variant."""
    weight = variant["InitialVariantWeight"]
    shown = {"VariantName": variant["VariantName"], "CurrentWeight": weight, "DesiredWeight": weight}
    if "ServerlessConfig" in variant:
        serverless = variant["ServerlessConfig"]
        return {**shown, "CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
    count = variant["InitialInstanceCount"]
    return {**shown, "CurrentInstanceCount": count, "DesiredInstanceCount": count}
