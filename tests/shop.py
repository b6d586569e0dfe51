"""A bucket and a Glue database on a local AWS, for queries and tables."""

from functools import cache
from typing import Any

from local_aws import LocalAws

BUCKET = "flights"
DATABASE = "shop"
RESULTS = f"s3://{BUCKET}/athena/"


@cache
def client(aws: LocalAws, service: str) -> Any:
    """Clients take longer to make than most requests take here."""
    return aws.client(service)


def open_shop(aws: LocalAws) -> None:
    """Make the bucket and the database."""
    place = {"LocationConstraint": "eu-west-1"}
    client(aws, "s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    client(aws, "glue").create_database(DatabaseInput={"Name": DATABASE})


def keys(aws: LocalAws, prefix: str = "") -> list[str]:
    """The objects in the bucket."""
    listed = client(aws, "s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [one["Key"] for one in listed.get("Contents", [])]


def tables(aws: LocalAws) -> list[str]:
    """The tables of the database."""
    return [one["Name"] for one in client(aws, "glue").get_tables(DatabaseName=DATABASE)["TableList"]]
