"""The commands that are run through faults, what each of them needs, and how to tell that it is done."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from fault_world import BUCKET, GROUP, ROLE, Ran, World, make_pipeline_name


@dataclass(frozen=True)
class Command:
    """A command that is run through faults.

    Attributes:
        name: How the table calls it.
        run: Runs it for things of a name.
        prepare: Makes what it needs.
        serves: Whether an endpoint of the name serves before the command, and must go on serving.
        is_unchanged: Tells whether a run had nothing left to do.
        answer: What the endpoint answers at last; None if there is none.
        is_owned: Whether `destroy` finds what was made.
        env: The Kedro environment that it is run in.
        explains: Whether its errors are the plugin's, and not Kedro's.
        is_alone: Whether what one trial needs disturbs the others, so that none leaves it to the next.
        varies: How many of its last calls are made or not, by chance: it asks where an answer may come.
        only_looks: Whether it must change nothing, and show what is so each time that it ends well.
    """

    name: str
    run: Callable[[World, str], Ran]
    prepare: Callable[[World, str], None] = lambda _world, _name: None
    serves: bool = False
    is_unchanged: Callable[[Ran], bool] = lambda ran: ran.stdout.startswith("unchanged:")
    answer: str | None = None
    is_owned: bool = True
    env: str = "local"
    explains: bool = True
    is_alone: bool = False
    varies: int = 0
    only_looks: bool = False


def _deploy(world: World, endpoint: str, version: int, *options: str) -> Ran:
    names = ("--endpoint", endpoint, "--group", GROUP, "--package", str(version))
    return world.cli("deploy", *names, *options)


def must(ran: Ran) -> None:
    """Stop if what a trial needs could not be made."""
    if ran.code != 0:
        raise AssertionError(f"what the trial needs could not be made: {ran}")


def _prepare_served(world: World, name: str) -> None:
    must(_deploy(world, name, 1))


def _prepare_canary(world: World, name: str) -> None:
    must(_deploy(world, name, 1, "--env", "canary"))


def _prepare_rollback(world: World, name: str) -> None:
    must(_deploy(world, name, 1))
    must(_deploy(world, name, 2))


def _prepare_pending(world: World, name: str) -> None:
    world.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    world.register(name, 3, "PendingManualApproval")


def _register(world: World, name: str) -> Ran:
    from kedro_aws_plugin.aws.sagemaker.registry import observe_group
    from kedro_aws_plugin.plan.register import Registration, plan_registration
    from kedro_aws_plugin.plan.tags import make_project_tags

    target = Registration(
        group=name,
        bucket=BUCKET,
        region=world.aws.region,
        approve=True,
        tags=make_project_tags("faults", world.session.config.env, BUCKET),
    )
    return world.carry_out(lambda aws: plan_registration(target, world.candidate, observe_group(aws, name)))


def _predict(world: World, name: str) -> Ran:
    ran = world.cli("predict", "--endpoint", name)
    return replace(ran, stdout=f"unchanged: {ran.stdout}") if ran.stdout == "1\n1\n" else ran


def destroy(world: World, name: str, env: str = "local") -> Ran:
    """Delete what was made under a name."""
    return world.cli("destroy", "--endpoint", name, "--yes", "--env", env)


def _prepare_registry(world: World, name: str) -> None:
    from kedro_aws_plugin.plan.tags import format_tags, make_project_tags

    tags = format_tags(make_project_tags("faults", "torn", BUCKET))
    world.sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=tags)
    for number in (1, 2):
        world.register(name, number)


def _delete_objects(world: World, prefix: str) -> None:
    for each in world.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", []):
        world.s3.delete_object(Bucket=BUCKET, Key=each["Key"])


def _prepare_transform(world: World, name: str) -> None:
    """Take away what earlier transforms have left, of which each later one would use some."""
    del name
    for model in world.find(GROUP)["models"]:
        world.sagemaker.delete_model(ModelName=model)
    _delete_objects(world, "transform/")


def _transform(world: World, name: str) -> Ran:
    """Run a transform. It has always something to do: one that has made each prediction counts as done."""
    del name  # each run has a job of its own, and the model is the group's
    ran = world.cli("transform", "--input", "table", "--output", "predictions", "--group", GROUP)
    saved = world.s3.get_object(Bucket=BUCKET, Key="predictions.csv")["Body"].read() if ran.code == 0 else b""
    world.s3.delete_object(Bucket=BUCKET, Key="predictions.csv")
    return replace(ran, stdout="unchanged:") if saved.split() == [b"prediction", *[b"3"] * 4] else ran


def _submit(world: World, name: str, *options: str) -> Ran:
    chosen = ("-p", f"s{name[-5:-1]}", "--group-by", "all", "--run-id", name, "--no-wait")
    return world.cli("submit", *chosen, *options)


def _open_gate(world: World, name: str) -> None:
    world.s3.put_object(Bucket=BUCKET, Key=f"gates/{name}", Body=b"")


def _prepare_submission(world: World, name: str) -> None:
    _clear_requests(world, name)
    _open_gate(world, "open")  # it is the gate of the parameters


_RUN = "looked-at-0999x"


def _prepare_sleeping(world: World, name: str) -> None:
    must(_submit(world, name, "--params", "seconds=600"))


def _prepare_failed(world: World, name: str) -> None:
    must(_submit(world, name, "--params", f"gate={name}"))
    world.settle(name)
    _open_gate(world, name)


def _count_refusal(ran: Ran, sentence: str) -> Ran:
    """Take the refusal of what is done already for "unchanged"."""
    return replace(ran, code=0, stdout="unchanged:") if sentence in ran.stderr else ran


def _stop(world: World, name: str) -> Ran:
    ran = _count_refusal(world.cli("stop", name), "so there is nothing to stop")
    if ran.code == 0:  # else it may go on for as long as it sleeps
        world.settle(name)
    return ran


def _retry(world: World, name: str) -> Ran:
    world.settle(name)  # an earlier one may have let it go on, and was killed or got no answer
    ran = world.cli("retry", name, "--no-wait")
    world.settle(name)
    return _count_refusal(ran, "is Succeeded, and only one that failed or was stopped goes on")


def _prepare_run(world: World, name: str) -> None:
    """Make a run that has succeeded, unless there is one. It is none of the trial's own things."""
    del name
    if "Succeeded" not in world.cli("runs").stdout:
        _prepare_submission(world, _RUN)
        must(_submit(world, _RUN))
        world.settle(_RUN)


