"""Build what an endpoint config has besides one variant, in SageMaker's form."""

from typing import Any

from kedro_aws_plugin.config.variants import Capture

_TEXT = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
"""What is captured as it is. SageMaker encodes all other content types in base64."""


def build_capture_config(capture: Capture) -> dict[str, Any]:
    """Build the DataCaptureConfig of an endpoint config. The destination must be known."""
    modes = [mode for mode, wanted in (("Input", capture.input), ("Output", capture.output)) if wanted]
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": str(capture.destination).rstrip("/"),
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": _TEXT,
    }
