"""Run `kedro` with the arguments given; print as the last line how many seconds its requests to AWS took."""

import time
from typing import Any

from kedro.framework.cli.cli import main

from kedro_aws_plugin.aws.after_import import change_modules

spent: list[float] = []


def time_requests(module: Any) -> None:
    """Add up what botocore waits for."""
    send = module.URLLib3Session.send

    def timed(self: Any, request: Any) -> Any:
        began = time.perf_counter()
        try:
            return send(self, request)
        finally:
            spent.append(time.perf_counter() - began)

    module.URLLib3Session.send = timed


change_modules({"botocore.httpsession": time_requests})
try:
    main()
finally:
    print(f"\n{sum(spent)}")