def _clear_requests(world: World, name: str) -> None:
    """Take away what earlier runs and schedules were asked for: all are asked for the same."""
    del name
    _delete_objects(world, "kedro-aws/faults/local/requests/")


def _schedule(world: World, name: str) -> Ran:
    return world.cli("schedule", "-p", f"s{name[-5:-1]}", "--group-by", "all", "--cron", "0 6 1 1 ? *")


def _prepare_schedule(world: World, name: str) -> None:
    must(_schedule(world, name))


def _pause(world: World, name: str) -> Ran:
    return world.cli("schedule", "--pause", make_pipeline_name(name))


def _unschedule(world: World, name: str) -> Ran:
    ran = world.cli("schedule", "--delete", make_pipeline_name(name))
    return _count_refusal(ran, f"There is no schedule `{make_pipeline_name(name)}`")


def _clear_run(world: World, name: str) -> None:
    del name
    _delete_objects(world, "run/")


def _run_pipeline(world: World, name: str) -> Ran:
    """Run a pipeline that reads from and writes to S3; one whose results are whole counts as done."""
    del name
    ran = world.kedro_run()
    keys = [
        each["Key"] for each in world.s3.list_objects_v2(Bucket=BUCKET, Prefix="run/").get("Contents", [])
    ]
    saved = [world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    if b"engines,crew\n2.0,4.0\n4.0,2.0\n6.0,8.0\n8.0,6.0\n" not in saved[:1]:
        return ran
    return (
        replace(ran, stdout="unchanged:")
        if all(json.loads(each) == {"total": 40.0} for each in saved[1:])
        else ran
    )


def _predict_in_queue(world: World, name: str) -> Ran:
    ran = world.cli("predict", "--endpoint", name, "--env", "queue")
    return replace(ran, stdout=f"unchanged: {ran.stdout}") if ran.stdout == "1\n1\n" else ran


def _prepare_queue(world: World, name: str) -> None:
    must(_deploy(world, name, 1, "--env", "queue"))


def _prepare_weights(world: World, name: str) -> None:
    """Make two variants, and change their weights by hand."""
    must(world.cli("deploy", "--endpoint", name, "--env", "shares"))
    even = [{"VariantName": each, "DesiredWeight": 1.0} for each in ("champion", "challenger")]
    world.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=even
    )
    world.settle(name)


