"""SageMaker's operations on the executions of pipelines."""

import threading
from typing import Any

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Region, Resource, pick
from local_aws.sagemaker.pipelines.coordinator import Coordinator, Processors
from local_aws.sagemaker.pipelines.definition import Definition, Step
from local_aws.sagemaker.pipelines.paging import list_page
from local_aws.sagemaker.pipelines.parameters import assign, write
from local_aws.sagemaker.pipelines.step_kinds import KINDS
from local_aws.sagemaker.pipelines.step_run import Surroundings
from local_aws.sagemaker.pipelines.store import ENDED, INTERRUPTED, STEP_FAILURE, Store, make_id

_SHOWN = (
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionDisplayName",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "FailureReason",
    "CreationTime",
    "LastModifiedTime",
    "ParallelismConfiguration",
    "SelectiveExecutionConfig",
    "PipelineVersionId",
)
_SUMMARY = (
    "PipelineExecutionArn",
    "StartTime",
    "PipelineExecutionStatus",
    "PipelineExecutionDescription",
    "PipelineExecutionDisplayName",
    "PipelineExecutionFailureReason",
)
_GIVEN = ("PipelineExecutionDescription", "ParallelismConfiguration", "SelectiveExecutionConfig")
_OF_STEP = (
    "StepName",
    "StepDisplayName",
    "StepDescription",
    "StartTime",
    "EndTime",
    "StepStatus",
    "FailureReason",
    "Metadata",
    "AttemptCount",
    "SelectiveExecutionResult",
)
_MADE_AT = 13
_END_SECONDS = 10


