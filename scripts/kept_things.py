"""Things that a local AWS must keep: how `kill_rounds.py` changes each kind, and reads it back.

Each kind writes down what was acknowledged, and the one change whose answer had not come when the server was
killed. What is read back must be the one or the other, whole.
"""

import hashlib
import random
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError  # noqa: TID251 - what the clients raise

REGION, BUCKET, VERSIONED, DATABASE = "eu-west-1", "kept", "kept-versions", "kept"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"
ROLE = "arn:aws:iam::123456789012:role/kept"
ARCHIVE = f"s3://{BUCKET}/model.tar.gz"
_RESULTS = f"s3://{BUCKET}/results/"
_PART = 5 * 1024**2
_SIZES = (0, 1, 1_000, 70_000, 300_000, 3_000_000)
_MOST_PARTS = 3
_MOST_VERSIONS = 24
_SAMPLE = 5
_QUERY_SECONDS = 30
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")

Value = Hashable
Clients = Callable[[str], Any]


@dataclass
class Count:
    """What was seen of one kind.

    Attributes:
        acknowledged: Changes whose answer came.
        done: Changes whose answer did not come, and which are there.
        undone: Changes whose answer did not come, and which are not there.
        problems: What was lost, half there, or refused.
    """

    acknowledged: int = 0
    done: int = 0
    undone: int = 0
    problems: list[str] = field(default_factory=list)


class Kind:
    """Named things of one kind, each with a value; None if there is none of that name.

    Args:
        clients: Gives a client of a service.
        chance: Chooses the changes.
    """

    name = ""
    most = 30
    """How many names there are."""

    def __init__(self, clients: Clients, chance: random.Random) -> None:
        self.clients = clients
        self.chance = chance
        self.count = Count()
        self._known: dict[str, Value] = {}
        self._changed: set[str] = set()
        self._unanswered: tuple[str, Value] | None = None

    def choose(self, before: Any) -> Value:
        """Choose the next value of a thing."""
        raise NotImplementedError

    def write(self, name: str, before: Any, value: Any) -> None:
        """Send the request that gives a thing its value."""
        raise NotImplementedError

    def read(self, name: str) -> Value:
        """Read the value of a thing."""
        raise NotImplementedError

    def change(self) -> None:
        """Change one thing, and write down that it was acknowledged."""
        name = f"{self.name}-{self.chance.randrange(self.most)}"
        before = self._known.get(name)
        value = self.choose(before)
        self._changed.add(name)
        self._unanswered = (name, value)
        try:
            self.write(name, before, value)
        except ClientError as error:
            self.count.problems.append(f"{name}: {error}")
        else:
            self._known[name] = value
            self.count.acknowledged += 1
        self._unanswered = None

    def check(self, everything: bool) -> None:
        """Read back what was changed since the last check, and some others or everything."""
        others = sorted(set(self._known) - self._changed)
        sample = others if everything else self.chance.sample(others, min(_SAMPLE, len(others)))
        for name in [*sorted(self._changed), *sample]:
            self._compare(name)
        self._changed.clear()
        self._unanswered = None

    def _compare(self, name: str) -> None:
        wanted, found = self._known.get(name), self._read(name)
        if self._unanswered is not None and self._unanswered[0] == name:
            possible = self._unanswered[1]
            self.count.done += found == possible
            self.count.undone += found == wanted != possible
            wanted = found if found == possible else wanted
        if found != wanted:
            problem = f"{name} is {shorten(found)}, and should be {shorten(wanted)}"
            if self._unanswered is not None and self._unanswered[0] == name:
                problem += f" or {shorten(self._unanswered[1])}"
            self.count.problems.append(problem)
        self._known[name] = found

    def _read(self, name: str) -> Value:
        try:
            return self._read_again(name)
        except ClientError as error:
            return None if is_absent(error) else f"refused: {error}"

    def _read_again(self, name: str) -> Value:
        """Read, and once more if the connection was closed: where much else is done, it was idle for long."""
        try:
            return self.read(name)
        except HTTPClientError:
            return self.read(name)


