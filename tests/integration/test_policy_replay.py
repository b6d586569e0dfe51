"""The policies of `kedro aws policy` against every call of a whole demonstration on a local AWS."""

import json
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from iam_replay import ACCOUNT, Account, Need, as_list, is_allowed, leave_out
from kedro.framework.session import KedroSession
from requests_sent import Requests, Sent

from kedro_aws_plugin.aws import guard
from kedro_aws_plugin.cli import commands
from local_aws import LocalAws

BUCKET = "small-data"
KEY = "0a1b2c3d-0000-1111-2222-333344445555"
OVERRIDES = {"PutObject": {"SSEKMSKeyId": "alias/small-objects"}}
IMAGE = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/small:1.0"
HERE = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}"
FILES = {
    "conf/base/aws.yml": f"""
        region: eu-west-1
        bucket: {BUCKET}
        registry:
          group: small-price
          model: regressor
          metrics: metrics
          sample: table
          image: {IMAGE}
        deploy:
          volume_kms_key: alias/small-disks
          endpoints:
            small-live: {{}}
            small-queue:
              volume_kms_key: {KEY}
              mode: async
              autoscaling: {{min: 0, max: 2, target: 5}}
            small-shares:
              variants: {{champion: {{package: 1, weight: 9}}, challenger: {{package: 2, weight: 1}}}}
              capture: {{percent: 100}}
        transform:
          input: table
          output: predictions
          output_kms_key: arn:aws:kms:eu-west-1:{ACCOUNT}:key/{KEY}
        overrides:
          PutObject: {{SSEKMSKeyId: {OVERRIDES["PutObject"]["SSEKMSKeyId"]}, ServerSideEncryption: aws:kms}}
        athena:
          database: shop
          workgroup: small
          tables:
            rows:
              location: s3://{BUCKET}/data/raw/rows/
              format: csv
              columns: {{engines: double, crew: double}}
        globals:
          api_key: {{secret: {{id: small/api-key}}}}
          rates: {{ssm: {{name: /small/rates}}}}
    """,
    "conf/base/catalog.yml": f"""
        table: {{type: pandas.CSVDataset, filepath: "s3://{BUCKET}/data/input/table.csv"}}
        regressor: {{type: pickle.PickleDataset, filepath: "s3://{BUCKET}/models/model.pkl", versioned: true}}
        metrics: {{type: json.JSONDataset, filepath: "s3://{BUCKET}/metrics/metrics.json", versioned: true}}
        predictions: {{type: pandas.ParquetDataset, filepath: "s3://{BUCKET}/data/output/predictions.parquet"}}
        queried: {{type: kedro_aws_plugin.datasets.AthenaQueryDataset, query: SELECT engines FROM rows}}
        selected:
          type: kedro_aws_plugin.datasets.AthenaQueryDataset
          query: SELECT crew FROM rows
          mode: select
        made: {{type: kedro_aws_plugin.datasets.AthenaQueryDataset, query: SELECT crew FROM rows, mode: ctas}}
        prices:
          type: kedro_aws_plugin.datasets.AthenaTableDataset
          table: prices
          partition_by: [day]
          mode: overwrite
        customers:
          type: kedro_aws_plugin.datasets.AthenaTableDataset
          table: customers
          table_format: iceberg
          mode: merge
          merge_on: [customer_id]
    """,
    "src/small/pipeline_registry.py": """
        import pandas as pd
        from kedro.pipeline import node, pipeline
        from sklearn.linear_model import LinearRegression

        def fit(table, queried, selected, made, days):
            model = LinearRegression().fit(table, len("".join(days)) * table["engines"])
            prices = pd.DataFrame({"price": [1.0] * len(days), "day": days})
            customers = pd.DataFrame({"customer_id": [len(queried)], "n": [len(selected) + len(made)]})
            return model, {"r2": 1.0}, prices, customers

        def check(table):
            if table.empty:
                raise ValueError("no rows")

        def register_pipelines():
            inputs = ["table", "queried", "selected", "made", "params:days"]
            outputs = ["regressor", "metrics", "prices", "customers"]
            look = pipeline([node(check, name, None) for name in ("prices", "customers", "predictions")])
            return {"__default__": pipeline([node(fit, inputs, outputs)]), "look": look}
    """,
    "conf/base/parameters.yml": "days: [mon, tue]",
    "data/raw/rows/rows.csv": "engines,crew\n1,2\n3,4\n",
}
DEMO = (
    "run __default__ mon,tue",
    "globals",
    "register-model --approve",
    "deploy --endpoint small-live",
    "predict --endpoint small-live",
    "deploy --endpoint small-queue",
    "deploy --endpoint small-queue",
    "predict --endpoint small-queue",
    "transform",
    "status",
    "logs small-live",
    "logs small-queue",
    "logs JOB",
    "models",
    "run look",
    "run __default__ mon,wednesday",
    "register-model",
    "approve-model 2",
    "deploy --endpoint small-live",
    "rollback --endpoint small-live --reason test",
    "deploy --endpoint small-shares",
    "by hand: other weights",
    "deploy --endpoint small-shares",
    "logs small-shares",
    "reject-model 2",
    "destroy --registry --yes",
)
LOCATIONS = {"rows": f"{BUCKET}/data/raw/rows/", "customers": f"{BUCKET}/tables/shop/customers/"}
OF_CI = (
    *("run", "globals", "register-model", "approve-model", "reject-model"),
    *("deploy", "predict", "status", "models", "rollback"),
)
NOT_OF_CI = ("transform", "logs", "destroy", "only on AWS")
ONLY_ON_AWS = (
    Sent("cloudformation", "DescribeStacks", {"StackName": f"kedro-aws-{BUCKET}"}),
    Sent("cloudformation", "GetTemplate", {"StackName": f"kedro-aws-{BUCKET}"}),
    Sent("cloudformation", "CreateStack", {"StackName": f"kedro-aws-{BUCKET}"}),
    Sent("cloudformation", "UpdateStack", {"StackName": f"kedro-aws-{BUCKET}"}),
    Sent("cloudformation", "DescribeStackEvents", {"StackName": f"kedro-aws-{BUCKET}"}),
    Sent("s3", "PutObject", {"Bucket": BUCKET, "Key": "data/raw/rows/rows.csv"}),
    Sent("iam", "GetRole", {"RoleName": "kedro-aws-local"}),
    Sent("s3", "GetBucketLocation", {"Bucket": BUCKET}),
    Sent("s3", "GetPublicAccessBlock", {"Bucket": BUCKET}),
    Sent("s3", "GetBucketEncryption", {"Bucket": BUCKET}),
    Sent("ecr", "DescribeImages", {"registryId": ACCOUNT, "repositoryName": "small"}),
    Sent("service-quotas", "ListServiceQuotas", {"ServiceCode": "sagemaker"}),
)
"""What `bootstrap`, `doctor` and `register-model` ask of the real AWS alone; their own tests show that."""
ON_FAILURE = (
    Sent("sagemaker", "ListTransformJobs", {"StatusEquals": "InProgress"}),
    Sent("sagemaker", "ListEndpoints", {}),
    Sent("sagemaker", "DescribeEndpoint", {"EndpointName": "of-somebody-else"}),
    Sent("s3", "AbortMultipartUpload", {"Bucket": BUCKET, "Key": "models/regressor.pkl/v/regressor.pkl"}),
    Sent("athena", "StopQueryExecution", {"QueryExecutionId": "1"}),
    Sent("sagemaker", "DeleteTags", {"ResourceArn": f"{HERE}:endpoint/small-live"}),
    Sent("sagemaker", "UpdateEndpointWeightsAndCapacities", {"EndpointName": "small-queue"}),
    Sent("sagemaker", "UpdateEndpointWeightsAndCapacities", {"EndpointName": "small-live"}),
    Sent("logs", "GetLogEvents", {"logGroupName": "/aws/sagemaker/TransformJobs", "logStreamName": "x/1"}),
)
"""What the demonstration does not come to: models to remove after a third version, an upload that breaks,
Ctrl-C, a version that failed its check, scaling that aws.yml no longer names, a number of instances that
somebody has changed by hand, a failed job.
"""


