"""A pytest plugin for suites of others that run against the local AWS; see run_peer_suites.py.

It does what their own accounts on AWS do: pyarrow's S3 gets an endpoint, which it does not read from
AWS_ENDPOINT_URL, and awswrangler's tests get the outputs of their stack.
"""

import importlib
import importlib.util
import json
import os
from typing import Any
from urllib.parse import urlsplit


def _point_pyarrow() -> None:
    from pyarrow import fs

    class EndpointS3(fs.S3FileSystem):  # type: ignore[misc]
        """pyarrow's S3 with the endpoint of the environment."""

        def __init__(self, *args: Any, **options: Any) -> None:
            parts = urlsplit(os.environ["AWS_ENDPOINT_URL"])
            super().__init__(*args, **{"endpoint_override": parts.netloc, "scheme": parts.scheme, **options})

    fs.S3FileSystem = EndpointS3


def _give_outputs() -> None:
    try:
        _utils = importlib.import_module("tests._utils")
    except ImportError:  # another project's tests
        return
    outputs = json.loads(os.environ["PEER_STACK_OUTPUTS"])
    vars(_utils)["extract_cloudformation_outputs"] = lambda: outputs


if importlib.util.find_spec("pyarrow"):
    _point_pyarrow()
_give_outputs()
