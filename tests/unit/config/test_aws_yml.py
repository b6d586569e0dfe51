"""From the files of conf/ to an AwsConfig."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from aws_yml_files import BASE, Read, loaded, refusal
from kedro.config import AbstractConfigLoader, OmegaConfigLoader

from kedro_aws_plugin.config import choose_role, merge_deploy, require_registry
from kedro_aws_plugin.config.loader import read_config
from kedro_aws_plugin.errors import ConfigError


def test_two_keys_are_enough(read: Read) -> None:
    config = loaded(read, {"base/aws.yml": BASE})
    assert (config.env, config.target) == ("local", "local")
    assert (config.region, config.bucket) == ("eu-west-1", "my-flights-data")
    assert (config.registry, config.deploy, config.role_arn) == (None, None, None)
    assert (config.local.port, config.local.autostart) == (0, True)


def test_the_environments_file_lies_over_that_of_base_and_globals_resolve(read: Read) -> None:
    files = {
        "base/aws.yml": "region: eu-west-1\nbucket: ${globals:bucket}\n",
        "base/globals.yml": "bucket: flights-laptop\n",
        "prod/aws.yml": "target: aws\nregion: us-east-2\nrole_arn: arn:aws:iam::123456789012:role/kedro\n",
        "prod/globals.yml": "bucket: flights-prod\n",
    }
    config = loaded(read, files, env="prod")
    assert (config.target, config.region, config.bucket) == ("aws", "us-east-2", "flights-prod")
    assert config.role_arn == "arn:aws:iam::123456789012:role/kedro"


def test_a_project_without_aws_yml_has_no_configuration(read: Read) -> None:
    assert read({}) is None


class OwnLoader(AbstractConfigLoader):
    """A config loader of a project's own, which knows no patterns."""

    def __getitem__(self, key: str) -> object:
        raise AssertionError(f"{key} was asked for")


def test_a_project_with_a_config_loader_of_its_own_has_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "aws.yml").write_text(BASE, encoding="utf-8")
    assert read_config(OwnLoader(str(tmp_path)), tmp_path) is None


@pytest.mark.parametrize("has_aws_yml", [True, False])
def test_a_packed_configuration_is_read_like_a_folder(tmp_path: Path, has_aws_yml: bool) -> None:
    """As `kedro package` packs it, for `kedro run --conf-source`."""
    conf = tmp_path / "conf"
    for env in ("base", "local"):
        (conf / env).mkdir(parents=True)
        (conf / env / "parameters.yml").write_text("{}\n", encoding="utf-8")
    if has_aws_yml:
        (conf / "base" / "aws.yml").write_text(BASE, encoding="utf-8")
    packed = tmp_path / "conf-my_flights.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(conf, "conf")
    loader = OmegaConfigLoader(str(packed), base_env="base", default_run_env="local")
    config = read_config(loader, packed)
    assert (config.bucket if config else None) == ("my-flights-data" if has_aws_yml else None)


@pytest.mark.parametrize(
    ("env", "stated", "target"),
    [
        ("local", None, "local"),
        ("local", "local", "local"),
        ("aws", None, "aws"),
        ("aws", "aws", "aws"),
        ("staging", "aws", "aws"),
        ("ci", "local", "local"),
    ],
)
def test_the_environment_decides_which_aws(read: Read, env: str, stated: str | None, target: str) -> None:
    files = {"base/aws.yml": BASE, f"{env}/aws.yml": f"target: {stated}\n" if stated else "{}\n"}
    assert loaded(read, files, env).target == target


@pytest.mark.parametrize(
    ("env", "files", "message"),
    [
        pytest.param(
            "local",
            {"local/aws.yml": "target: aws\n"},
            "conf/local/aws.yml: `target: aws` contradicts the environment `local`. "
            "Remove it, or use another environment: conf/<env>/aws.yml with `target: aws`.",
            id="local is never the real AWS",
        ),
        pytest.param(
            "aws",
            {"aws/aws.yml": "target: local\n"},
            "conf/aws/aws.yml: `target: local` contradicts the environment `aws`. "
            "Remove it, or use another environment: conf/<env>/aws.yml with `target: local`.",
            id="aws is never the local AWS",
        ),
        pytest.param(
            "local",
            {"base/aws.yml": f"{BASE}target: aws\n"},
            "conf/base/aws.yml: `target: aws` contradicts the environment `local`. "
            "Remove it, or use another environment: conf/<env>/aws.yml with `target: aws`.",
            id="not by the base file either",
        ),
        pytest.param(
            "staging",
            {"staging/aws.yml": "region: eu-west-3\n"},
            "conf/staging/aws.yml: `target` is missing. "
            "Add `target: aws` for the real AWS or `target: local` for the local one.",
            id="another environment must say",
        ),
        pytest.param(
            "staging",
            {"staging/aws.yml": "target: prod\n"},
            "conf/staging/aws.yml: `target` is `prod`. Write `target: local` or `target: aws`.",
            id="neither of the two",
        ),
        pytest.param(
            "stagng",
            {"staging/aws.yml": "target: aws\n"},
            "There is no folder conf/stagng for the environment `stagng`; did you mean `staging`? "
            "Create it, or choose another --env.",
            id="no such folder, one is near",
        ),
        pytest.param(
            "zzz",
            {},
            "There is no folder conf/zzz for the environment `zzz`. Create it, or choose another --env.",
            id="no such folder",
        ),
    ],
)
def test_an_environment_that_cannot_be(read: Read, env: str, files: Mapping[str, str], message: str) -> None:
    assert refusal(read, {"base/aws.yml": BASE, **files}, env) == message


