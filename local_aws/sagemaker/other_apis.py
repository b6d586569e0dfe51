"""The APIs of SageMaker's family that the local AWS does not have: the feature store, metrics, A2I, edge."""

from local_aws.protocol.messages import Request, Response, unsupported


class OtherApis:
    """Refuses what is signed for SageMaker and is neither its API nor InvokeEndpoint. Comes after those."""

    name = "sagemaker"

    def handles(self, request: Request) -> bool:
        """Tell whether a request is signed for SageMaker."""
        return request.service == self.name

    def handle(self, request: Request) -> Response:
        """Refuse a request."""
        fault = unsupported(f"{request.method} {request.path}, which is none of SageMaker's own API")
        return Response.of_json(fault.status, {"Message": fault.message}, x_amzn_errortype=fault.code)
