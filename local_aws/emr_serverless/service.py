"""EMR Serverless as a service of the overlay."""

from local_aws.emr_serverless.applications import Applications
from local_aws.emr_serverless.job_runs import JobRuns, Machine
from local_aws.emr_serverless.store import Store
from local_aws.kept.tables import OpenRoom, open_nothing
from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import invalid
from local_aws.protocol.rest_json import RestJsonService

_MAX_TAGS = 50


class EmrServerless:
    """The part of EMR Serverless that the local AWS runs: its service and its state.

    Args:
        machine: What job runs work with.
        region: The region of requests that are not signed.
        open_room: Makes the tables, with what is kept of them.
    """

    def __init__(self, machine: Machine, region: str, open_room: OpenRoom = open_nothing) -> None:
        self._store = Store(open_room)
        applications = Applications(self._store)
        self._job_runs = JobRuns(self._store, applications, machine)
        operations = {
            **applications.operations(),
            **self._job_runs.operations(),
            **_Tags(self._store).operations(),
        }
        self.api = RestJsonService("emr-serverless", operations, region)
        self._job_runs.take_over()

    def count(self) -> dict[str, int]:
        """Count what there is, for `status`."""
        with self._store.lock:
            applications = [
                each for each in self._store.applications.values() if each["state"] != "TERMINATED"
            ]
            return {"applications": len(applications), "job runs": len(self._store.job_runs)}

    def reset(self) -> None:
        """Forget everything, and stop every job run."""
        self._store.clear()
        self._job_runs.stop_all()


class _Tags:
    """The operations on tags of applications and job runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list,
        }

    def tag(self, region: str, params: Params) -> Params:
        """TagResource."""
        with self._store.lock:
            found = self._store.find_by_arn(region, params["resourceArn"])
            merged = {**found["tags"], **params["tags"]}
            if len(merged) > _MAX_TAGS:
                raise invalid(f"A resource has at most {_MAX_TAGS} tags.")
            found["tags"] = merged
            return {}

    def untag(self, region: str, params: Params) -> Params:
        """UntagResource."""
        with self._store.lock:
            found = self._store.find_by_arn(region, params["resourceArn"])
            found["tags"] = {key: each for key, each in found["tags"].items() if key not in params["tagKeys"]}
            return {}

    def list(self, region: str, params: Params) -> Params:
        """ListTagsForResource."""
        with self._store.lock:
            return {"tags": dict(self._store.find_by_arn(region, params["resourceArn"])["tags"])}