class Objects(Kind):
    """Objects with metadata and a tag, some of them copies; their value is the seed of all three."""

    name = "object"

    def choose(self, before: Any) -> Value:
        """Choose another content, or none."""
        return None if before is not None and self.chance.random() < 1 / 4 else self.chance.randrange(10**9)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Put, copy or delete the object."""
        del before
        s3 = self.clients("s3")
        place = {"Bucket": BUCKET, "Key": name}
        if value is None:
            s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": name}]})
        elif value % 4:
            s3.put_object(
                **place, Body=_make_body(value), Metadata={"seed": str(value)}, Tagging=f"seed={value}"
            )
        else:
            s3.put_object(Bucket=BUCKET, Key="source", Body=_make_body(value))
            source = {"Bucket": BUCKET, "Key": "source"}
            s3.copy_object(
                **place,
                CopySource=source,
                MetadataDirective="REPLACE",
                Metadata={"seed": str(value)},
                TaggingDirective="REPLACE",
                Tagging=f"seed={value}",
            )

    def read(self, name: str) -> Value:
        """Get the object."""
        s3 = self.clients("s3")
        found = s3.get_object(Bucket=BUCKET, Key=name)
        body = found["Body"].read()
        seed = int(found["Metadata"]["seed"])
        tags = s3.get_object_tagging(Bucket=BUCKET, Key=name)["TagSet"]
        if tags != [{"Key": "seed", "Value": str(seed)}]:
            return f"seed {seed} with the tags {tags}"
        whole = body == _make_body(seed) and found["ETag"].strip('"') == _digest(body)
        return seed if whole else f"{len(body)} bytes, which are not those of seed {seed}"


class Multiparts(Kind):
    """Objects made of parts: the ETags of the object, and of the parts that are not an object yet."""

    name = "parts"
    most = 6

    def __init__(self, clients: Clients, chance: random.Random) -> None:
        super().__init__(clients, chance)
        self._uploads: dict[str, str] = {}

    def choose(self, before: Any) -> Value:
        """Choose the next step of an upload."""
        whole, parts = before or (None, None)
        if parts is None:
            return (whole, ())
        if len(parts) < _MOST_PARTS and self.chance.random() < 2 / 3:
            return (whole, (*parts, _digest(_make_part(len(parts)))))
        if not parts or self.chance.random() < 1 / 4:
            return (whole, None) if whole else None
        return (f"{_digest(b''.join(map(bytes.fromhex, parts)))}-{len(parts)}", None)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create an upload, add a part, complete it or abort it."""
        s3 = self.clients("s3")
        whole, parts = before or (None, None)
        if parts is None:
            self._uploads[name] = s3.create_multipart_upload(Bucket=BUCKET, Key=name)["UploadId"]
            return
        place = {"Bucket": BUCKET, "Key": name, "UploadId": self._uploads[name]}
        if value and value[1]:
            number = len(parts)
            s3.upload_part(**place, PartNumber=number + 1, Body=_make_part(number))
        elif value is None or value[0] == whole:
            s3.abort_multipart_upload(**place)
        else:
            chosen = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]
            s3.complete_multipart_upload(**place, MultipartUpload={"Parts": chosen})

    def read(self, name: str) -> Value:
        """Get the object, and list the parts."""
        s3 = self.clients("s3")
        whole = parts = None
        try:
            found = s3.get_object(Bucket=BUCKET, Key=name)
            whole = found["ETag"].strip('"')
            count = int(whole.partition("-")[2])
            if found["Body"].read() != b"".join(map(_make_part, range(count))):
                whole = "another content"
        except ClientError as error:
            if not is_absent(error):
                raise
        uploads = s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        for upload in (each for each in uploads if each["Key"] == name):
            if parts is not None:
                return "two uploads"
            self._uploads[name] = upload["UploadId"]
            listed = s3.list_parts(Bucket=BUCKET, Key=name, UploadId=upload["UploadId"]).get("Parts", [])
            parts = tuple(each["ETag"].strip('"') for each in listed)
        return None if whole is None and parts is None else (whole, parts)


