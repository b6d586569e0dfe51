"""`kedro aws spark-jars`."""

import click

from kedro_aws_plugin.cli.options import output_option


@click.command("spark-jars")
@click.option("--iceberg", is_flag=True, help="Print also what Spark needs for the Iceberg tables of Glue.")
@output_option
def spark_jars(iceberg: bool, output: str) -> None:
    """Print the lines for spark.yml that let Spark read s3a://.

    They name the hadoop-aws that fits the installed pyspark, or the Spark in SPARK_HOME, and the modules of
    the AWS SDK that it uses. Spark fetches them from Maven Central once, when a session first starts. This
    command uses no network.
    """
    import json

    from kedro_aws_plugin.spark.iceberg import find_iceberg_settings
    from kedro_aws_plugin.spark.jars import find_jars_folder, find_s3a_settings, read_hadoop_version

    settings = find_s3a_settings()
    if iceberg:
        for key, values in find_iceberg_settings().items():
            settings[key] = [*settings.get(key, []), *values]
    if output == "json":
        named = {key.removeprefix("spark.jars."): value for key, value in settings.items()}
        click.echo(json.dumps({**named, "hadoop": read_hadoop_version(find_jars_folder())}, indent=2))
        return
    for key, values in settings.items():
        if key.startswith("spark.jars."):
            click.echo("\n".join([f"{key}:", *(f"  - {value}" for value in values)]))
        else:
            click.echo(f"{key}: {','.join(values)}")
