"""The error that the local AWS raises for its user to read."""

import click


class LocalAwsError(click.ClickException):
    """The local AWS did not start, is not running, or stopped answering.

    The message says what happened and what to do next. A click command that raises it prints the message on
    standard error and exits with 1.
    """