class Versions(Kind):
    """Objects with versions: all contents in order of their value, the number of markers, the latest one."""

    name = "version"
    most = 10

    def choose(self, before: Any) -> Value:
        """Choose another version, a delete marker, or, where there are many, none of it all."""
        contents, markers, latest = before or ((), 0, None)
        if len(contents) + markers >= _MOST_VERSIONS:
            return None
        if latest is not None and self.chance.random() < 1 / 3:
            return (contents, markers + 1, None)
        added = str(self.chance.randrange(10**9))
        return (tuple(sorted((*contents, added))), markers, added)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Put or delete the object, or delete all of its versions by one request."""
        del before
        s3 = self.clients("s3")
        if value is None:
            contents, markers = self._list(name)
            every = [{"Key": name, "VersionId": each} for each in (*contents, *markers)]
            s3.delete_objects(Bucket=VERSIONED, Delete={"Objects": every})
        elif value[2] is None:
            s3.delete_object(Bucket=VERSIONED, Key=name)
        else:
            s3.put_object(Bucket=VERSIONED, Key=name, Body=value[2].encode())

    def read(self, name: str) -> Value:
        """Get all versions."""
        versions, markers = self._list(name)
        if not versions and not markers:
            return None
        contents = [self._get(name, VersionId=version) for version in versions]
        try:
            latest = self._get(name)
        except ClientError as error:
            if not is_absent(error):
                raise
            latest = None
        return (tuple(sorted(contents)), len(markers), latest)

    def _list(self, name: str) -> tuple[list[str], list[str]]:
        """List the ids of contents and of delete markers."""
        listed = self.clients("s3").list_object_versions(Bucket=VERSIONED, Prefix=name)
        of_key = [
            [each["VersionId"] for each in listed.get(kind, []) if each["Key"] == name]
            for kind in ("Versions", "DeleteMarkers")
        ]
        return of_key[0], of_key[1]

    def _get(self, name: str, **params: Any) -> Any:
        return self.clients("s3").get_object(Bucket=VERSIONED, Key=name, **params)["Body"].read().decode()


class Tables(Kind):
    """Tables of Glue with partitions: a column's name, and the values of the partitions."""

    name = "table"

    def choose(self, before: Any) -> Value:
        """Choose another column, two more partitions, or no table."""
        if before is None:
            return (f"c{self.chance.randrange(10**6)}", ())
        if self.chance.random() < 1 / 5:
            return None
        column, partitions = before
        if self.chance.random() < 1 / 2:
            return (f"c{self.chance.randrange(10**6)}", partitions)
        return (column, (*partitions, *(f"{len(partitions) + n:06}" for n in range(2))))

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create, update, fill or delete the table."""
        glue = self.clients("glue")
        if value is None:
            glue.delete_table(DatabaseName=DATABASE, Name=name)
        elif before is None:
            glue.create_table(DatabaseName=DATABASE, TableInput=self._describe(name, value[0]))
        elif value[1] == before[1]:
            glue.update_table(DatabaseName=DATABASE, TableInput=self._describe(name, value[0]))
        else:
            added = [{"Values": [each], "StorageDescriptor": {}} for each in value[1][len(before[1]) :]]
            glue.batch_create_partition(DatabaseName=DATABASE, TableName=name, PartitionInputList=added)

    def _describe(self, name: str, column: str) -> dict[str, Any]:
        columns = [{"Name": column, "Type": "string"}]
        return {
            "Name": name,
            "StorageDescriptor": {"Columns": columns, "Location": f"s3://{BUCKET}/{name}/"},
            "PartitionKeys": [{"Name": "p", "Type": "string"}],
        }

    def read(self, name: str) -> Value:
        """Get the table and its partitions."""
        glue = self.clients("glue")
        table = glue.get_table(DatabaseName=DATABASE, Name=name)["Table"]
        pages = glue.get_paginator("get_partitions").paginate(DatabaseName=DATABASE, TableName=name)
        partitions = sorted(each["Values"][0] for page in pages for each in page["Partitions"])
        return (table["StorageDescriptor"]["Columns"][0]["Name"], tuple(partitions))


class Packages(Kind):
    """Groups of model packages: the approval of each version."""

    name = "group"
    most = 8

    def choose(self, before: Any) -> Value:
        """Choose a group, another version, or an approval."""
        if before is None:
            return ()
        if not before or before[-1] == "Approved" or self.chance.random() < 1 / 2:
            return (*before, "PendingManualApproval")
        return (*before[:-1], "Approved")

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create or approve."""
        sagemaker = self.clients("sagemaker")
        if before is None:
            sagemaker.create_model_package_group(ModelPackageGroupName=name)
        elif len(value) > len(before):
            specification = {
                "Containers": [{"Image": IMAGE, "ModelDataUrl": ARCHIVE}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            }
            sagemaker.create_model_package(
                ModelPackageGroupName=name,
                InferenceSpecification=specification,
                ModelApprovalStatus=value[-1],
            )
        else:
            arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{name}/{len(value)}"
            sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=value[-1])

    def read(self, name: str) -> Value:
        """List the versions."""
        sagemaker = self.clients("sagemaker")
        sagemaker.describe_model_package_group(ModelPackageGroupName=name)
        pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=name)
        found = {
            each["ModelPackageVersion"]: each["ModelApprovalStatus"]
            for page in pages
            for each in page["ModelPackageSummaryList"]
        }
        return tuple(found[number] for number in sorted(found))


