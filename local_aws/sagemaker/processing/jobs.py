"""SageMaker's operations on processing jobs."""

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Listing, Region, Resource, read_tags
from local_aws.sagemaker.job_runs import JobRuns, Kind, Machine
from local_aws.sagemaker.processing.definition import check, fill_defaults
from local_aws.sagemaker.processing.run import ProcessingRun

PROCESSING = Kind("Processing", "processing_jobs", "processing-job", "/aws/sagemaker/ProcessingJobs")
_SUMMARY = (
    "ProcessingJobName",
    "ProcessingJobArn",
    "CreationTime",
    "ProcessingEndTime",
    "LastModifiedTime",
    "ProcessingJobStatus",
    "FailureReason",
    "ExitMessage",
)
_JOBS = Listing(
    "ProcessingJobSummaries",
    "ProcessingJobName",
    "ProcessingJobArn",
    _SUMMARY,
    status="ProcessingJobStatus",
)


class ProcessingJobs:
    """Operations on processing jobs. Each runs in a thread; callers poll DescribeProcessingJob."""

    def __init__(self, machine: Machine) -> None:
        self._resources = machine.resources
        self.runs = JobRuns(PROCESSING, machine)

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateProcessingJob": self.create,
            "DescribeProcessingJob": self.describe,
            "ListProcessingJobs": self.list,
            "StopProcessingJob": self.stop,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateProcessingJob: the job is InProgress, then Completed, Failed or Stopped."""
        check(params)
        with self._resources.lock:
            here = self._resources[region]
            arn = self._make_arn(here, params["ProcessingJobName"])
            now = self._resources.now()
            job: Resource = {
                **{name: value for name, value in fill_defaults(params).items() if name != "Tags"},
                "ProcessingJobArn": arn,
                "ProcessingJobStatus": "InProgress",
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            here.processing_jobs[params["ProcessingJobName"]] = job
            here.tags[arn] = read_tags(params)
            self.runs.start(here, job, lambda place: ProcessingRun(job, place))
            return {"ProcessingJobArn": arn}

    def _make_arn(self, here: Region, name: str) -> str:
        arn = here.make_arn(PROCESSING.arn, name.lower())
        if here.holds(arn):
            raise AwsFault(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a processing job with this "
                f"name already exists ({arn})",
            )
        return arn

    def describe(self, region: str, params: Params) -> Params:
        """DescribeProcessingJob."""
        with self._resources.lock:
            return dict(PROCESSING.find(self._resources[region], params["ProcessingJobName"]))

    def list(self, region: str, params: Params) -> Params:
        """ListProcessingJobs."""
        with self._resources.lock:
            jobs = list(self._resources[region].processing_jobs.values())
            if "StatusEquals" in params:
                jobs = [each for each in jobs if each["ProcessingJobStatus"] == params["StatusEquals"]]
            return _JOBS.page(jobs, params)

    def stop(self, region: str, params: Params) -> Params:
        """StopProcessingJob: the job is Stopping, then Stopped."""
        with self._resources.lock:
            self.runs.stop(PROCESSING.find(self._resources[region], params["ProcessingJobName"]))
            return {}