def _look(*arguments: str, shows: str) -> Callable[[World, str], Ran]:
    """Run a command that only looks; of something of a name, if the last argument asks for it.

    Args:
        arguments: The command.
        shows: A regular expression for what it must show; `NAME` stands for the name.
    """
    of_name = arguments[-1] in ("--endpoint", "logs")

    def run(world: World, name: str) -> Ran:
        ran = world.cli(*arguments, *([name] if of_name else []))
        is_right = re.search(shows.replace("NAME", name), ran.stdout)
        return replace(ran, stdout=f"unchanged: {ran.stdout}") if is_right else ran

    return run


def _show_globals(world: World, name: str) -> Ran:
    """Show globals, in a process of its own: one process reads each of them once."""
    shows = _look(
        *("globals", "--env", "values"),
        shows=r"account +123456789012 (?s:.*)\nlimit +3000 +ssm (?s:.*)\npassword +\*\*\* +secret ",
    )
    return world.in_fork(lambda: shows(world, name), lambda _process: None)


_STRAY = "faults-strayed"
_TRUSTED = {
    "Effect": "Allow",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
_PRIVATE = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_FOUND = {
    "credentials": "ok +credentials +Account 123456789012, eu-west-1",
    "clock": "ok +clock +The clock agrees",
    "bucket": rf"ok +bucket +{BUCKET}: private, encrypted \(AES256\), in eu-west-1",
    "role": f"ok +role +SageMaker may assume {ROLE}",
    "quotas": "ok +quotas +1 x ml.m5.large of 4",
    "leftovers": f"warning +leftovers +Endpoint {_STRAY} runs and costs money",
}
"""What `doctor` finds in the account, by what it examines."""


def _prepare_account(world: World, name: str) -> None:
    """Make what `doctor` looks at in an account, unless it is there. It is none of the trial's own things."""
    del name
    if world.find(_STRAY)["endpoints"]:
        return
    trust = json.dumps({"Version": "2012-10-17", "Statement": [_TRUSTED]})
    world.aws.client("iam").create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=trust)
    private = dict.fromkeys(_PRIVATE, True)
    world.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=private)
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    world.s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": rules})
    must(_deploy(world, _STRAY, 1, "--env", "account", "--yes"))


def _examine(world: World, name: str) -> Ran:
    """Run `doctor`, and judge what it says of the account.

    A call that goes wrong is a finding of its own, and the command ends with 1 only if something will break.
    Here it counts as failed if it could not find something out. Then it must say what, why and what to do
    next, must not say that all is well, and must find the rest, unless AWS does not take the credentials.
    What is answered as absent is the bucket, and not having one is a finding too.
    """
    del name
    ran = world.cli("doctor", "--env", "account")
    if ran.problem:
        return ran
    findings = re.findall(
        rf"^((\w+) +({'|'.join(_FOUND)}) +(.*))(?:\n +Fix: (.*))?$", ran.stdout, re.MULTILINE
    )
    failed = [each for each in findings if not re.match(_FOUND[each[2]], each[0])]
    no_entry = any(check == "credentials" for _, _, check, _, _ in failed)
    wanted = ["credentials"] if no_entry else [*_FOUND]
    problems = [f"{line!r} has no advice" for line, _, _, _, fix in failed if not fix]
    problems += [
        f"{line!r} is no failed look"
        for line, state, check, message, _ in failed
        if (state, message) != ("problem", f"There is no bucket {BUCKET}.")
        and (
            state != ("problem" if check == "credentials" else "unknown")
            or not message.startswith("Could not ")
        )
    ]
    if [check for _, _, check, _, _ in findings] != wanted:
        problems.append(f"it finds {findings}")
    if ran.code != ("\nproblem " in f"\n{ran.stdout}"):
        problems.append(f"it ends with {ran.code}")
    if failed and "Nothing will break" in ran.stdout:
        problems.append("it says that nothing will break, and has not seen everything")
    said = "".join(f"\nError: {message} {fix}" for _, _, _, message, fix in failed[:1])
    shown = ran.stdout if failed else f"unchanged: {ran.stdout}"
    return Ran(1 if failed else 0, shown, ran.stderr + said, "; ".join(problems))


