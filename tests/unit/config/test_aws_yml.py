"""aws.yml as users get it wrong: which file, which key, what to write instead."""

import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kedro.config import AbstractConfigLoader, OmegaConfigLoader

from kedro_aws_plugin.config import AwsConfig, deploy_of, registry_of, role_of
from kedro_aws_plugin.config.loader import read_config
from kedro_aws_plugin.errors import ConfigError

BASE = "region: eu-west-1\nbucket: my-flights-data\n"
TOP_LEVEL = "target, region, bucket, role_arn, registry, deploy, athena, globals, spark, local"
BUCKET_RULE = "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit at both ends"

Read = Callable[..., AwsConfig | None]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a `conf` folder of the given files: {"base/aws.yml": text, ...}."""
    conf = tmp_path / "conf"

    def read_files(files: Mapping[str, str], env: str | None = None) -> AwsConfig | None:
        for folder in ("base", "local"):
            (conf / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (conf / name).parent.mkdir(exist_ok=True)
            (conf / name).write_text(text, encoding="utf-8")
        loader = OmegaConfigLoader(str(conf), env=env, base_env="base", default_run_env="local")
        return read_config(loader, conf)

    return read_files


def loaded(read: Read, files: Mapping[str, str], env: str | None = None) -> AwsConfig:
    config = read(files, env)
    assert config is not None
    return config


def refusal(read: Read, files: Mapping[str, str], env: str | None = None) -> str:
    """The sentence that a folder of files is refused with."""
    with pytest.raises(ConfigError) as refused:
        read(files, env)
    assert refused.value.exit_code == 1
    return refused.value.message


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
    ("text", "message"),
    [
        pytest.param(
            f"{BASE}buckt: x\n",
            f"unknown key `buckt`; did you mean `bucket`? Known keys here: {TOP_LEVEL}.",
            id="top level, misspelt",
        ),
        pytest.param(
            f"{BASE}zzz: 1\n",
            f"unknown key `zzz`. Known keys here: {TOP_LEVEL}.",
            id="top level, nothing near",
        ),
        pytest.param(
            f"{BASE}env: prod\n",
            f"unknown key `env`. Known keys here: {TOP_LEVEL}.",
            id="the environment is chosen by --env",
        ),
        pytest.param(
            f"{BASE}registry: {{grop: g, model: m}}\n",
            "unknown key `registry.grop`; did you mean `group`? "
            "Known keys here: group, metrics, sample, requirements, model, on_run.",
            id="registry; the misspelt key, not the missing one",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, instances: 2}}\n",
            "unknown key `deploy.instances`; did you mean `instance_type`? "
            "Known keys here: endpoint, mode, instance_type, instance_count, serverless.",
            id="deploy",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, serverless: {{memory: 1024}}}}\n",
            "unknown key `deploy.serverless.memory`; did you mean `memory_mb`? "
            "Known keys here: memory_mb, max_concurrency.",
            id="deploy.serverless",
        ),
        pytest.param(
            f"{BASE}local: {{prt: 1}}\n",
            "unknown key `local.prt`; did you mean `port`? Known keys here: port, autostart.",
            id="local",
        ),
        pytest.param("just text\n", f"unknown key `just text`. Known keys here: {TOP_LEVEL}.", id="text"),
        pytest.param("bucket: my-flights-data\n", "`region` is missing. Add it.", id="no region"),
        pytest.param("region: eu-west-1\n", "`bucket` is missing. Add it.", id="no bucket"),
        pytest.param("", "`region` is missing. Add it.", id="empty file"),
        pytest.param("# region: eu-west-1\n", "`region` is missing. Add it.", id="comments only"),
        pytest.param("region:\nbucket: abc\n", "`region` is missing. Add it.", id="key without value"),
        pytest.param(
            f"{BASE}registry: {{model: m}}\n", "`registry.group` is missing. Add it.", id="no group"
        ),
        pytest.param(
            f"{BASE}registry: {{group: g}}\n", "`registry.model` is missing. Add it.", id="no model"
        ),
        pytest.param(
            f"{BASE}deploy: {{mode: realtime}}\n", "`deploy.endpoint` is missing. Add it.", id="name"
        ),
        pytest.param(
            f"{BASE}registry: regressor\n",
            "`registry`: `regressor` is wrong: it should be keys and values.",
            id="a section that is text",
        ),
        pytest.param(
            f"{BASE}registry: {{group: g, model: 3}}\n",
            "`registry.model`: `3` is wrong: input should be a valid string.",
            id="a number for an entry",
        ),
        pytest.param(
            f"{BASE}registry: {{group: g, model: ''}}\n",
            "`registry.model`: `` is wrong: string should have at least 1 character.",
            id="an empty entry",
        ),
        pytest.param(
            f"{BASE}registry: {{group: g, model: m, requirements: lightgbm}}\n",
            "`registry.requirements`: `lightgbm` is wrong: it should be a list.",
            id="text for a list",
        ),
        pytest.param(
            f"{BASE}registry: {{group: my_group, model: m}}\n",
            "`registry.group`: `my_group` is not a name: "
            "1 to 63 lower-case letters, digits and inner hyphens.",
            id="group name",
        ),
        pytest.param(
            f"{BASE}registry: {{group: My-Group, model: m}}\n",
            "`registry.group`: `My-Group` is not a name: "
            "1 to 63 lower-case letters, digits and inner hyphens.",
            id="group name with upper case, which SageMaker writes in lower case in ARNs",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: Flights}}\n",
            "`deploy.endpoint`: `Flights` is not an endpoint name: "
            "1 to 54 lower-case letters, digits and inner hyphens.",
            id="endpoint name with upper case",
        ),
        pytest.param(
            f"{BASE}local: {{port: http}}\n",
            "`local.port`: `http` is wrong: input should be a valid integer, unable to parse "
            "string as an integer.",
            id="port that is text",
        ),
        pytest.param(
            f"{BASE}local: {{port: 70000}}\n",
            "`local.port`: `70000` is wrong: input should be less than or equal to 65535.",
            id="port out of range",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, mode: batch}}\n",
            "`deploy.mode`: `batch` is wrong: input should be 'realtime' or 'serverless'.",
            id="mode",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, instance_type: m5.large}}\n",
            "`deploy.instance_type`: `m5.large` is not an instance type; one looks like ml.m5.large.",
            id="instance type",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, instance_type: ml.m6g.large}}\n",
            "`deploy.instance_type`: `ml.m6g.large` has an ARM processor; "
            "AWS's scikit-learn images are for x86, as in ml.m5.large.",
            id="ARM instance type",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, serverless: {{memory_mb: 1000}}}}\n",
            "`deploy.serverless.memory_mb`: `1000` is wrong: "
            "input should be 1024, 2048, 3072, 4096, 5120 or 6144.",
            id="memory",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, serverless: {{max_concurrency: 201}}}}\n",
            "`deploy.serverless.max_concurrency`: `201` is wrong: input should be less than or equal to 200.",
            id="concurrency",
        ),
        pytest.param(
            f"{BASE}role_arn: kedro-aws\n",
            "`role_arn`: `kedro-aws` is not the ARN of an IAM role; "
            "one looks like arn:aws:iam::123456789012:role/name.",
            id="role",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: {'e' * 55}}}\n",
            f"`deploy.endpoint`: `{'e' * 55}` is not an endpoint name: "
            "1 to 54 lower-case letters, digits and inner hyphens.",
            id="endpoint name too long",
        ),
        pytest.param(
            "region: Ireland\nbucket: abc\n",
            "`region`: `Ireland` is not an AWS region; regions look like eu-west-1.",
            id="region",
        ),
        pytest.param(
            "region: eu-west-1\nbucket: My_Flights\n",
            f"`bucket`: `My_Flights` is not a bucket name: {BUCKET_RULE}.",
            id="bucket",
        ),
        pytest.param("- region\n", "expected keys and values, found a list. Correct it there.", id="a list"),
        pytest.param(
            "region: [\n",
            "line 2: expected the node content, but found '<stream end>'. Correct it there.",
            id="an open bracket",
        ),
        pytest.param(
            "region: eu-west-1: x\n",
            "line 1: mapping values are not allowed here. Correct it there.",
            id="two colons",
        ),
        pytest.param(
            "region: eu-west-1\nregion: eu-west-2\n",
            "line 2: found duplicate key region. Correct it there.",
            id="a key twice",
        ),
        pytest.param(f"1: 2\n{BASE}", "the key `1` is no text. Correct it there.", id="a number as key"),
        pytest.param(
            "region: eu-west-1\nbucket: ${globals:bucket}\n",
            "`bucket`: there is no global `bucket`. Add it to globals.yml, or to `globals:` in aws.yml.",
            id="a global that is missing",
        ),
        pytest.param(
            f"{BASE}target: Local\n",
            "`target` is `Local`. Write `target: local` or `target: aws`.",
            id="target",
        ),
    ],
)
def test_one_sentence_names_file_key_and_fix(read: Read, text: str, message: str) -> None:
    # Kedro builds the ${globals:} resolver of a folder only where it finds a globals file.
    files = {"base/aws.yml": text, "base/globals.yml": "other: 1\n"}
    assert refusal(read, files) == f"conf/base/aws.yml: {message}"


@pytest.mark.parametrize(
    ("base", "local", "message"),
    [
        pytest.param(
            BASE,
            "bucket: X\n",
            f"conf/local/aws.yml: `bucket`: `X` is not a bucket name: {BUCKET_RULE}.",
            id="value",
        ),
        pytest.param(
            "region: x\nbucket: abc\n",
            "role_arn: arn:aws:iam::123456789012:role/r\n",
            "conf/base/aws.yml: `region`: `x` is not an AWS region; regions look like eu-west-1.",
            id="value in base, another key in the environment",
        ),
        pytest.param(
            BASE,
            "registry: {grup: g}\n",
            "conf/local/aws.yml: unknown key `registry.grup`; did you mean `group`? "
            "Known keys here: group, metrics, sample, requirements, model, on_run.",
            id="unknown key",
        ),
        pytest.param(
            f"{BASE}registry: {{group: g, model: m}}\n",
            "registry: {group: h}\n",
            "conf/local/aws.yml: `registry.model` is missing. Add it.",
            id="a section of the environment replaces that of base",
        ),
        pytest.param(
            "region: eu-west-1\n",
            "{}\n",
            "conf/base/aws.yml: `bucket` is missing. Add it.",
            id="missing in both",
        ),
        pytest.param(
            BASE,
            "bucket: [\n",
            "conf/local/aws.yml: line 2: expected the node content, but found '<stream end>'. "
            "Correct it there.",
            id="malformed",
        ),
        pytest.param(
            BASE,
            "- x\n",
            "conf/local/aws.yml: expected keys and values, found a list. Correct it there.",
            id="a list",
        ),
        pytest.param(
            BASE,
            "bucket: ${globals:nope}\n",
            "conf/base/aws.yml or conf/local/aws.yml: `bucket`: there is no global `nope`. Add it to "
            "globals.yml, or to `globals:` in aws.yml.",
            id="either may hold the interpolation",
        ),
    ],
)
def test_the_file_that_sets_the_key_is_named(read: Read, base: str, local: str, message: str) -> None:
    files = {"base/aws.yml": base, "local/aws.yml": local, "base/globals.yml": "other: 1\n"}
    assert refusal(read, files) == message


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
        registry_of(config)
    assert refused.value.message == (
        "conf/base/aws.yml: `registry` is missing. Add `registry.group` (a model package group) "
        "and `registry.model` (a catalog entry)."
    )


def test_the_real_aws_needs_a_role_and_the_local_one_none(read: Read) -> None:
    files = {"base/aws.yml": BASE, "aws/aws.yml": "target: aws\n"}

    def unasked() -> str:
        raise AssertionError("the stack was looked up")

    assert role_of(loaded(read, files, "local"), unasked).startswith("arn:aws:iam::123456789012:role/")
    assert role_of(loaded(read, files, "aws"), lambda: "arn:of-the-stack") == "arn:of-the-stack"
    own = {**files, "aws/aws.yml": "role_arn: arn:aws:iam::123456789012:role/own\n"}
    assert role_of(loaded(read, own, "aws"), unasked).endswith("role/own")
    with pytest.raises(ConfigError) as refused:
        role_of(loaded(read, files, "aws"), lambda: None)
    assert refused.value.message == (
        "conf/aws/aws.yml: `role_arn` is missing. Make a role with `kedro aws bootstrap`, or add the ARN of "
        "one that SageMaker may take on and that may read s3://my-flights-data."
    )


def test_options_of_deploy_lie_over_its_section(read: Read) -> None:
    section = "deploy: {endpoint: e, instance_type: ml.c5.large, serverless: {memory_mb: 1024}}\n"
    config = loaded(read, {"base/aws.yml": BASE + section})
    changes = {"endpoint": None, "mode": "serverless", "memory_mb": 4096, "instance_count": 3}
    deploy = deploy_of(config, changes)
    assert (deploy.endpoint, deploy.mode, deploy.instance_type) == ("e", "serverless", "ml.c5.large")
    assert (deploy.serverless.memory_mb, deploy.serverless.max_concurrency) == (4096, 5)
    assert deploy.instance_count == 3
    assert deploy_of(config, {}) == config.deploy


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
        deploy_of(config, changes)
    assert refused.value.message == message