class Models(Kind):
    """Models with an endpoint config of the same name, and the tag of the model."""

    name = "model"

    def choose(self, before: Any) -> Value:
        """Choose the next step: the model, its config, another tag, or none of it."""
        if before is None:
            return (str(self.chance.randrange(10**6)), False)
        if not before[1] or self.chance.random() < 1 / 3:
            return (before[0], not before[1])
        return (str(self.chance.randrange(10**6)), before[1])

    def write(self, name: str, before: Any, value: Any) -> None:
        """Send the step."""
        sagemaker = self.clients("sagemaker")
        if before is None:
            tags = [{"Key": "seed", "Value": value[0]}]
            container = {"Image": IMAGE, "ModelDataUrl": ARCHIVE}
            sagemaker.create_model(
                ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container, Tags=tags
            )
        elif value[1] and not before[1]:
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
            sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        elif before[1] and not value[1]:
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
        else:
            tags = [{"Key": "seed", "Value": value[0]}]
            sagemaker.add_tags(ResourceArn=self._arn(name), Tags=tags)

    def _arn(self, name: str) -> str:
        return f"arn:aws:sagemaker:{REGION}:123456789012:model/{name}"

    def read(self, name: str) -> Value:
        """Describe the model, its tag and its config."""
        sagemaker = self.clients("sagemaker")
        sagemaker.describe_model(ModelName=name)
        tags = sagemaker.list_tags(ResourceArn=self._arn(name))["Tags"]
        try:
            config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
        except ClientError as error:
            if not is_absent(error):
                raise
            config = None
        return (tags[0]["Value"], config is not None)


