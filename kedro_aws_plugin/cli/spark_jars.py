"""`kedro aws spark-jars`."""

import click

from kedro_aws_plugin.cli.options import output_option


@click.command("spark-jars")
@output_option
def spark_jars(output: str) -> None:
    """Print the line for spark.yml with which Spark reads s3a://.

    It names the hadoop-aws that fits the installed pyspark, or the Spark of SPARK_HOME. Spark fetches it from
    Maven Central when a session starts, and once. Nothing is asked over the network here.
    """
    import json

    from kedro_aws_plugin.spark.jars import hadoop_version, jars_folder, s3a_packages

    packages = s3a_packages()
    if output == "json":
        click.echo(json.dumps({"packages": packages, "hadoop": hadoop_version(jars_folder())}, indent=2))
    else:
        click.echo(f"spark.jars.packages: {','.join(packages)}")
