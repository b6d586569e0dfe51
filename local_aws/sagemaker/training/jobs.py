"""SageMaker's operations on training jobs."""

from local_aws.protocol.aws_json import Operation, Params
from local_aws.protocol.messages import AwsFault
from local_aws.protocol.resources import Listing, Resource, read_tags
from local_aws.sagemaker.job_runs import JobRuns, Kind, Machine
from local_aws.sagemaker.training.definition import check, fill_defaults
from local_aws.sagemaker.training.phases import begin, end
from local_aws.sagemaker.training.run import TrainingRun

TRAINING = Kind("Training", "training_jobs", "training-job", "/aws/sagemaker/TrainingJobs")
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)
_JOBS = Listing(
    "TrainingJobSummaries", "TrainingJobName", "TrainingJobArn", _SUMMARY, status="TrainingJobStatus"
)


class TrainingJobs:
    """Operations on training jobs. Each runs in a thread; callers poll DescribeTrainingJob."""

    def __init__(self, machine: Machine) -> None:
        self._resources = machine.resources
        self.runs = JobRuns(TRAINING, machine, end)

    def operations(self) -> dict[str, Operation]:
        """List the operations by AWS's names."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
        }

    def create(self, region: str, params: Params) -> Params:
        """CreateTrainingJob: the job is InProgress, then Completed, Failed or Stopped."""
        check(params)
        with self._resources.lock:
            here = self._resources[region]
            name = params["TrainingJobName"]
            arn = here.make_arn(TRAINING.arn, name.lower())
            if here.holds(arn):
                raise AwsFault(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, and a training job "
                    f"with this name already exists ({arn})",
                )
            now = self._resources.now()
            job: Resource = {
                **{key: value for key, value in fill_defaults(params).items() if key != "Tags"},
                "TrainingJobArn": arn,
                "TrainingJobStatus": "InProgress",
                "CreationTime": now,
                "LastModifiedTime": now,
            }
            begin(job, "Starting", now)
            here.training_jobs[name] = job
            here.tags[arn] = read_tags(params)
            self.runs.start(here, job, lambda place: TrainingRun(job, place))
            return {"TrainingJobArn": arn}

    def describe(self, region: str, params: Params) -> Params:
        """DescribeTrainingJob."""
        with self._resources.lock:
            return dict(TRAINING.find(self._resources[region], params["TrainingJobName"]))

    def list(self, region: str, params: Params) -> Params:
        """ListTrainingJobs."""
        with self._resources.lock:
            jobs = list(self._resources[region].training_jobs.values())
            if "StatusEquals" in params:
                jobs = [each for each in jobs if each["TrainingJobStatus"] == params["StatusEquals"]]
            return _JOBS.page(jobs, params)

    def stop(self, region: str, params: Params) -> Params:
        """StopTrainingJob: the job is Stopping, then Stopped, with the model that it has so far."""
        with self._resources.lock:
            job = TRAINING.find(self._resources[region], params["TrainingJobName"])
            self.runs.stop(job)
            begin(job, "Stopping", self._resources.now())
            return {}
