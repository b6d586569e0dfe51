"""What a transform job is to do, as CreateTransformJob says it."""

from dataclasses import dataclass
from typing import Any

from local_aws.protocol.aws_json import Params
from local_aws.protocol.messages import invalid, unsupported
from local_aws.protocol.resources import Resource
from local_aws.sagemaker.transform.json_path import BadPath, JsonPath

MEGABYTE = 1024 * 1024
_PAYLOAD_MB = 6
MOST_MB = 100
_TIMEOUT = 600
_RETRIES = 3
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}

_JSON_LINES = "application/jsonlines"
_FORMATS = {"text/csv": "csv", "application/json": "json", _JSON_LINES: "json"}


@dataclass(frozen=True)
class Batching:
    """How an input is cut into requests, and how many of them are under way.

    Attributes:
        payload_mb: The longest body of a request, in MB.
        concurrency: The requests that each instance gets at the same time.
        strategy: ``MULTI_RECORD`` or ``SINGLE_RECORD``, as containers and AWS's logs have it.
    """

    payload_mb: int = _PAYLOAD_MB
    concurrency: int = 1
    strategy: str = "MULTI_RECORD"

    @property
    def fits(self) -> bool:
        """Whether the requests at the same time are within AWS's limit."""
        return self.payload_mb * self.concurrency <= MOST_MB

    @property
    def payload(self) -> int:
        """The longest body of a request, in bytes."""
        return self.payload_mb * MEGABYTE

    def __str__(self) -> str:
        """Return the line with which the log of AWS's jobs begins."""
        return (
            f"MaxConcurrentTransforms={self.concurrency}, MaxPayloadInMB={self.payload_mb}, "
            f"BatchStrategy={self.strategy}"
        )


class Definition:
    """What a job is to do.

    Args:
        job: The job, as DescribeTransformJob shows it.
    """

    def __init__(self, job: Resource) -> None:
        given, result = job["TransformInput"], job["TransformOutput"]
        source = given["DataSource"]["S3DataSource"]
        processing, capture = job["DataProcessing"], job.get("DataCaptureConfig", {})
        client = job.get("ModelClientConfig", {})
        self.name: str = job["TransformJobName"]
        self.data_type: str = source["S3DataType"]
        self.input_uri: str = source["S3Uri"]
        self.content_type: str | None = given.get("ContentType")
        self.gzip: bool = given["CompressionType"] == "Gzip"
        self.lines: bool = given["SplitType"] == "Line"
        self.output_uri: str = result["S3OutputPath"]
        self.accept: str | None = result.get("Accept")
        self.assemble_lines: bool = result["AssembleWith"] == "Line"
        self.instances: int = job["TransformResources"]["InstanceCount"]
        self.timeout: int = client.get("InvocationsTimeoutInSeconds", _TIMEOUT)
        self.retries: int = client.get("InvocationsMaxRetries", _RETRIES)
        self.input_filter: str = processing["InputFilter"]
        self.output_filter: str = processing["OutputFilter"]
        self.joins: bool = processing["JoinSource"] == "Input"
        self.capture_uri: str = capture.get("DestinationS3Uri", "")
        self.generates_ids: bool = capture.get("GenerateInferenceId", False)
        self._asked = {
            "payload_mb": job.get("MaxPayloadInMB"),
            "concurrency": job.get("MaxConcurrentTransforms") or None,
            "strategy": _STRATEGIES.get(job.get("BatchStrategy", "")),
        }

    @property
    def processes(self) -> bool:
        """Whether anything is done to the records themselves."""
        return self.processes_input or self.processes_output

    @property
    def processes_input(self) -> bool:
        """Whether the model gets something other than the input."""
        return self.input_filter != "$"

    @property
    def processes_output(self) -> bool:
        """Whether something other than the model's answer is written."""
        return self.output_filter != "$" or self.joins or self.generates_ids

    @property
    def has_line_records(self) -> bool:
        """Whether each line is a record, rather than the whole object."""
        return self.lines or _find_type(self.content_type) == _JSON_LINES

    @property
    def format(self) -> str:
        """What records are processed as: ``csv`` or ``json``."""
        return _FORMATS[_find_type(self.content_type if self.processes_input or self.joins else self.accept)]

    @property
    def headers(self) -> dict[str, str]:
        """The headers of each request."""
        headers = {"Content-Type": self.content_type, "Accept": self.accept}
        return {name: value for name, value in headers.items() if value is not None}

    def choose_batching(self, proposed: dict[str, Any]) -> Batching:
        """Choose what the request does not say by what the container proposes, else by AWS's defaults."""
        payload, strategy = proposed.get("MaxPayloadInMB"), proposed.get("BatchStrategy")
        concurrency = proposed.get("MaxConcurrentTransforms")
        offered = {
            "payload_mb": payload if _is_count(payload) else None,
            "concurrency": concurrency if _is_count(concurrency) else None,
            "strategy": strategy if strategy in _STRATEGIES.values() else None,
        }
        return Batching(**{**_drop_absent(offered), **_drop_absent(self._asked)})

    def list_variables(self) -> dict[str, str]:
        """List the variables that AWS sets in the containers of jobs."""
        names = {
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": self._asked["payload_mb"],
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": self._asked["concurrency"],
            "SAGEMAKER_BATCH_STRATEGY": self._asked["strategy"],
        }
        given = {name: str(value) for name, value in _drop_absent(names).items()}
        return {"SAGEMAKER_BATCH": "true", **given}


