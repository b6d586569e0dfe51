"""The extra [local]: S3, Glue, Athena and SageMaker, for a program that knows only the variables of AWS.

The local AWS was started before, in a folder that is not a Kedro project.
"""

import io
import sys
import tarfile
import time

import boto3

PLACE = {"LocationConstraint": "eu-west-1"}
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
ROLE = "arn:aws:iam::123456789012:role/any"
SCRIPT = b"""
def model_fn(model_dir):
    return 2

def transform_fn(model, data, content_type, accept):
    return str(model * int(data)), accept
"""

s3, athena, sagemaker = (boto3.client(name) for name in ("s3", "athena", "sagemaker"))
s3.create_bucket(Bucket="shop", CreateBucketConfiguration=PLACE)
s3.put_object(Bucket="shop", Key="prices/one.csv", Body=b"apple,1\npear,2\n")
assert s3.get_object(Bucket="shop", Key="prices/one.csv")["Body"].read() == b"apple,1\npear,2\n"


def query(sql: str) -> list[list[str]]:
    """The rows of a query."""
    where = {"OutputLocation": "s3://shop/results/"}
    execution = athena.start_query_execution(QueryString=sql, ResultConfiguration=where)
    for _ in range(300):
        found = athena.get_query_execution(QueryExecutionId=execution["QueryExecutionId"])
        status = found["QueryExecution"]["Status"]
        if status["State"] not in {"QUEUED", "RUNNING"}:
            break
        time.sleep(0.1)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]


query("CREATE DATABASE shop")
query(
    "CREATE EXTERNAL TABLE shop.prices (name string, price int) ROW FORMAT DELIMITED "
    "FIELDS TERMINATED BY ',' LOCATION 's3://shop/prices/'"
)
# DuckDB hands numpy's arrays to the functions that are written in Python.
totals = "SELECT sum(price), max(url_extract_host(concat('https://', name, '.example/'))) FROM shop.prices"
assert query(totals)[1] == ["3", "pear.example"]
parquet = "CREATE TABLE shop.copy WITH (format = 'PARQUET') AS SELECT name, price FROM shop.prices"
query(parquet)
assert query("SELECT count(*) FROM shop.copy")[1] == ["2"]

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    member = tarfile.TarInfo("code/inference.py")
    member.size = len(SCRIPT)
    tar.addfile(member, io.BytesIO(SCRIPT))
s3.put_object(Bucket="shop", Key="model.tar.gz", Body=archive.getvalue())
environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
container = {"Image": IMAGE, "ModelDataUrl": "s3://shop/model.tar.gz", "Environment": environment}
sagemaker.create_model(ModelName="double", ExecutionRoleArn=ROLE, PrimaryContainer=container)
variant = {
    "VariantName": "one",
    "ModelName": "double",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
sagemaker.create_endpoint_config(EndpointConfigName="double", ProductionVariants=[variant])
tags = [{"Key": "team", "Value": "shop"}]
sagemaker.create_endpoint(EndpointName="double", EndpointConfigName="double", Tags=tags)
sagemaker.get_waiter("endpoint_in_service").wait(
    EndpointName="double", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
)
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName="double", Body=b"21", ContentType="text/plain")
assert answer["Body"].read() == b"42"

# What the plugin's own commands ask besides.
assert boto3.client("sts").get_caller_identity()["Account"] == "123456789012"
found = boto3.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "team"}])
assert len(found["ResourceTagMappingList"]) == 1
boto3.client("logs").describe_log_groups()
boto3.client("secretsmanager").create_secret(Name="key", SecretString="value")
boto3.client("ssm").put_parameter(Name="key", Value="value", Type="String")
assert boto3.client("ssm").get_parameter(Name="key")["Parameter"]["Value"] == "value"
assert not {"kedro", "local_aws", "kedro_aws_plugin"} & set(sys.modules)
