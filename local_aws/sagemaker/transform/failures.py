"""How transform jobs end, other than well."""

SEE_LOGS = "See job logs for more information"


class JobFailed(Exception):
    """A job fails. The text becomes its FailureReason."""


class JobStopped(Exception):
    """A job was asked to stop."""


class InputFailed(Exception):
    """An input cannot be transformed, and its job goes on with the next one.

    Args:
        blame: ``ClientError`` if the input is at fault, ``AlgorithmError`` if the container is.
        lines: What the log says of it.
    """

    def __init__(self, blame: str, *lines: str) -> None:
        super().__init__(blame)
        self.blame = blame
        self.lines = lines