class LogEvents(Kind):
    """Streams of CloudWatch Logs: how many events there are, whose messages are their numbers."""

    name = "stream"
    most = 5

    def choose(self, before: Any) -> Value:
        """Choose a stream, or more events."""
        return 0 if before is None else before + self.chance.randrange(1, 20)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create the stream, or put the events."""
        logs = self.clients("logs")
        if before is None:
            logs.create_log_stream(logGroupName=BUCKET, logStreamName=name)
            return
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": str(number)} for number in range(before, value)]
        logs.put_log_events(logGroupName=BUCKET, logStreamName=name, logEvents=events)

    def read(self, name: str) -> Value:
        """Get all events."""
        logs = self.clients("logs")
        place = {"logGroupName": BUCKET, "logStreamName": name, "startFromHead": True}
        messages: list[str] = []
        token: dict[str, Any] = {}
        while (page := logs.get_log_events(**place, **token))["events"]:
            messages += [each["message"] for each in page["events"]]
            token = {"nextToken": page["nextForwardToken"]}
        whole = messages == [str(number) for number in range(len(messages))]
        return len(messages) if whole else f"{len(messages)} events, not in order"


class PreparedStatements(Kind):
    """Prepared statements of Athena: their SQL."""

    name = "prepared"

    def choose(self, before: Any) -> Value:
        """Choose another statement, or none."""
        if before is not None and self.chance.random() < 1 / 4:
            return None
        return f"SELECT {self.chance.randrange(10**6)}"

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create, update or delete the statement."""
        athena = self.clients("athena")
        place = {"StatementName": name.replace("-", "_"), "WorkGroup": "primary"}
        if value is None:
            athena.delete_prepared_statement(**place)
        elif before is None:
            athena.create_prepared_statement(**place, QueryStatement=value)
        else:
            athena.update_prepared_statement(**place, QueryStatement=value)

    def read(self, name: str) -> Value:
        """Get the statement."""
        place = {"StatementName": name.replace("-", "_"), "WorkGroup": "primary"}
        found = self.clients("athena").get_prepared_statement(**place)
        return str(found["PreparedStatement"]["QueryStatement"])


class Queries(Kind):
    """Queries of Athena: what they select, or that they have ended in another way."""

    name = "query"

    def __init__(self, clients: Clients, chance: random.Random) -> None:
        super().__init__(clients, chance)
        self._running: set[str] = set()

    def change(self) -> None:
        """Run a query. It is acknowledged when its state is."""
        try:
            self._run()
        except ClientError as error:
            self.count.problems.append(f"a query: {error}")

    def _run(self) -> None:
        athena = self.clients("athena")
        number = self.chance.randrange(10**9)
        where = {"OutputLocation": _RESULTS}
        query = athena.start_query_execution(QueryString=f"SELECT {number}", ResultConfiguration=where)
        name = query["QueryExecutionId"]
        self._running.add(name)
        state = self._wait(name)
        if state not in _ENDED:  # a busy machine: nothing was acknowledged
            return
        self._running.discard(name)
        self._known[name] = f"{state} {number}"
        self._changed.add(name)
        self.count.acknowledged += 1

    def check(self, everything: bool) -> None:
        """Read back results; what was running must have ended, whichever way."""
        for name in self._running:
            state = self._wait(name)
            self.count.done += state == "SUCCEEDED"
            self.count.undone += state != "SUCCEEDED"
            if state not in _ENDED:
                self.count.problems.append(f"{name} is {state} for {_QUERY_SECONDS} s")
        self._running.clear()
        super().check(everything)

    def read(self, name: str) -> Value:
        """Get the state and the result."""
        athena = self.clients("athena")
        state = self._wait(name)
        if state != "SUCCEEDED":
            return state
        rows = athena.get_query_results(QueryExecutionId=name)["ResultSet"]["Rows"]
        file = self.clients("s3").get_object(Bucket=BUCKET, Key=f"results/{name}.csv")["Body"].read()
        selected = rows[1]["Data"][0]["VarCharValue"]
        return f"{state} {selected}" if f'"{selected}"'.encode() in file else "another file"

    def _wait(self, name: str) -> str:
        deadline = time.monotonic() + _QUERY_SECONDS
        while time.monotonic() < deadline:
            found = self.clients("athena").get_query_execution(QueryExecutionId=name)
            state: str = found["QueryExecution"]["Status"]["State"]
            if state in _ENDED:
                break
            time.sleep(0.02)
        return state


