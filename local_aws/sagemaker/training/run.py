"""One run of a training job."""

import tarfile
import threading
from contextlib import suppress
from typing import Any

from local_aws.sagemaker.container_run import ContainerRun
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.job_runs import HOST_NAME
from local_aws.sagemaker.objects import split_uri
from local_aws.sagemaker.training.phases import begin

_MODEL, _DATA, _FAILURE = "/opt/ml/model", "/opt/ml/output/data", "/opt/ml/output/failure"
_LONGEST_FAILURE = 1024
_EVERY = 1.0


class TrainingRun(ContainerRun):
    """A run of a training job. Its model is stored unless it fails."""

    def prepare(self) -> None:
        """Download the channels and checkpoints, and write the container's configuration."""
        self._known: dict[str, tuple[int, int]] = {}
        self._begin("Downloading")
        config = "/opt/ml/input/config"
        self.folder.write_json(f"{config}/hyperparameters.json", self.job.get("HyperParameters", {}))
        hosts = {"current_host": HOST_NAME, "hosts": [HOST_NAME], "network_interface_name": "lo"}
        self.folder.write_json(f"{config}/resourceconfig.json", hosts)
        channels = self.job.get("InputDataConfig", [])
        described = {each["ChannelName"]: self._describe(each) for each in channels}
        self.folder.write_json(f"{config}/inputdataconfig.json", described)
        for path in (_MODEL, _DATA):
            self.folder.locate(path).mkdir(parents=True)
        for each in channels:
            source = each["DataSource"]["S3DataSource"]
            target = f"/opt/ml/input/data/{each['ChannelName']}"
            self.folder.download(source["S3Uri"], source["S3DataType"], target, self.job["RoleArn"])
        if checkpoints := self.job.get("CheckpointConfig"):
            self.folder.locate(checkpoints["LocalPath"]).mkdir(parents=True, exist_ok=True)
            with suppress(JobFailed):  # the first run of a job has none
                self.folder.download(
                    checkpoints["S3Uri"], "S3Prefix", checkpoints["LocalPath"], self.job["RoleArn"]
                )

    def _describe(self, channel: dict[str, Any]) -> dict[str, Any]:
        return {
            "TrainingInputMode": channel.get(
                "InputMode", self.job["AlgorithmSpecification"]["TrainingInputMode"]
            ),
            "S3DistributionType": channel["DataSource"]["S3DataSource"]["S3DataDistributionType"],
            "RecordWrapperType": channel["RecordWrapperType"],
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }

    def _begin(self, phase: str, **members: Any) -> None:
        now = self.place.now()
        with self.place.lock:
            begin(self.job, phase, now)
        self.place.note(members)

    def list_words(self) -> list[str]:
        """List the entrypoint and the arguments."""
        given = self.job["AlgorithmSpecification"]
        return [*given["ContainerEntrypoint"], *given.get("ContainerArguments", [])]

    def list_variables(self) -> dict[str, str]:
        """List the job's Environment, and its name."""
        named = {
            "TRAINING_JOB_NAME": self.job["TrainingJobName"],
            "TRAINING_JOB_ARN": self.job["TrainingJobArn"],
        }
        return {**named, **self.job.get("Environment", {})}

    def note_start(self) -> None:
        """Note when the container starts."""
        self._begin("Training", TrainingStartTime=self.place.now())

    def watch(self, ended: threading.Event) -> None:
        """Upload checkpoints as they come."""
        while not ended.wait(_EVERY):
            with suppress(JobFailed, OSError):  # tried again, at the latest when the job has ended
                self._upload_checkpoints()

    def _upload_checkpoints(self) -> None:
        if given := self.job.get("CheckpointConfig"):
            self.folder.upload(given["LocalPath"], given["S3Uri"], self._known)

    def store(self, code: int) -> None:
        """Upload checkpoints and the output, and the model of a job that did not fail."""
        self._upload_checkpoints()
        if self.has_timed_out:
            self._begin("MaxRuntimeExceeded")
        failed = code != 0 and not self.is_stopping and not self.has_timed_out
        if not failed:
            self._begin("Uploading")
            self.place.note({"ModelArtifacts": {"S3ModelArtifacts": self._upload(_MODEL, "model")}})
        if any(self.folder.locate(_DATA).iterdir()):
            self._upload(_DATA, "output")

    def _upload(self, container_path: str, name: str) -> str:
        """Upload a folder as an archive, or as it is, and return its URI."""
        output = self.job["OutputDataConfig"]
        uri = f"{output['S3OutputPath'].rstrip('/')}/{self.job['TrainingJobName']}/output/{name}"
        if output["CompressionType"] == "NONE":
            self.folder.upload(container_path, f"{uri}/", {})
            return f"{uri}/"
        archive = self.place.folder / f"{name}.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            for each in sorted(self.folder.locate(container_path).iterdir()):
                tar.add(each, each.name)
        self.folder.upload_file(archive, split_uri(f"{uri}.tar.gz"))
        return f"{uri}.tar.gz"

    def read_failure(self) -> str:
        """Read what the container has written about its failure."""
        return self.folder.read_message(_FAILURE, _LONGEST_FAILURE).decode("utf-8", "replace")
