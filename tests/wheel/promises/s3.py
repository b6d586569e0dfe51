"""The extra [s3]: `s3://` in a catalog, by fsspec and s3fs, on the AWS of the variables."""

import boto3
import fsspec

PLACE = {"LocationConstraint": "eu-west-1"}

boto3.client("s3").create_bucket(Bucket="objects", CreateBucketConfiguration=PLACE)
with fsspec.open("s3://objects/folder/greeting.txt", "w") as file:
    file.write("hello")
with fsspec.open("s3://objects/folder/greeting.txt") as file:
    assert file.read() == b"hello"
assert fsspec.filesystem("s3").ls("objects/folder") == ["objects/folder/greeting.txt"]
