"""Step Functions as a service of the overlay."""

from local_aws.kept.tables import OpenRoom
from local_aws.protocol.aws_json import Params, TabledService
from local_aws.stepfunctions.executions import Executions
from local_aws.stepfunctions.machines import Machines
from local_aws.stepfunctions.run import Processors, Surroundings
from local_aws.stepfunctions.store import Invoke, Store


class StepFunctions:
    """The service of Step Functions.

    Args:
        invoke: Calls an operation of SageMaker.
        processors: What bounds the jobs that run at the same time.
        region: The region of requests that are not signed.
        open_room: Makes the tables, with what is kept of them.
    """

    def __init__(self, invoke: Invoke, processors: Processors, region: str, open_room: OpenRoom) -> None:
        self._store = Store(open_room)
        self._executions = Executions(Surroundings(self._store, invoke, processors))
        operations = {**Machines(self._store, self._executions).operations(), **self._executions.operations()}
        self.service = TabledService("stepfunctions", "AWSStepFunctions", operations, region)
        self._executions.take_over()

    def invoke(self, region: str, operation: str, params: Params) -> Params:
        """Call an operation from within the local AWS.

        Raises:
            AwsFault: If it is refused.
        """
        return self.service.invoke(region, operation, params)

    def count(self) -> dict[str, int]:
        """Count what there is, by its name."""
        with self._store.lock:
            return {
                "state machines": len(self._store.machines),
                "executions of state machines": len(self._store.executions),
            }

    def reset(self) -> None:
        """Delete everything, and end what runs."""
        self._store.clear()
        self._executions.end()