def _prepare_values(world: World, name: str) -> None:
    """Keep the values of globals in the local AWS."""
    del name
    world.aws.client("ssm").put_parameter(Name="/faults/limit", Value="3000", Type="String", Overwrite=True)
    secrets = world.aws.client("secretsmanager")
    if not secrets.list_secrets()["SecretList"]:
        secrets.create_secret(Name="faults/login", SecretString=json.dumps({"password": "open sesame"}))


COMMANDS = (
    Command("register-model", _register),
    Command(
        "approve-model",
        lambda world, name: world.cli("approve-model", "--group", name),
        _prepare_pending,
        is_owned=False,
    ),
    Command(
        "reject-model",
        lambda world, name: world.cli("reject-model", "--group", name),
        _prepare_pending,
        is_owned=False,
    ),
    Command("deploy: the first", lambda world, name: _deploy(world, name, 1), answer="1"),
    Command(
        "deploy: an update at once",
        lambda world, name: _deploy(world, name, 2),
        _prepare_served,
        serves=True,
        answer="2",
    ),
    Command(
        "deploy: an update in two steps",
        lambda world, name: _deploy(world, name, 2, "--env", "canary"),
        _prepare_canary,
        serves=True,
        answer="2",
        env="canary",
    ),
    Command(
        "deploy: unchanged",
        lambda world, name: _deploy(world, name, 1),
        _prepare_served,
        serves=True,
        answer="1",
    ),
    Command(
        "rollback",
        lambda world, name: world.cli("rollback", "--endpoint", name),
        _prepare_rollback,
        serves=True,
        answer="1",
    ),
    Command("predict", _predict, _prepare_served, serves=True, answer="1"),
    Command("destroy", destroy, _prepare_served),
    Command(
        "destroy --registry",
        lambda world, _: world.cli("destroy", "--registry", "--yes", "--env", "torn"),
        _prepare_registry,
        is_alone=True,
    ),
    Command("transform", _transform, _prepare_transform),
    Command("bootstrap", lambda world, name: world.bootstrap(name)),
    Command(
        "deploy: asynchronous", lambda world, name: _deploy(world, name, 1, "--env", "queue"), env="queue"
    ),
    Command("predict: asynchronous", _predict_in_queue, _prepare_queue, env="queue", varies=1),
    Command(
        "deploy: two variants",
        lambda world, name: world.cli("deploy", "--endpoint", name, "--env", "shares"),
        env="shares",
    ),
    Command(
        "deploy: other weights",
        lambda world, name: world.cli("deploy", "--endpoint", name, "--env", "shares"),
        _prepare_weights,
        serves=True,
        env="shares",
    ),
    Command(
        "deploy: a shadow variant",
        lambda world, name: world.cli("deploy", "--endpoint", name, "--env", "shadow"),
        answer="1",
        env="shadow",
    ),
    Command(
        "deploy: scaled",
        lambda world, name: _deploy(world, name, 1, "--env", "scaled"),
        answer="1",
        env="scaled",
    ),
    Command(
        "status",
        _look("status", "--endpoint", shows=rf"NAME +InService +{GROUP}/1 "),
        _prepare_served,
        serves=True,
        answer="1",
        only_looks=True,
    ),
    Command(
        "logs",
        _look("logs", shows="AllTraffic/.* version 1 is loaded"),
        _prepare_served,
        serves=True,
        answer="1",
        only_looks=True,
    ),
    Command("models", _look("models", "--group", GROUP, shows="\n3 +Approved"), only_looks=True),
    Command(
        "runs",
        _look("runs", "latest", shows="all +Succeeded +20"),
        _prepare_run,
        only_looks=True,
        is_owned=False,
    ),
    Command("prices --refresh", _look("prices", "--refresh", shows="0.12 an hour"), only_looks=True),
    Command("doctor", _examine, _prepare_account, only_looks=True),
    Command("globals", _show_globals, _prepare_values, only_looks=True),
    Command("kedro run", _run_pipeline, _clear_run, explains=False),
    Command("submit", _submit, _prepare_submission, is_alone=True),
    Command("stop", _stop, _prepare_sleeping, is_alone=True),
    Command("retry", _retry, _prepare_failed, is_alone=True),
    Command("schedule", _schedule, _clear_requests, is_alone=True),
    Command("schedule --pause", _pause, _prepare_schedule, is_alone=True),
    Command("schedule --delete", _unschedule, _prepare_schedule, is_alone=True),
)
