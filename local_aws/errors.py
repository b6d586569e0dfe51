"""What the local AWS raises for its user to read."""

import click


class LocalAwsError(click.ClickException):
    """The local AWS did not start, or stopped answering.

    The message says what happened and what to do next. A click command that raises it prints that one
    sentence and exits with 1.
    """
