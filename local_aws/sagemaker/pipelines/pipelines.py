"""SageMaker's operations on pipelines and their versions."""

from urllib.parse import quote

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault, invalid
from local_aws.protocol.resources import Region, Resource, pick, read_tags
from local_aws.sagemaker.objects import S3Object
from local_aws.sagemaker.pipelines.definition import parse
from local_aws.sagemaker.pipelines.paging import list_page
from local_aws.sagemaker.pipelines.store import Store

_SHOWN = (
    "PipelineArn",
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "PipelineStatus",
    "CreationTime",
    "LastModifiedTime",
    "LastRunTime",
    "ParallelismConfiguration",
)
_SUMMARY = (
    "PipelineArn",
    "PipelineName",
    "PipelineDisplayName",
    "PipelineDescription",
    "RoleArn",
    "CreationTime",
    "LastModifiedTime",
    "LastExecutionTime",
)
_VERSION = (
    "PipelineArn",
    "PipelineVersionId",
    "CreationTime",
    "PipelineVersionDescription",
    "PipelineVersionDisplayName",
    "LastExecutionPipelineExecutionArn",
)
_GIVEN = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
_OF_VERSION = ("PipelineDefinition", "PipelineVersionDisplayName", "PipelineVersionDescription")


class Pipelines:
    """Operations on pipelines and their versions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._resources = store.resources

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DescribePipeline": self.describe,
            "ListPipelines": self.list,
            "DeletePipeline": self.delete,
            "ListPipelineVersions": self.list_versions,
            "UpdatePipelineVersion": self.update_version,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreatePipeline: its first version."""
        definition = self._read_definition(params)
        if definition is None:
            raise invalid("Either PipelineDefinition or PipelineDefinitionS3Location must be set.")
        parse(definition)
        with self._resources.lock:
            here = self._resources[region]
            name = params["PipelineName"]
            arn = here.make_arn("pipeline", name.lower())
            if here.holds(arn):
                known = here.pipelines.get(name)
                if known is not None and known["Token"] == params["ClientRequestToken"]:
                    return {"PipelineArn": arn}
                raise invalid(
                    "Pipeline names must be unique within an AWS account and region. Pipeline with name "
                    f"({name}) already exists."
                )
            now = self._resources.now()
            here.pipelines[name] = {
                "PipelineArn": arn,
                "PipelineName": name,
                "PipelineDisplayName": name,
                **pick(params, _GIVEN),
                "PipelineStatus": "Active",
                "CreationTime": now,
                "LastModifiedTime": now,
                "Latest": 0,
                "Token": params["ClientRequestToken"],
            }
            self._add_version(here, here.pipelines[name], definition)
            here.tags[arn] = read_tags(params)
            return {"PipelineArn": arn}

    def _read_definition(self, params: Params) -> str | None:
        """Read the definition of a request; None if it has none.

        Raises:
            AwsFault: If it has two, or the object does not exist.
        """
        location = params.get("PipelineDefinitionS3Location")
        inline: str | None = params.get("PipelineDefinition")
        if location is None:
            return inline
        if inline is not None:
            raise invalid("Only one of PipelineDefinition and PipelineDefinitionS3Location can be set.")
        place = S3Object(location["Bucket"], location["ObjectKey"])
        content = self._store.objects.read(place, location.get("VersionId", ""))
        if content is None:
            raise invalid(f"Unable to read the pipeline definition s3://{quote(str(place))}.")
        return content.decode("utf-8", "replace")

    def _add_version(self, here: Region, pipeline: Resource, definition: str) -> int:
        pipeline["Latest"] += 1
        version: int = pipeline["Latest"]
        here.pipeline_versions[f"{pipeline['PipelineArn']}/{version}"] = {
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineVersionId": version,
            "PipelineDefinition": definition,
            "CreationTime": self._resources.now(),
        }
        return version

    def update(self, region: str, params: Params) -> Params:
        """UpdatePipeline: another version, if the definition is given."""
        definition = self._read_definition(params)
        if definition is not None:
            parse(definition)
        with self._resources.lock:
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            pipeline.update({**pick(params, _GIVEN), "LastModifiedTime": self._resources.now()})
            if definition is not None:
                self._add_version(self._resources[region], pipeline, definition)
            return {"PipelineArn": pipeline["PipelineArn"], "PipelineVersionId": pipeline["Latest"]}

    def describe(self, region: str, params: Params) -> Params:
        """DescribePipeline, of the latest version unless another one is named."""
        with self._resources.lock:
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            number = int(params.get("PipelineVersionId") or pipeline["Latest"])
            version = self._store.find_version(self._resources[region], pipeline["PipelineArn"], number)
            return {**pick(pipeline, _SHOWN), **pick(version, _OF_VERSION)}

    def list(self, region: str, params: Params) -> Params:
        """ListPipelines."""
        with self._resources.lock:
            found = [
                {
                    **pick(each, _SUMMARY),
                    **({"LastExecutionTime": each["LastRunTime"]} if "LastRunTime" in each else {}),
                }
                for each in self._resources[region].pipelines.values()
                if each["PipelineName"].startswith(params.get("PipelineNamePrefix", ""))
            ]
        sort_by = {"Name": "PipelineName"}.get(params.get("SortBy", ""), "CreationTime")
        return list_page("PipelineSummaries", found, params, key=(sort_by, "PipelineArn"))

    def list_versions(self, region: str, params: Params) -> Params:
        """ListPipelineVersions."""
        with self._resources.lock:
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            found = [
                pick(each, _VERSION)
                for each in self._resources[region].pipeline_versions.values()
                if each["PipelineArn"] == pipeline["PipelineArn"]
            ]
        return list_page("PipelineVersionSummaries", found, params, key=("CreationTime", "PipelineVersionId"))

    def update_version(self, region: str, params: Params) -> Params:
        """UpdatePipelineVersion: its display name and description."""
        with self._resources.lock:
            arn, number = params["PipelineArn"], params["PipelineVersionId"]
            self._store.find_pipeline(region, arn)
            version = self._store.find_version(self._resources[region], arn, number)
            version.update(pick(params, _OF_VERSION))
            return {"PipelineArn": arn, "PipelineVersionId": number}

    def delete(self, region: str, params: Params) -> Params:
        """DeletePipeline, with its versions and executions; not while one of them runs."""
        with self._resources.lock:
            here = self._resources[region]
            pipeline = self._store.find_pipeline(region, params["PipelineName"])
            arn = pipeline["PipelineArn"]
            executions = self._store.list_executions(here, arn)
            running = [
                each for each in executions if each["PipelineExecutionStatus"] in {"Executing", "Stopping"}
            ]
            if running:
                raise AwsFault(
                    "ConflictException",
                    f"Pipeline '{arn}' has running executions: {running[0]['PipelineExecutionArn']}. Stop "
                    "them before you delete it.",
                )
            for each in executions:
                del here.executions[each["PipelineExecutionArn"]]
            for number in range(1, pipeline["Latest"] + 1):
                here.pipeline_versions.pop(f"{arn}/{number}", None)
            del here.pipelines[pipeline["PipelineName"]]
            here.tags.pop(arn, None)
            return {"PipelineArn": arn}