class Executions:
    """Operations on executions. Each runs in a thread; callers poll DescribePipelineExecution."""

    def __init__(self, store: Store, processors: Processors) -> None:
        self._store = store
        self._resources = store.resources
        self._processors = processors
        self._running: dict[str, tuple[Surroundings, threading.Thread]] = {}

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "StartPipelineExecution": self.start,
            "DescribePipelineExecution": self.describe,
            "DescribePipelineDefinitionForExecution": self.describe_definition,
            "ListPipelineExecutions": self.list,
            "ListPipelineExecutionSteps": self.list_steps,
            "ListPipelineParametersForExecution": self.list_parameters,
            "StopPipelineExecution": self.stop,
            "RetryPipelineExecution": self.retry,
            "UpdatePipelineExecution": self.update,
        }

    def take_over(self) -> None:
        """Settle the executions that an earlier server was running, whose jobs are settled already."""
        with self._resources.lock:
            for here in self._resources.list_regions():
                for execution in list(here.executions.values()):
                    if execution["PipelineExecutionStatus"] not in ENDED:
                        self._settle_interrupted(here, execution)

    def _settle_interrupted(self, here: Region, execution: Resource) -> None:
        is_stopping = execution["PipelineExecutionStatus"] == "Stopping"
        for name, record in list(execution["Steps"].items()):
            if record["StepStatus"] in ENDED:
                continue
            members = self._find_end(here, execution, name, record, is_stopping=is_stopping)
            members["EndTime"] = self._resources.now()
            self._store.change_step(here, execution, name, members)
        if is_stopping:
            self._store.change(here, execution, {"PipelineExecutionStatus": "Stopped"})
        else:
            members = {"PipelineExecutionStatus": "Failed", "FailureReason": STEP_FAILURE}
            self._store.change(here, execution, members)

    def _find_end(
        self, here: Region, execution: Resource, name: str, record: Resource, *, is_stopping: bool
    ) -> dict[str, Any]:
        """Find how a step ended whose execution was interrupted: as its job, if that is known."""
        step = self._store.find_definition(here, execution).steps[name]
        if "Made" in record and step.kind in KINDS:
            kind = KINDS[step.kind]
            job = self._store.invoke(here.name, kind.describe, {kind.name: record["Made"]})
            if not kind.status or job[kind.status] == "Completed":
                return {"StepStatus": "Succeeded"}
        return (
            {"StepStatus": "Stopped"}
            if is_stopping
            else {"StepStatus": "Failed", "FailureReason": INTERRUPTED}
        )

    def start(self, region: str, params: Params) -> Params:
        """StartPipelineExecution: the execution is Executing, then Succeeded, Failed or Stopped."""
        with self._resources.lock:
            here = self._resources[region]
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            arn = pipeline["PipelineArn"]
            known = self._store.list_executions(here, arn)
            token = params["ClientRequestToken"]
            if same := next((each for each in known if each["Token"] == token), None):
                return {"PipelineExecutionArn": same["PipelineExecutionArn"]}
            number = int(params.get("PipelineVersionId") or pipeline["Latest"])
            version = self._store.find_version(here, arn, number)
            identifier = make_id()
            now = self._resources.now()
            execution = {
                "PipelineArn": arn,
                "PipelineName": pipeline["PipelineName"],
                "PipelineExecutionArn": f"{arn}/execution/{identifier}",
                "PipelineExecutionDisplayName": params.get(
                    "PipelineExecutionDisplayName", f"execution-{int(now * 1000):0{_MADE_AT}d}"
                ),
                "PipelineExecutionStatus": "Executing",
                **pick(pipeline, ("ParallelismConfiguration",)),
                **pick(params, _GIVEN),
                "PipelineVersionId": number,
                "CreationTime": now,
                "LastModifiedTime": now,
                "Token": token,
                "Steps": {},
            }
            definition = self._store.find_definition(here, execution)
            given = params.get("PipelineParameters", [])
            if "SelectiveExecutionConfig" in params:
                given = self._select(here, execution, definition, given)
            execution["Parameters"] = assign(definition.parameters, given)
            here.executions[execution["PipelineExecutionArn"]] = execution
            pipeline["LastRunTime"] = now
            version["LastExecutionPipelineExecutionArn"] = execution["PipelineExecutionArn"]
            self._launch(here, execution, definition)
            return {"PipelineExecutionArn": execution["PipelineExecutionArn"]}

    def _select(
        self, here: Region, execution: Resource, definition: Definition, given: list[Params]
    ) -> list[Params]:
        """Take what the selected steps need from the source execution: steps and parameters.

        Returns:
            The parameters, of the source where the request does not give them.
        """
        config = execution["SelectiveExecutionConfig"]
        names = [each["StepName"] for each in config["SelectedSteps"]]
        if unknown := [each for each in names if each not in definition.steps]:
            raise invalid(f"Selected steps {unknown} are not in the pipeline definition.")
        source = self._find_source(here, execution, config)
        config["SourcePipelineExecutionArn"] = source["PipelineExecutionArn"]
        result = {"SourcePipelineExecutionArn": source["PipelineExecutionArn"]}
        for name in _list_ancestors(definition.steps, names):
            record = source["Steps"].get(name, {})
            if record.get("StepStatus") != "Succeeded":
                raise invalid(
                    f"Step '{name}', which the selected steps need, has not succeeded in the source "
                    f"execution {source['PipelineExecutionArn']}."
                )
            execution["Steps"][name] = {**record, "SelectiveExecutionResult": result}
        values = {name: write(value) for name, value in source["Parameters"].items()}
        values = {name: value for name, value in values.items() if name in definition.parameters}
        values |= {each["Name"]: each["Value"] for each in given}
        return [{"Name": name, "Value": value} for name, value in values.items()]

    def _find_source(self, here: Region, execution: Resource, config: Params) -> Resource:
        if arn := config.get("SourcePipelineExecutionArn"):
            return self._store.find_execution(here.name, arn)
        known = self._store.list_executions(here, execution["PipelineArn"])
        if not known:
            raise invalid("There is no earlier execution of the pipeline to take the other steps from.")
        return known[-1]

    def _launch(self, here: Region, execution: Resource, definition: Definition) -> None:
        around = Surroundings(self._store, here, execution, definition, threading.Event())
        coordinator = Coordinator(around, self._processors)
        arn = execution["PipelineExecutionArn"]

        def run() -> None:
            coordinator.run()
            with self._resources.lock:
                if self._running.get(arn, (None,))[0] is around:
                    del self._running[arn]

        thread = threading.Thread(target=run, name=f"execution-{arn[-12:]}", daemon=True)
        self._running[arn] = (around, thread)
        thread.start()

    def describe(self, region: str, params: Params) -> Params:
        """DescribePipelineExecution."""
        with self._resources.lock:
            return pick(self._store.find_execution(region, params["PipelineExecutionArn"]), _SHOWN)

    def describe_definition(self, region: str, params: Params) -> Params:
        """DescribePipelineDefinitionForExecution."""
        with self._resources.lock:
            execution = self._store.find_execution(region, params["PipelineExecutionArn"])
            here, arn = self._resources[region], execution["PipelineArn"]
            version = self._store.find_version(here, arn, execution["PipelineVersionId"])
            return pick(version, ("PipelineDefinition", "CreationTime"))

    def list(self, region: str, params: Params) -> Params:
        """ListPipelineExecutions."""
        with self._resources.lock:
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            known = self._store.list_executions(self._resources[region], pipeline["PipelineArn"])
            found = [
                pick(
                    {
                        **each,
                        "StartTime": each["CreationTime"],
                        "PipelineExecutionFailureReason": each.get("FailureReason"),
                    },
                    _SUMMARY,
                )
                for each in known
            ]
        by_arn = params.get("SortBy") == "PipelineExecutionArn"
        key = ("PipelineExecutionArn" if by_arn else "StartTime", "PipelineExecutionArn")
        return list_page("PipelineExecutionSummaries", found, params, key=key)

    def list_steps(self, region: str, params: Params) -> Params:
        """ListPipelineExecutionSteps: those that have begun."""
        if "PipelineExecutionArn" not in params:
            raise invalid("PipelineExecutionArn must be set.")
        with self._resources.lock:
            execution = self._store.find_execution(region, params["PipelineExecutionArn"])
            found = [pick(each, _OF_STEP) for each in execution["Steps"].values()]
        return list_page("PipelineExecutionSteps", found, params, key=("StartTime", "StepName"))

    def list_parameters(self, region: str, params: Params) -> Params:
        """ListPipelineParametersForExecution."""
        with self._resources.lock:
            execution = self._store.find_execution(region, params["PipelineExecutionArn"])
            found = [{"Name": name, "Value": write(each)} for name, each in execution["Parameters"].items()]
        params = {"SortOrder": "Ascending", **params}
        return list_page("PipelineParameters", found, params, key=("Name", "Name"))

    def stop(self, region: str, params: Params) -> Params:
        """StopPipelineExecution: the execution is Stopping, then Stopped, when its steps have stopped."""
        with self._resources.lock:
            arn = params["PipelineExecutionArn"]
            execution = self._store.find_execution(region, arn)
            status = execution["PipelineExecutionStatus"]
            if status in ENDED:
                raise AwsFault(
                    "ConflictException", f"Pipeline execution '{arn}' is {status} and cannot be stopped."
                )
            if status == "Executing":
                execution.update(PipelineExecutionStatus="Stopping", LastModifiedTime=self._resources.now())
                self._running[arn][0].stopping.set()
            return {"PipelineExecutionArn": arn}

    def retry(self, region: str, params: Params) -> Params:
        """RetryPipelineExecution: goes on with the steps that have not succeeded."""
        with self._resources.lock:
            here, arn = self._resources[region], params["PipelineExecutionArn"]
            execution = self._store.find_execution(region, arn)
            status = execution["PipelineExecutionStatus"]
            if execution.get("RetryToken") == params["ClientRequestToken"]:
                return {"PipelineExecutionArn": arn}
            if status not in {"Failed", "Stopped"}:
                raise AwsFault(
                    "ConflictException",
                    f"Pipeline execution '{arn}' is {status}. Only one that has Failed or Stopped can be "
                    "retried.",
                )
            steps = execution["Steps"]
            execution["Steps"] = {
                name: each for name, each in steps.items() if each["StepStatus"] == "Succeeded"
            }
            execution.pop("FailureReason", None)
            execution.update(
                {
                    **pick(params, ("ParallelismConfiguration",)),
                    "PipelineExecutionStatus": "Executing",
                    "RetryToken": params["ClientRequestToken"],
                    "LastModifiedTime": self._resources.now(),
                }
            )
            self._launch(here, execution, self._store.find_definition(here, execution))
            return {"PipelineExecutionArn": arn}

    def update(self, region: str, params: Params) -> Params:
        """UpdatePipelineExecution: its names, and how many steps run at once from the next retry on."""
        with self._resources.lock:
            execution = self._store.find_execution(region, params["PipelineExecutionArn"])
            names = (
                "PipelineExecutionDisplayName",
                "PipelineExecutionDescription",
                "ParallelismConfiguration",
            )
            execution.update({**pick(params, names), "LastModifiedTime": self._resources.now()})
            return {"PipelineExecutionArn": execution["PipelineExecutionArn"]}

    def abandon(self) -> None:
        """Let no further step begin: everything is about to be deleted."""
        with self._resources.lock:
            for around, _thread in self._running.values():
                around.stopping.set()

    def join(self) -> None:
        """Wait until the threads of the executions have ended, since they no longer find anything."""
        with self._resources.lock:
            running = list(self._running.values())
            self._running.clear()
        for _around, thread in running:
            thread.join(_END_SECONDS)


def _list_ancestors(steps: dict[str, Step], names: list[str]) -> list[str]:
    """List the steps that some steps need, without these."""
    found: dict[str, None] = {}
    left = list(names)
    while left:
        for parent in sorted(steps[left.pop()].parents):
            if parent not in found and parent not in names:
                found[parent] = None
                left.append(parent)
    return list(found)
