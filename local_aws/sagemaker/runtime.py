"""SageMaker's runtime API: InvokeEndpoint, forwarded to the model's process, and InvokeEndpointAsync.

Texts and statuses are AWS's. Connections to the model are kept open, and no lock is held while it works.
"""

import re
import time
from urllib.parse import unquote

from local_aws.protocol.messages import AwsFault, Request, Response, unsupported
from local_aws.protocol.operations import TABLES
from local_aws.protocol.resources import ACCOUNT_ID
from local_aws.sagemaker.asynchronous.queues import Queues, refuse_type
from local_aws.sagemaker.container import CannotServe, Variant
from local_aws.sagemaker.deployment import Deployment, Deployments
from local_aws.sagemaker.model_worker import ModelGone, ModelResponse, ModelSlow

_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)$")
REALTIME_LIMIT = 6 * 1024 * 1024
"""The longest body of an invocation, in bytes."""

_SERVERLESS_LIMIT = 4 * 1024 * 1024
_TABLE = TABLES["sagemaker-runtime"]
_ASYNC = "async-invocations"
_STREAM = "invocations-response-stream"
_REFUSED = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    "x-amzn-sagemaker-session-id": "SessionId",
}
_FORWARDED = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-inference-id": "X-Amzn-SageMaker-Inference-Id",
}
_EXITED = "An error occurred while handling request as the model process exited."
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


class Runtime:
    """The service of InvokeEndpoint and InvokeEndpointAsync.

    Args:
        deployments: What serves the endpoints.
        queues: The queues of the asynchronous ones.
        region: The region of requests that are not signed.
    """

    name = "sagemaker-runtime"

    def __init__(self, deployments: Deployments, queues: Queues, region: str) -> None:
        self._deployments = deployments
        self._queues = queues
        self._default_region = region

    def handles(self, request: Request) -> bool:
        """Tell whether the path is one of the runtime API."""
        return request.method == "POST" and _PATH.match(request.path) is not None

    def handle(self, request: Request) -> Response:
        """Return the model's response, or AWS's error."""
        began = time.perf_counter()
        region = request.region or self._default_region
        endpoint, operation = self._parse_path(request.path)
        try:
            if operation == _ASYNC:
                return self._queues.accept(region, endpoint, request)
            if self._queues.serves(region, endpoint):
                raise refuse_type(endpoint)
            if operation == _STREAM:
                raise _unsupported(_TABLE.describe_refusal("InvokeEndpointWithResponseStream"))
            for header, member in _REFUSED.items():
                if header in request.headers:
                    raise _unsupported(_TABLE.describe_refusal("InvokeEndpoint", member))
            with self._deployments.hold(region, endpoint) as deployment:
                if deployment is None:
                    raise _invalid(f"Endpoint {endpoint} of account {ACCOUNT_ID} not found.")
                return self._invoke(request, region, endpoint, deployment, began)
        except CannotServe as error:  # an earlier server's endpoint, which was to start now
            return _make_model_error(region, endpoint, 0, str(error))
        except AwsFault as fault:
            return Response.of_json(fault.status, {"Message": fault.message}, x_amzn_errortype=fault.code)

    @staticmethod
    def _parse_path(path: str) -> tuple[str, str]:
        endpoint, operation = path.split("/")[2:4]
        return unquote(endpoint), operation

    def _invoke(
        self, request: Request, region: str, endpoint: str, deployment: Deployment, began: float
    ) -> Response:
        variant = _choose_variant(request, endpoint, deployment)
        limit = _SERVERLESS_LIMIT if variant.serverless else REALTIME_LIMIT
        if len(request.body) > limit:
            return make_length_refusal(limit)
        headers = {name: request.headers[key] for key, name in _FORWARDED.items() if key in request.headers}
        asked, status = time.perf_counter(), 0
        try:
            answer = deployment.find_server(variant).invoke(request.body, headers)
            status = answer.status
        except ModelGone:
            return _make_model_error(region, endpoint, 0, _EXITED)
        except ModelSlow:
            return _make_model_error(region, endpoint, 0, _TIMED_OUT)
        finally:
            times = (time.perf_counter() - asked, asked - began)
            self._deployments.record(region, endpoint, variant, status, times)
        if deployment.witness is not None:
            deployment.witness.see(variant.name, request.body, headers, answer)
        if answer.status not in range(200, 300):
            return _make_model_error(region, endpoint, answer.status, answer.body.decode("utf-8", "replace"))
        return _make_response(answer, variant)


def make_length_refusal(limit: int) -> Response:
    """Make the response to an invocation whose body is longer than a limit."""
    return Response.of_json(413, {"Message": f"HTTP content length exceeded {limit} bytes."})


def _choose_variant(request: Request, endpoint: str, deployment: Deployment) -> Variant:
    wanted = request.headers.get("x-amzn-sagemaker-target-variant")
    variant = deployment.choose(wanted)
    if variant is None:
        raise _invalid(f"Variant {wanted} not found for Endpoint {endpoint} of account {ACCOUNT_ID}.")
    return variant


def _make_response(answer: ModelResponse, variant: Variant) -> Response:
    headers = {
        "Content-Type": answer.headers.get("content-type", "application/octet-stream"),
        "x-Amzn-Invoked-Production-Variant": variant.name,
    }
    if custom := answer.headers.get("x-amzn-sagemaker-custom-attributes"):
        headers["X-Amzn-SageMaker-Custom-Attributes"] = custom
    return Response(200, headers, answer.body)


def _make_model_error(region: str, endpoint: str, status: int, message: str) -> Response:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    side = "client" if status in range(400, 500) else "server"
    text = (
        f'Received {side} error ({status}) from primary with message "{message}". '
        f"See https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={group} in account {ACCOUNT_ID} for more information."
    )
    payload = {
        "Message": text,
        "OriginalStatusCode": status,
        "OriginalMessage": message,
        "LogStreamArn": f"arn:aws:logs:{region}:{ACCOUNT_ID}:log-group:{group}",
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "INTERNAL_FAILURE_FROM_MODEL",
    }
    return Response.of_json(424, payload, x_amzn_errortype="ModelError")


def _invalid(message: str) -> AwsFault:
    return AwsFault("ValidationError", message)


def _unsupported(what: str) -> AwsFault:
    return _invalid(unsupported(what).message)
