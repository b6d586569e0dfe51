"""What the steps of an execution share on S3, below `<prefix>/runs/<run id>/`."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import yaml

from kedro_aws_plugin.aws.errors import translate_errors
from kedro_aws_plugin.aws.s3 import put_if_absent, read
from kedro_aws_plugin.aws.session import Aws
from kedro_aws_plugin.errors import ProjectError


class RunPlace:
    """The objects of one run.

    Args:
        aws: The clients.
        bucket: The project's bucket.
        prefix: The folder in it for jobs and runs.
        run_id: The run's id.
    """

    def __init__(self, aws: Aws, bucket: str, prefix: str, run_id: str) -> None:
        self.aws = aws
        self.bucket = bucket
        self.run_id = run_id
        self._folder = f"{prefix}/runs/{quote(run_id, safe='')}"

    def make_key(self, *names: str) -> str:
        """Make the key of an object of the run."""
        return "/".join([self._folder, *(quote(name, safe="") for name in names)])

    def begin(self, step: str, execution: str) -> None:
        """Mark that a step has begun.

        Args:
            step: Its name.
            execution: The id of the execution.

        Raises:
            ProjectError: If another execution has this run id.
        """
        key = self.make_key("steps", f"{step}.json")
        body = json.dumps({"execution": execution}).encode()
        with translate_errors(f"mark the beginning of step {step}"):
            if put_if_absent(self.aws.s3, self.bucket, key, body):
                return
            found = read(self.aws.s3, f"s3://{self.bucket}/{key}")
        if found is not None and json.loads(found)["execution"] != execution:
            raise ProjectError(
                f"The run id {self.run_id} is taken: another execution has begun its step {step}. "
                "Nothing was run. Submit it again without --run-id."
            )

    def may_have_saved(self, step: str) -> bool:
        """Tell whether an earlier attempt of a step may have saved versions of this run."""
        with translate_errors(f"look for earlier attempts of step {step}"):
            return read(self.aws.s3, f"s3://{self.bucket}/{self._make_saving_key(step)}") is not None

    def note_saving(self, step: str) -> None:
        """Note that no version of this run was there before a step saves its own.

        A step that has begun and was then refused has not come so far: what it found is not its own.
        """
        with translate_errors(f"note that step {step} saves its outputs"):
            put_if_absent(self.aws.s3, self.bucket, self._make_saving_key(step), b"{}")

    def _make_saving_key(self, step: str) -> str:
        return self.make_key("saving", f"{step}.json")

    def share(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return the value that the first step computed for a name; compute it if this is the first.

        Args:
            name: The name of the value within the run.
            compute: Computes the value, of YAML's types.
        """
        key = self.make_key("globals", f"{name}.yml")
        uri = f"s3://{self.bucket}/{key}"
        with translate_errors("read a global of this run"):
            found = read(self.aws.s3, uri)
        if found is None:
            body = yaml.safe_dump(compute(), allow_unicode=True).encode()
            with translate_errors("write a global of this run"):
                put_if_absent(self.aws.s3, self.bucket, key, body)
                found = read(self.aws.s3, uri) or body
        return yaml.safe_load(found)
