"""The local AWS's own routes under ``/_kedro_aws/``, which `local_aws.control` calls."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local_aws.athena.service import Athena
from local_aws.cloudformation.service import CloudFormation
from local_aws.control.credentials import Credentials
from local_aws.control.proof import prove
from local_aws.emr_serverless.service import EmrServerless
from local_aws.kept.database import NotKept
from local_aws.kept.folder import UnusableError, resetting
from local_aws.protocol.messages import AwsFault, Request, Response
from local_aws.protocol.moto_app import Moto
from local_aws.s3.content import Store
from local_aws.s3.keeping import Keeping
from local_aws.sagemaker.service import SageMaker
from local_aws.scheduler.schedules import Schedules
from local_aws.server.contents import Contents
from local_aws.server.log_shipper import LogShipper
from local_aws.server.seeding import Seeding
from local_aws.stepfunctions.service import StepFunctions

PREFIX = "/_kedro_aws/"
_MOTO_RESET = "/moto-api/reset"


@dataclass(frozen=True)
class Parts:
    """The parts of the server that its own routes need."""

    moto: Moto
    objects: Store | Keeping
    sagemaker: SageMaker
    athena: Athena
    machines: StepFunctions
    stacks: CloudFormation
    emr_serverless: EmrServerless
    seeding: Seeding
    contents: Contents
    logs: LogShipper
    schedules: Schedules
    credentials: Callable[[], Credentials]
    renew: Callable[[], None]
    flush: Callable[[], None]
    kept: Path | None
    shut_down: Callable[[], None]


class Administration:
    """The routes health, status, seed, prune, reset, clock, renew and stop, for whom the gate has let in."""

    name = "local"

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._routes: dict[str, Callable[[Any], Any]] = {
            "health": self._health,
            "status": self._status,
            "seed": self._seed,
            "prune": self._prune,
            "reset": self._reset,
            "clock": self._move_clock,
            "renew": self._renew,
            "stop": self._stop,
        }

    def handles(self, request: Request) -> bool:
        """Tell whether the path is one of these routes, or moto's reset, which would leave half of it all."""
        return request.path.startswith(PREFIX) or request.path == _MOTO_RESET

    def handle(self, request: Request) -> Response:
        """Answer in JSON."""
        if request.path == _MOTO_RESET:
            return Response.of_json(200, {"status": "ok", **self._reset({})})
        route = self._routes.get(request.path.removeprefix(PREFIX))
        if route is None:
            return Response.of_json(404, {"message": f"{request.path} is not a route of the local AWS."})
        try:
            return Response.of_json(200, route(json.loads(request.body or b"{}")))
        except AwsFault as fault:
            return Response.of_json(fault.status, {"message": fault.message})
        except (NotKept, UnusableError, OSError) as error:
            return Response.of_json(503, {"message": str(error)})

    def _health(self, params: Any) -> Any:
        secret = self._parts.credentials().secret_access_key
        return {"proof": prove(secret, str(params.get("challenge", "")))}

    def _status(self, _params: Any) -> Any:
        return self._parts.contents.describe()

    def _seed(self, params: Any) -> Any:
        return self._parts.seeding.seed(
            params["bucket"], Path(params["folder"]), params["region"], params["athena"]
        )

    def _prune(self, params: Any) -> Any:
        return asdict(self._parts.athena.delete_old(time.time() - float(params["older_than"])))

    def _reset(self, _params: Any) -> Any:
        with resetting(self._parts.kept):
            # First, since it is refused on a full disk; and what is made from here on keeps its files.
            self._parts.objects.clear()
            self._parts.machines.reset()
            self._parts.sagemaker.reset()
            self._parts.emr_serverless.reset()
            self._parts.athena.reset()
            self._parts.stacks.reset()
            self._parts.logs.reset()
            self._parts.moto.reset()
            self._parts.schedules.clear()
            self._parts.seeding.reset()
            self._parts.flush()
        return {}

    def _move_clock(self, params: Any) -> Any:
        self._parts.schedules.clock.move(float(params["seconds"]))
        self._parts.schedules.wake()
        return {"now": self._parts.schedules.clock.now()}

    def _renew(self, _params: Any) -> Any:
        self._parts.renew()
        return {}

    def _stop(self, _params: Any) -> Any:
        self._parts.shut_down()
        return {}
