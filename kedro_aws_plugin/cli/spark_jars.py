"""`kedro aws spark-jars`."""

import click

from kedro_aws_plugin.cli.options import output_option


@click.command("spark-jars")
@output_option
def spark_jars(output: str) -> None:
    """Print the line for spark.yml that lets Spark read s3a://.

    It names the hadoop-aws that fits the installed pyspark, or the Spark in SPARK_HOME. Spark fetches it from
    Maven Central once, when a session first starts. This command uses no network.
    """
    import json

    from kedro_aws_plugin.spark.jars import find_jars_folder, find_s3a_packages, read_hadoop_version

    packages = find_s3a_packages()
    if output == "json":
        click.echo(
            json.dumps({"packages": packages, "hadoop": read_hadoop_version(find_jars_folder())}, indent=2)
        )
    else:
        click.echo(f"spark.jars.packages: {','.join(packages)}")
