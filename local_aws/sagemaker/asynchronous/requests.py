"""InvokeEndpointAsync: what a request says, and the record that waits in the queue."""

from typing import Any
from uuid import uuid4

from local_aws.protocol.messages import AwsFault, Request, unsupported
from local_aws.protocol.operations import TABLES, Support
from local_aws.protocol.resources import Resource
from local_aws.protocol.service_model import find_violations
from local_aws.sagemaker.asynchronous.definition import AsyncConfig

_OPERATION = "InvokeEndpointAsync"
_PREFIX = "x-amzn-sagemaker-"
_HEADERS = {
    "content-type": "ContentType",
    "accept": "Accept",
    "custom-attributes": "CustomAttributes",
    "inference-id": "InferenceId",
    "inputlocation": "InputLocation",
    "s3outputpathextension": "S3OutputPathExtension",
    "filename": "Filename",
    "requestttlseconds": "RequestTTLSeconds",
    "invocationtimeoutseconds": "InvocationTimeoutSeconds",
}
_NUMBERS = ("RequestTTLSeconds", "InvocationTimeoutSeconds")
_DEFAULT_TTL = 6 * 60 * 60
_DEFAULT_TIMEOUT = 15 * 60
_TABLE = TABLES["sagemaker-runtime"]
_NEWER = ("Body", "S3OutputPathExtension", "Filename")
"""Members that not every botocore knows. The local AWS refuses them."""


def read_request(endpoint: str, request: Request) -> Resource:
    """Read the parameters of an asynchronous invocation from its headers.

    Raises:
        AwsFault: If AWS or the local AWS refuses them.
    """
    named = {member: request.headers.get(f"{_PREFIX}{header}") for header, member in _HEADERS.items()}
    params: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    params["EndpointName"] = endpoint
    if request.body:
        params["Body"] = request.body
    for name in _NUMBERS:
        if params.get(name, "").isascii() and params.get(name, "").isdigit():
            params[name] = int(params[name])
    known = {name: value for name, value in params.items() if name not in _NEWER}
    found = find_violations("sagemaker-runtime", _OPERATION, known)
    if not {"InputLocation", *_NEWER} & params.keys():
        found.append("Value null at 'inputLocation' failed to satisfy constraint: Member must not be null")
    if found:
        errors = "error" if len(found) == 1 else "errors"
        raise AwsFault("ValidationError", f"{len(found)} validation {errors} detected: {'; '.join(found)}")
    refused = next(_TABLE.settings[_OPERATION].find_given(Support.REFUSED, params), None)
    if refused is not None:
        what = _TABLE.describe_refusal(_OPERATION, refused)
        raise AwsFault("ValidationError", unsupported(what).message)
    if not params["InputLocation"].startswith("s3://"):
        message = unsupported("an InputLocation that does not begin with s3://").message
        raise AwsFault("ValidationError", message)
    return params


def make_record(params: Resource, config: AsyncConfig, received: float) -> Resource:
    """Make the record of a request, with the places where its answer or its failure will be.

    Args:
        params: What `read_request` has read.
        config: The endpoint's.
        received: When it came, in seconds since the epoch.
    """
    name = str(uuid4())
    record = {
        "RequestTTLSeconds": _DEFAULT_TTL,
        "InvocationTimeoutSeconds": _DEFAULT_TIMEOUT,
        "InferenceId": str(uuid4()),
        **params,
        "Id": name,
        "ReceivedTime": received,
        "OutputLocation": f"{config.output}/{name}.out",
    }
    return {**record, "FailureLocation": f"{config.failure}/{name}-error.out"} if config.failure else record