@dataclass(frozen=True)
class Replayed:
    """What the demonstration needed, and the policies that were printed before it."""

    needs: dict[str, list[Need]]
    policies: dict[str, dict[str, Any]]

    def of(self, *commands: str) -> set[Need]:
        """What some commands needed, by the beginning of their lines."""
        return {need for line, needs in self.needs.items() for need in needs if line.startswith(commands)}

    @property
    def all(self) -> set[Need]:
        """What all of it needed."""
        return {need for needs in self.needs.values() for need in needs}


@pytest.fixture
def project(small_project: Path, local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose catalog has each kind of dataset, with a secret and a parameter."""
    for name, text in FILES.items():
        file = small_project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
    for name in [name for name in sys.modules if name.partition(".")[0] == "small"]:
        monkeypatch.delitem(sys.modules, name)
    rows = b"engines,crew\n1.0,2.0\n2.0,1.0\n3.0,4.0\n4.0,3.0\n"
    local_aws.client("s3").put_object(Bucket=BUCKET, Key="data/input/table.csv", Body=rows)
    local_aws.client("secretsmanager").create_secret(Name="small/api-key", SecretString="x")
    local_aws.client("ssm").put_parameter(Name="/small/rates", Value="1", Type="String")
    return small_project


def kedro_aws(line: str) -> str:
    """Run a command in this process; it must succeed."""
    result = CliRunner().invoke(commands, ["aws", *line.split()], prog_name="kedro")
    assert result.exit_code == 0, (line, result.output, result.exception)
    return result.stdout


def run(project: Path, name: str, days: str = "") -> None:
    """Run a pipeline in this process."""
    with KedroSession.create(project_path=project, runtime_params={"days": days.split(",")}) as session:
        session.run(pipeline_names=[name])


def weigh(local_aws: LocalAws) -> None:
    """Give the variants other weights than aws.yml says."""
    sagemaker = local_aws.client("sagemaker")
    even = [{"VariantName": name, "DesiredWeight": 1.0} for name in ("champion", "challenger")]
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="small-shares", DesiredWeightsAndCapacities=even
    )
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="small-shares", WaiterConfig={"Delay": 1})


@pytest.fixture
def replayed(project: Path, local_aws: LocalAws, requests_sent: Requests) -> Replayed:
    """The demonstration, with what each of its lines needed."""
    made = {who: json.loads(kedro_aws(f"policy --for {who}")) for who in ("role", "ci", "developer")}
    account, job = Account(LOCATIONS, overrides=OVERRIDES), ""
    needs: dict[str, list[Need]] = {}
    for number, line in enumerate(DEMO):
        requests_sent.all.clear()
        start = local_aws.log_file.stat().st_size
        if line.startswith("by hand"):
            weigh(local_aws)
            continue
        if line.startswith("run"):
            run(project, *line.split()[1:])
        else:
            printed = kedro_aws(line.replace("JOB", job))
            job = printed.partition(":")[0] if line == "transform" else job
        log = local_aws.log_file.read_bytes()[start:].decode()
        found = [need for sent in requests_sent.all for need in account.list_needs(sent)]
        needs[f"{line} #{number}"] = [*found, *account.list_s3_needs(log)]
    needs["only on AWS"] = [need for sent in ONLY_ON_AWS for need in account.list_needs(sent)]
    needs["on failure"] = [need for sent in ON_FAILURE for need in account.list_needs(sent)]
    guard.set_rule(None)
    return Replayed(needs, made)


def test_each_call_is_allowed_and_nothing_is_granted_in_vain(replayed: Replayed) -> None:
    developer = replayed.policies["developer"]
    assert [need for need in replayed.all if not is_allowed(developer, need)] == []
    assert _find_in_vain(developer, replayed.all) == []
    ci = replayed.policies["ci"]
    assert [need for need in replayed.of(*OF_CI) if not is_allowed(ci, need)] == []
    for line in NOT_OF_CI:
        assert not all(is_allowed(ci, need) for need in replayed.of(line)), line
    refused = [need for need in replayed.all if is_allowed(replayed.policies["role"], need)]
    assert {need.action for need in refused} <= {
        *("kms:Decrypt", "kms:GenerateDataKey", "logs:DescribeLogStreams", "s3:GetObject", "s3:ListBucket"),
    }


def _find_in_vain(policy: dict[str, Any], needs: set[Need]) -> list[tuple[str, str, str]]:
    """The actions and resources of statements without which each need would be allowed all the same."""
    found = []
    for statement in policy["Statement"]:
        concerned = [need for need in needs if need.action in as_list(statement["Action"])]
        for key in ("Action", "Resource"):
            for value in as_list(statement[key]):
                less = leave_out(policy, statement["Sid"], key, value)
                if all(is_allowed(less, need) for need in concerned):
                    found.append((statement["Sid"], key, value))
    return found
