"""What spark.yml and `--params spark.<key>=...` come to."""

from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin.config.spark import read_spark_settings
from kedro_aws_plugin.errors import ConfigError


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    for env in ("base", "local"):
        (tmp_path / env).mkdir()
    (tmp_path / "base/globals.yml").write_text("cores: 3\n")
    return tmp_path


def settings(conf: Path, target: str = "local", **params: Any) -> dict[str, str]:
    loader = OmegaConfigLoader(
        str(conf), base_env="base", default_run_env="local", runtime_params={"spark": params, "sparkle": 1}
    )
    return read_spark_settings(loader, target)


def test_a_project_without_spark_yml(conf: Path) -> None:
    assert settings(conf) == {}
    assert settings(conf, master="local[2]") == {"spark.master": "local[2]"}


def test_values_become_texts(conf: Path) -> None:
    (conf / "base/spark.yml").write_text(
        "spark.ui.enabled: false\n"
        "spark.sql.shuffle.partitions: ${globals:cores}\n"
        "spark: {driver: {memory: 2g}, jars: [a.jar, b.jar]}\n"
    )
    assert settings(conf) == {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "3",
        "spark.driver.memory": "2g",
        "spark.jars": "a.jar,b.jar",
    }


def test_what_is_above_wins(conf: Path) -> None:
    (conf / "base/spark.yml").write_text(
        "spark.master: local[1]\nspark.a: 1\nspark.b: 1\nspark.jars.packages: x\n"
    )
    (conf / "local/spark.yml").write_text("spark.a: 2\nspark.b: 2\nspark.jars.packages: null\n")
    assert settings(conf, master="spark://h:7077", b=3) == {
        "spark.master": "spark://h:7077",
        "spark.a": "2",
        "spark.b": "3",
    }


def test_a_key_that_is_not_sparks(conf: Path) -> None:
    (conf / "base/spark.yml").write_text("driver.memory: 2g\n")
    with pytest.raises(ConfigError, match=r"unknown key `driver\.memory`\. Spark's properties begin with"):
        settings(conf)


def test_a_global_that_is_not_there(conf: Path) -> None:
    (conf / "base/spark.yml").write_text("spark.cores.max: ${globals:coers}\n")
    with pytest.raises(ConfigError, match=r"spark\.yml: .*coers.* Correct it there or in globals\.yml"):
        settings(conf)


@pytest.mark.parametrize(
    ("key", "refused"),
    [
        ("fs.s3a.endpoint", {"local", "aws"}),
        ("fs.s3a.access.key", {"local", "aws"}),
        ("fs.s3a.bucket.iris.endpoint", {"local"}),
        ("fs.s3a.bucket.iris.aws.credentials.provider", {"local"}),
        ("mapreduce.fileoutputcommitter.algorithm.version", {"local", "aws"}),
        ("fs.s3a.connection.maximum", set()),
    ],
)
def test_the_aws_is_not_chosen_in_spark_yml(conf: Path, key: str, refused: set[str]) -> None:
    (conf / "base/spark.yml").write_text(f"spark.hadoop.{key}: there\n")
    for target in ("local", "aws"):
        if target in refused:
            with pytest.raises(ConfigError, match=f"`spark.hadoop.{key}` follows from the AWS in force"):
                settings(conf, target)
        else:
            assert settings(conf, target) == {f"spark.hadoop.{key}": "there"}
