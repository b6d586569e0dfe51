"""What can go wrong, for the user to read.

    KedroAwsError            a ClickException: one sentence on stderr, exit code 1, no traceback
    ├── ConfigError          aws.yml or the catalog: file, key, fix
    ├── ProjectError         the Kedro project or the model in it
    ├── AwsError             AWS refused or could not be reached
    ├── LocalAwsError        the local AWS did not start, or died
    ├── SparkError           Java, the jars or the Spark session do not allow what was asked
    └── ServingError         an endpoint failed, or a model did not answer as it should

Every message says where, what, and what to do next.
"""

import click


class KedroAwsError(click.ClickException):
    """Base of every error this plugin raises on purpose."""


class ConfigError(KedroAwsError):
    """A configuration file has a wrong, missing or unknown key."""


class ProjectError(KedroAwsError):
    """The Kedro project, its catalog or its model does not allow what was asked."""


class AwsError(KedroAwsError):
    """AWS refused a request, or could not be reached."""


class LocalAwsError(KedroAwsError):
    """The local AWS did not start, or stopped answering."""


class SparkError(KedroAwsError):
    """Java, the jars or the Spark session do not allow what was asked."""


class ServingError(KedroAwsError):
    """An endpoint did not come into service, or its model did not answer as it should."""