def test_a_command_that_needs_the_registry_says_so(read: Read) -> None:
    config = loaded(read, {"base/aws.yml": BASE})
    with pytest.raises(ConfigError) as refused:
        require_registry(config)
    assert refused.value.message == (
        "conf/base/aws.yml: `registry` is missing. Add `registry.group` (a model package group) "
        "and `registry.model` (a catalog entry)."
    )


def test_the_real_aws_needs_a_role_and_the_local_one_none(read: Read) -> None:
    files = {"base/aws.yml": BASE, "aws/aws.yml": "target: aws\n"}

    def unasked() -> str:
        raise AssertionError("the stack was looked up")

    assert choose_role(loaded(read, files, "local"), unasked).startswith("arn:aws:iam::123456789012:role/")
    assert choose_role(loaded(read, files, "aws"), lambda: "arn:of-the-stack") == "arn:of-the-stack"
    own = {**files, "aws/aws.yml": "role_arn: arn:aws:iam::123456789012:role/own\n"}
    assert choose_role(loaded(read, own, "aws"), unasked).endswith("role/own")
    with pytest.raises(ConfigError) as refused:
        choose_role(loaded(read, files, "aws"), lambda: None)
    assert refused.value.message == (
        "conf/aws/aws.yml: `role_arn` is missing. Make a role with `kedro aws bootstrap`, or add the ARN of "
        "one that SageMaker may assume and that may read s3://my-flights-data."
    )


def test_options_of_deploy_lie_over_its_section(read: Read) -> None:
    section = "deploy: {endpoint: e, instance_type: ml.c5.large, serverless: {memory_mb: 1024}}\n"
    config = loaded(read, {"base/aws.yml": BASE + section})
    changes = {"endpoint": None, "mode": "serverless", "memory_mb": 4096, "instance_count": 3}
    deploy = merge_deploy(config, changes)
    assert (deploy.endpoint, deploy.mode, deploy.instance_type) == ("e", "serverless", "ml.c5.large")
    assert (deploy.serverless.memory_mb, deploy.serverless.max_concurrency) == (4096, 5)
    assert deploy.instance_count == 3
    unchanged = merge_deploy(config, {})
    assert (unchanged.mode, unchanged.instance_count, unchanged.serverless.memory_mb) == ("realtime", 1, 1024)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "conf/base/aws.yml: `deploy.endpoint` is missing. Add it, or give --endpoint."),
        (
            {"endpoint": "e", "memory_mb": 1000},
            "--memory: `1000` is wrong: input should be 1024, 2048, 3072, 4096, 5120 or 6144.",
        ),
        (
            {"endpoint": "e", "max_concurrency": 0},
            "--max-concurrency: `0` is wrong: input should be greater than or equal to 1.",
        ),
        (
            {"endpoint": "e", "instance_count": 0},
            "--instance-count: `0` is wrong: input should be greater than or equal to 1.",
        ),
        (
            {"endpoint": "e", "instance_type": "big"},
            "--instance-type: `big` is not an instance type; one looks like ml.m5.large.",
        ),
        (
            {"endpoint": "my_flights"},
            "--endpoint: `my_flights` is not an endpoint name: "
            "1 to 54 lower-case letters, digits and inner hyphens.",
        ),
    ],
)
def test_a_wrong_option_is_named(read: Read, changes: Mapping[str, object], message: str) -> None:
    config = loaded(read, {"base/aws.yml": BASE})
    with pytest.raises(ConfigError) as refused:
        merge_deploy(config, changes)
    assert refused.value.message == message
