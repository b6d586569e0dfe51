"""One run of a processing job."""

import threading
from contextlib import suppress
from typing import Any

from local_aws.protocol.resources import pick
from local_aws.sagemaker.container_run import ContainerRun
from local_aws.sagemaker.job_failures import JobFailed
from local_aws.sagemaker.job_runs import HOST_NAME

_MESSAGE = "/opt/ml/output/message"
_LONGEST_MESSAGE = 1024
_EVERY = 1.0
_CONFIG = (
    "ProcessingJobArn",
    "ProcessingJobName",
    "Environment",
    "AppSpecification",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
)


class ProcessingRun(ContainerRun):
    """A run of a processing job. Outputs are uploaded when it has ended well, or as they come."""

    def prepare(self) -> None:
        """Download the inputs, make the folders of the outputs, and write the container's configuration."""
        self._known: dict[str, tuple[int, int]] = {}
        self.folder.write_json("/opt/ml/config/processingjobconfig.json", pick(self.job, _CONFIG))
        hosts = {"current_host": HOST_NAME, "hosts": [HOST_NAME]}
        self.folder.write_json("/opt/ml/config/resourceconfig.json", hosts)
        self.folder.locate(_MESSAGE).parent.mkdir()
        for each in self.job.get("ProcessingInputs", []):
            source = each["S3Input"]
            self.folder.download(
                source["S3Uri"], source["S3DataType"], source["LocalPath"], self.job["RoleArn"]
            )
        for each in self._outputs:
            self.folder.locate(each["LocalPath"]).mkdir(parents=True, exist_ok=True)

    @property
    def _outputs(self) -> list[dict[str, Any]]:
        return [each["S3Output"] for each in self.job.get("ProcessingOutputConfig", {}).get("Outputs", [])]

    def list_words(self) -> list[str]:
        """List the entrypoint and the arguments."""
        given = self.job["AppSpecification"]
        return [*given["ContainerEntrypoint"], *given.get("ContainerArguments", [])]

    def list_variables(self) -> dict[str, str]:
        """List the job's Environment."""
        return dict(self.job.get("Environment", {}))

    def note_start(self) -> None:
        """Note when the container starts."""
        self.place.note({"ProcessingStartTime": self.place.now()})

    def watch(self, ended: threading.Event) -> None:
        """Upload the outputs that are Continuous as they come."""
        while not ended.wait(_EVERY):
            with suppress(JobFailed, OSError):  # tried again, at the latest when the job has ended
                self._upload("Continuous")

    def store(self, code: int) -> None:
        """Upload the outputs; of a job that did not end well only those that are Continuous."""
        self._read_exit_message()
        self._upload("Continuous")
        if code == 0 and not self.is_stopping and not self.has_timed_out:
            self._upload("EndOfJob")

    def _upload(self, mode: str) -> None:
        for each in self._outputs:
            if each["S3UploadMode"] == mode:
                self.folder.upload(each["LocalPath"], each["S3Uri"], self._known)

    def _read_exit_message(self) -> None:
        message = self.folder.read_message(_MESSAGE, _LONGEST_MESSAGE)
        try:
            text = message.decode("utf-8")
        except UnicodeDecodeError as error:
            if len(message) < _LONGEST_MESSAGE or error.end < len(message):
                raise JobFailed(f"ClientError: {_MESSAGE} is not UTF-8.") from error
            text = message[: error.start].decode("utf-8")
        if text:
            self.place.note({"ExitMessage": text})
