"""The `kedro aws` commands. Each is imported only when it is called, so that `kedro` itself stays fast."""

from typing import Any

import click
from kedro.framework.cli.utils import LazyGroup

from kedro_aws_plugin.kedro_internals import silence_resolver_warning

silence_resolver_warning()
_HERE = "kedro_aws_plugin.cli"


class CommandGroup(LazyGroup):
    """A group that names the nearest command if the user mistypes one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command that the user names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from kedro_aws_plugin.errors import suggest

            nearest = suggest(args[0], self.list_commands(ctx), otherwise="")
            if not nearest:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}{nearest}", ctx) from None


@click.group(name="aws")
def commands() -> None:
    """Add the plugin's commands to `kedro`."""


@commands.group(
    name="aws",
    cls=CommandGroup,
    lazy_subcommands={
        "approve-model": f"{_HERE}.approval.approve_model",
        "bootstrap": f"{_HERE}.bootstrap.bootstrap",
        "compile": f"{_HERE}.compile.compile_",
        "deploy": f"{_HERE}.deploy.deploy",
        "destroy": f"{_HERE}.destroy.destroy",
        "doctor": f"{_HERE}.doctor.doctor",
        "globals": f"{_HERE}.globals.globals_",
        "init": f"{_HERE}.init.init",
        "local": f"{_HERE}.local.local",
        "logs": f"{_HERE}.logs.logs",
        "models": f"{_HERE}.models.models",
        "policy": f"{_HERE}.policy.policy",
        "predict": f"{_HERE}.predict.predict",
        "prices": f"{_HERE}.prices.prices",
        "register-model": f"{_HERE}.register_model.register_model",
        "reject-model": f"{_HERE}.approval.reject_model",
        "retry": f"{_HERE}.retry.retry",
        "rollback": f"{_HERE}.rollback.rollback",
        "runs": f"{_HERE}.runs.runs",
        "schedule": f"{_HERE}.schedule.schedule",
        "spark-jars": f"{_HERE}.spark_jars.spark_jars",
        "status": f"{_HERE}.status.status",
        "stop": f"{_HERE}.stop.stop",
        "submit": f"{_HERE}.submit.submit",
        "transform": f"{_HERE}.transform.transform",
    },
)
def aws() -> None:
    """Register, deploy and serve this project's models on AWS, or on the local AWS.

    The usual way: `kedro run`, then register-model, approve-model, deploy and predict; destroy at the end.
    """
    from kedro_aws_plugin.cli.collector import collect_rarely

    click.get_current_context().with_resource(collect_rarely())
