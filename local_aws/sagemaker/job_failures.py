"""How jobs end, other than well."""

SEE_LOGS = "See job logs for more information"


class JobFailed(Exception):
    """A job fails. The text becomes its FailureReason."""


class JobStopped(Exception):
    """A job was asked to stop, or has run for too long. The text, if there is one, becomes its reason."""