class Parameters(Kind):
    """Parameters of the Systems Manager, as an example of moto's other services: value and version."""

    name = "parameter"

    def choose(self, before: Any) -> Value:
        """Choose another value, or none."""
        if before is not None and self.chance.random() < 1 / 5:
            return None
        return (str(self.chance.randrange(10**6)), before[1] + 1 if before else 1)

    def write(self, name: str, before: Any, value: Any) -> None:
        """Put or delete the parameter."""
        del before
        ssm = self.clients("ssm")
        if value is None:
            ssm.delete_parameter(Name=name)
        else:
            ssm.put_parameter(Name=name, Value=value[0], Type="String", Overwrite=True)

    def read(self, name: str) -> Value:
        """Get the parameter."""
        found = self.clients("ssm").get_parameter(Name=name)["Parameter"]
        return (found["Value"], found["Version"])


class Schedules(Kind):
    """Schedules of EventBridge: their expression."""

    name = "schedule"

    def choose(self, before: Any) -> Value:
        """Choose another expression, or none."""
        if before is not None and self.chance.random() < 1 / 4:
            return None
        return f"rate({self.chance.randrange(2, 10**5)} minutes)"

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create, update or delete the schedule."""
        scheduler = self.clients("scheduler")
        if value is None:
            scheduler.delete_schedule(Name=name)
            return
        target = {
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution",
            "RoleArn": ROLE,
            "Input": '{"PipelineName": "kept"}',
        }
        call = scheduler.create_schedule if before is None else scheduler.update_schedule
        call(Name=name, ScheduleExpression=value, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)

    def read(self, name: str) -> Value:
        """Get the schedule."""
        return str(self.clients("scheduler").get_schedule(Name=name)["ScheduleExpression"])


class Keys(Kind):
    """Keys of KMS: whether one is enabled, which moto changes by setting an attribute and nothing else."""

    name = "key"
    most = 8

    def __init__(self, clients: Clients, chance: random.Random) -> None:
        super().__init__(clients, chance)
        self._ids: dict[str, str] = {}

    def choose(self, before: Any) -> Value:
        """Choose a key that is enabled, or the other state."""
        return True if before is None else not before

    def write(self, name: str, before: Any, value: Any) -> None:
        """Create, enable or disable the key."""
        kms = self.clients("kms")
        if before is None:
            self._ids[name] = kms.create_key(Description=name)["KeyMetadata"]["KeyId"]
        else:
            (kms.enable_key if value else kms.disable_key)(KeyId=self._ids[name])

    def read(self, name: str) -> Value:
        """Describe the key."""
        if name not in self._ids:
            return None  # its creation was not answered, so that nobody knows its id
        return bool(self.clients("kms").describe_key(KeyId=self._ids[name])["KeyMetadata"]["Enabled"])


KINDS: tuple[type[Kind], ...] = (
    Objects,
    Multiparts,
    Versions,
    Tables,
    Packages,
    Models,
    LogEvents,
    PreparedStatements,
    Queries,
    Parameters,
    Schedules,
    Keys,
)


def make_first(clients: Clients) -> None:
    """Make what all kinds need."""
    s3 = clients("s3")
    place = {"LocationConstraint": REGION}
    for bucket in (BUCKET, VERSIONED):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=b"never unpacked")
    clients("glue").create_database(DatabaseInput={"Name": DATABASE})
    clients("logs").create_log_group(logGroupName=BUCKET)


def is_absent(error: ClientError) -> bool:
    """Tell whether an error says that something does not exist."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    absent = (
        *("NoSuchKey", "NoSuchUpload", "404", "EntityNotFoundException", "ParameterNotFound"),
        "StateMachineDoesNotExist",
    )
    return (
        code.startswith(("ResourceNotFound", *absent))
        or "Could not find" in message
        or "not exist" in message
    )


def shorten(value: Value) -> str:
    """Write a value in a line."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:90]} ... {text[-90:]}"  # noqa: PLR2004 - a line


def _make_body(seed: int) -> bytes:
    return random.Random(seed).randbytes(_SIZES[seed % len(_SIZES)])


def _make_part(number: int) -> bytes:
    return bytes([65 + number]) * _PART


def _digest(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
