"""A wrong aws.yml: one sentence with file, key and fix."""

import pytest
from aws_yml_files import BASE, BUCKET_RULE, TOP_LEVEL, Read, refusal

SETTINGS = (
    "vpc, network_isolation, environment, volume_kms_key, tags, volume_gb, startup_timeout, download_timeout"
)

ONE_INSTANCE = (
    "a step runs on one instance, since two would run the same nodes and write the same files. Choose a "
    "larger `instance_type`, or put the nodes into several steps: `pipelines.steps`."
)


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
            "Known keys here: group, metrics, sample, method, requirements, include_project, bundle, image, "
            "model, on_run.",
            id="registry; the misspelt key, not the missing one",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, instances: 2}}\n",
            "unknown key `deploy.instances`; did you mean `instance_type`? "
            f"Known keys here: {SETTINGS}, group, mode, instance_type, instance_count, serverless, "
            "async, autoscaling, update, capture, variants, shadow, endpoints, "
            "endpoint.",
            id="deploy",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, serverless: {{memory: 1024}}}}\n",
            "unknown key `deploy.serverless.memory`; did you mean `memory_mb`? "
            "Known keys here: memory_mb, max_concurrency, provisioned_concurrency.",
            id="deploy.serverless",
        ),
        pytest.param(
            f"{BASE}local: {{prt: 1}}\n",
            "unknown key `local.prt`; did you mean `port`? Known keys here: port, autostart.",
            id="local",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{resources: {{spot: true}}}}\n""",
            "`pipelines`: `resources.spot`: a processing job has no such thing; set `job: "
            "training` there, or remove the key.",
            id="pipelines: spot without training",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{steps: {{fit: {{nodes: [a], keep_alive_minutes: 5}}}}}}\n""",
            "`pipelines`: `steps.fit.keep_alive_minutes`: a processing job has no such thing; "
            "set `job: training` there, or remove the key.",
            id="pipelines: warm pool without training",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{resources: {{job: training, spot: true, keep_alive_minutes: 5}}}}\n""",
            "`pipelines`: `resources.keep_alive_minutes`: the instance of a `spot` job is not "
            "kept; remove one of the two.",
            id="pipelines: spot and warm pool",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{resources: {{instance_count: 2}}}}\n""",
            f"there is no key `pipelines.resources.instance_count`: {ONE_INSTANCE}",
            id="pipelines: several instances",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{steps: {{fit: {{nodes: [a], instance_count: 2}}}}}}\n""",
            f"there is no key `pipelines.steps.fit.instance_count`: {ONE_INSTANCE}",
            id="pipelines: several instances of a step",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{resources: {{keep_alive_minutes: 361}}}}\n""",
            "`pipelines.resources.keep_alive_minutes`: `361` is wrong: input should be less than "
            "or equal to 360.",
            id="pipelines: warm pool too long",
        ),
        pytest.param(
            f"{BASE}pipelines:\n  resources: {{instance_type: ml.g5.xlarge, volume_kms_key: alias/mine}}\n",
            "`pipelines`: `resources.volume_kms_key`: the disks of ml.g5.xlarge are built in and "
            "encrypted by their hardware, and SageMaker takes no key for them; remove the key, "
            "or choose another instance type.",
            id="pipelines: a key for built-in disks",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{resources: {{runner: ParallelRunner}}}}\n""",
            "`pipelines.resources.runner`: `ParallelRunner` is wrong: input should be 'SequentialRunner' or "
            "'ThreadRunner'.",
            id="pipelines: runner",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{stepfunctions: {{compute: batch}}}}\n""",
            "unknown key `pipelines.stepfunctions.compute`. Known keys here: role_arn.",
            id="pipelines: state machines make no jobs of AWS Batch",
        ),
        pytest.param(
            f"{BASE}pipelines: {{prefix: ../x}}\n",
            "`pipelines.prefix`: `../x` is not a folder of the bucket: 1 to 64 characters, without `/` at "
            "its ends; one looks like kedro-aws.",
            id="pipelines: a folder above",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{install: wheels}}\n""",
            "`pipelines.install`: `wheels` is wrong: input should be 'index', 'wheelhouse' or 'none'.",
            id="pipelines: install",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{install: none}}\n""",
            "`pipelines`: `install: none` needs `image`: AWS's scikit-learn image has neither "
            "Kedro nor this plugin.",
            id="pipelines: install none without an image",
        ),
        pytest.param(
            f"{BASE}pipelines:\n  install: wheelhouse\n"
            "  image: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1\n",
            "`pipelines`: `install: wheelhouse` needs `python`, the Python of `image`, such as '3.12'.",
            id="pipelines: own image without its Python",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{python: "3.12"}}\n""",
            "`pipelines`: `python` chooses wheels for an image of your own; remove it, or set "
            "`image` and `install: wheelhouse`.",
            id="pipelines: python without an image",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{python: 3.12}}\n""",
            "`pipelines.python`: `3.12` is no text; write it in quotes.",
            id="pipelines: python as a number",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{vpc: {{subnets: [subnet-0a1b2c3d4e5f60718]}}}}\n""",
            "`pipelines.vpc.security_groups` is missing. Add it.",
            id="pipelines: vpc without security groups",
        ),
        pytest.param(
            f"""{BASE}pipelines: {{keep_days: 0}}\n""",
            "`pipelines.keep_days`: `0` is wrong: input should be greater than or equal to 1.",
            id="pipelines: keep_days",
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
            f"{BASE}deploy: {{endpoints: {{}}}}\n", "`deploy.endpoint` is missing. Add it.", id="no endpoints"
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoint: e, endpoints: {{f: {{}}}}}}\n",
            "`deploy.endpoint`: `e` stands beside `deploy.endpoints`; keep one of the two, with all the "
            "names there.",
            id="both forms",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoints: {{e: {{instances: 2}}}}}}\n",
            "unknown key `deploy.endpoints.e.instances`; did you mean `instance_type`? "
            f"Known keys here: {SETTINGS}, group, mode, instance_type, instance_count, serverless, async, "
            "autoscaling, update, capture, variants, shadow.",
            id="a key of one of several endpoints",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoints: {{group: {{instances: 2}}}}}}\n",
            "unknown key `deploy.endpoints.group.instances`; did you mean `instance_type`? "
            f"Known keys here: {SETTINGS}, group, mode, instance_type, instance_count, serverless, async, "
            "autoscaling, update, capture, variants, shadow.",
            id="an endpoint called like a key",
        ),
        pytest.param(
            f"{BASE}deploy: {{endpoints: {{my_price: {{}}}}}}\n",
            "`deploy.endpoints.my_price`: `my_price` is not an endpoint name: 1 to 54 lower-case letters, "
            "digits and inner hyphens.",
            id="the name of one of several endpoints",
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
            "`deploy.mode`: `batch` is wrong: input should be 'realtime', 'serverless' or 'async'.",
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
            f"{BASE}deploy: {{endpoint: e, serverless: {{provisioned_concurrency: 6}}}}\n",
            "`deploy.serverless.provisioned_concurrency`: `6` is more than `max_concurrency`, 5; lower it, "
            "or raise that.",
            id="provisioned concurrency",
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
            "`region`: `Ireland` is not an AWS region; one looks like eu-west-1.",
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
        pytest.param(f"1: 2\n{BASE}", "the key `1` is not a text. Correct it there.", id="a number as key"),
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
            "conf/base/aws.yml: `region`: `x` is not an AWS region; one looks like eu-west-1.",
            id="value in base, another key in the environment",
        ),
        pytest.param(
            BASE,
            "registry: {grup: g}\n",
            "conf/local/aws.yml: unknown key `registry.grup`; did you mean `group`? "
            "Known keys here: group, metrics, sample, method, requirements, include_project, bundle, image, "
            "model, on_run.",
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
