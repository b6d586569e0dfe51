"""What `kedro aws bootstrap` prints when it is done."""

from kedro_aws_plugin.cli.bootstrap import _summarize

ROLE = "arn:aws:iam::123456789012:role/kedro-aws-my-data-SageMakerRole-1A2B3C"


def test_the_stacks_outputs_and_how_many_files_went_up() -> None:
    results = [
        {"arn": "arn:of-the-stack"},
        {"outputs": {"RoleArn": ROLE, "Bucket": "my-data"}},
        {"uri": "s3://my-data/data/raw/a.csv", "written": True},
        {"uri": "s3://my-data/data/raw/b.csv", "written": False},
    ]
    assert _summarize(results) == f"Bucket: my-data\nRoleArn: {ROLE}\nfiles uploaded from data/raw: 1"


def test_an_update_that_changed_nothing_is_no_file() -> None:
    assert _summarize([{"written": True}, {"outputs": {}}]) == "files uploaded from data/raw: 0"
