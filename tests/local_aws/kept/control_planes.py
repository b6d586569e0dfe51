"""The registry and Athena: what is made there, and how it is read."""

import time
from typing import Any

import pytest
from local_cloud import BUCKET

RESULTS = {"OutputLocation": f"s3://{BUCKET}/results/"}


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def run_query(athena: Any, sql: str) -> str:
    started: str = athena.start_query_execution(QueryString=sql, ResultConfiguration=RESULTS)[
        "QueryExecutionId"
    ]
    return started


def describe_query(athena: Any, query: str, *, until: set[str]) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        if found["Status"]["State"] in until:
            return found
        time.sleep(0.05)
    pytest.fail(f"{query} is {found['Status']}")


def make_registry(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(
        ModelPackageGroupName="prices", Tags=[{"Key": "team", "Value": "blue"}]
    )
    for number in range(3):
        sagemaker.create_model_package(
            ModelPackageGroupName="prices", CustomerMetadataProperties={"run": str(number)}
        )
    packages = sagemaker.list_model_packages(ModelPackageGroupName="prices")["ModelPackageSummaryList"]
    arns = [each["ModelPackageArn"] for each in packages]
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")
    sagemaker.delete_model_package(ModelPackageName=arns[0])


def read_registry(sagemaker: Any) -> list[Any]:
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="prices")
    packages = sagemaker.list_model_packages(ModelPackageGroupName="prices")["ModelPackageSummaryList"]
    return [
        without_metadata(group),
        without_metadata(sagemaker.list_tags(ResourceArn=group["ModelPackageGroupArn"])),
        *(
            without_metadata(sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"]))
            for each in packages
        ),
    ]


def make_athena(athena: Any) -> str:
    athena.create_work_group(Name="w", Configuration={"ResultConfiguration": RESULTS})
    athena.create_named_query(Name="n", Database="d", QueryString="SELECT 2", WorkGroup="w")
    athena.create_prepared_statement(StatementName="prepared", WorkGroup="w", QueryStatement="SELECT ?")
    query = run_query(athena, "SELECT 1 AS one")
    describe_query(athena, query, until={"SUCCEEDED"})
    return query


def read_athena(athena: Any, query: str) -> list[Any]:
    return [
        without_metadata(answer)
        for answer in (
            athena.get_work_group(WorkGroup="w"),
            athena.list_named_queries(WorkGroup="w"),
            athena.get_prepared_statement(StatementName="prepared", WorkGroup="w"),
            athena.list_query_executions(),
            athena.get_query_execution(QueryExecutionId=query),
            athena.get_query_results(QueryExecutionId=query),
        )
    ]