def _is_count(value: Any) -> bool:
    return type(value) is int and value in range(1, MOST_MB + 1)


def _drop_absent(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def fill_defaults(params: Params) -> Params:
    """Add what AWS adds to the description of a job."""
    return {
        **params,
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **params["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", **params["TransformOutput"]},
        "DataProcessing": {
            "InputFilter": "$",
            "OutputFilter": "$",
            "JoinSource": "None",
            **params.get("DataProcessing", {}),
        },
    }


def check(params: Params) -> None:
    """Check what botocore's model of the request does not.

    Raises:
        AwsFault: If AWS would refuse it, or the local AWS cannot do it.
    """
    _check_batching(params)
    _check_processing(Definition(fill_defaults(params)))
    source = params["TransformInput"]["DataSource"]["S3DataSource"]
    captured = params.get("DataCaptureConfig", {}).get("DestinationS3Uri", "s3://")
    for uri in (source["S3Uri"], params["TransformOutput"]["S3OutputPath"], captured):
        if not uri.startswith("s3://"):
            raise invalid(f"{uri} must begin with s3://, as in s3://bucket/key.")
    if source["S3DataType"] not in {"S3Prefix", "ManifestFile"}:
        raise unsupported(
            f"S3DataType {source['S3DataType']} of transform jobs; use S3Prefix or ManifestFile"
        )
    split = params["TransformInput"].get("SplitType")
    if split in {"RecordIO", "TFRecord"}:
        raise unsupported(f"SplitType {split} of transform jobs; use Line or None")


def _check_processing(definition: Definition) -> None:
    """Check the filters, and that both formats are ones of which records can be processed."""
    needed = [definition.content_type] if definition.processes_input or definition.joins else []
    needed += [definition.accept] if definition.processes_output else []
    unknown = [each for each in needed if _find_type(each) not in _FORMATS]
    if unknown:
        raise invalid(
            f"DataProcessing and GenerateInferenceId need ContentType and Accept to be one of "
            f"{', '.join(_FORMATS)}, not {unknown[0]}."
        )
    formats = {_FORMATS[_find_type(each)] for each in needed}
    if len(formats) > 1:
        raise invalid("DataProcessing needs ContentType and Accept of the same kind: both CSV, or both JSON.")
    if "csv" in formats and not (definition.lines and definition.assemble_lines):
        raise invalid("DataProcessing of text/csv needs SplitType and AssembleWith to be Line.")
    for name, text in (("InputFilter", definition.input_filter), ("OutputFilter", definition.output_filter)):
        try:
            path = JsonPath(text)
        except BadPath as error:
            raise invalid(f"{name} {text} is not a supported JSONPath: {error}.") from error
        if "csv" in formats and not path.is_for_columns:
            raise invalid(f"{name} {text} names attributes, which text/csv does not have; use $[0] or $[1:].")


def _find_type(content_type: str | None) -> str:
    return (content_type or "").split(";")[0].strip().lower()


def _check_batching(params: Params) -> None:
    payload = params.get("MaxPayloadInMB", _PAYLOAD_MB)
    concurrency = params.get("MaxConcurrentTransforms", 0)
    if payload == 0:
        raise unsupported("MaxPayloadInMB 0, which is HTTP's chunked encoding; give the MB of a payload")
    if payload > MOST_MB:
        raise invalid(f"MaxPayloadInMB cannot be greater than {MOST_MB} MB, and is {payload}.")
    if concurrency * payload > MOST_MB:
        raise invalid(
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MOST_MB} MB, and is "
            f"{concurrency} * {payload} = {concurrency * payload}."
        )
    if params.get("BatchStrategy") and params["TransformInput"].get("SplitType", "None") == "None":
        strategy = params["BatchStrategy"]
        if strategy == "SingleRecord":
            raise invalid(f"BatchStrategy {strategy} needs a SplitType: set it to Line.")
