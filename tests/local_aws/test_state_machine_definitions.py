"""Which definitions of state machines the local AWS takes, and what its expressions give."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_cloud import Cloud, refused
from state_machines import RESOURCE, branch, chain, define

from local_aws.stepfunctions.definition import Problem, parse
from local_aws.stepfunctions.expressions import CannotEvaluate, NotUnderstood, parse_templates, resolve

NODE_MODULES = Path(__file__).parents[2] / ".cache/asl/node_modules"
needs_npm = pytest.mark.skipif(
    not (NODE_MODULES / "jsonata").is_dir(), reason="`make test` gets JSONata's own evaluator by npm"
)
REQUEST = {
    "ProcessingJobName": "{% $states.context.Execution.Name %}",
    "RoleArn": "arn:aws:iam::123456789012:role/kedro",
    "AppSpecification": {"ImageUri": "image", "ContainerEntrypoint": ["python3"]},
    "ProcessingResources": {
        "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
    },
}
TASK = {"Type": "Task", "Resource": RESOURCE, "Arguments": REQUEST}
PASS = {"Type": "Pass"}
BOTH = {"Type": "Parallel", "Branches": [branch(one=TASK), branch(two=PASS)]}


def change(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    changed = {**copy.deepcopy(state), **fields}
    return {name: value for name, value in changed.items() if value is not None}


def ask(**changes: Any) -> dict[str, Any]:
    return change(TASK, Arguments=change(REQUEST, **changes))


def test_what_runs_is_taken() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 0, "BackoffRate": 1.5}]
    states = chain(
        first=change(TASK, Retry=retry, Comment="it is first", Output={}),
        both=BOTH,
        end={"Type": "Succeed"},
    )
    machine = parse(define(states, Comment="all of it", Version="1.0"))
    assert [state.name for state in machine.walk()] == ["first", "both", "one", "two", "end"]
    assert machine.states["first"].retriers[0].rate == 1.5


REFUSED: dict[str, tuple[str, str]] = {
    "no json": ("{", "INVALID_JSON_DESCRIPTION: Expecting property name"),
    "a list": ("[]", "INVALID_JSON_DESCRIPTION: The definition is no JSON object."),
    "no states": (define({}), "States must be an object with states."),
    "JSONPath": (
        json.dumps({"StartAt": "a", "States": chain(a=PASS)}),
        "The local AWS does not support definitions without QueryLanguage JSONata. at /QueryLanguage",
    ),
    "a timeout": (
        define(chain(a=PASS), TimeoutSeconds=5),
        "The local AWS does not support the field 'TimeoutSeconds'.",
    ),
    "a stray field": (define(chain(a=PASS), States2={}), "Field 'States2' is not supported."),
    "no start": (define(chain(a=PASS), StartAt="b"), "Missing 'Next' target: b at /StartAt"),
    "no next": (define({"a": {**PASS, "Next": "b"}}), "Missing 'Next' target: b at /States/a/Next"),
    "no end": (define({"a": PASS}), "A state has either 'Next' or 'End': true. at /States/a"),
    "a lost state": (
        define({"a": {**PASS, "End": True}, "b": {**PASS, "End": True}}),
        "MISSING_TRANSITION_TARGET: State 'b' is not reachable. at /States/b",
    ),
    "a circle": (
        define({"a": {**PASS, "Next": "b"}, "b": {**PASS, "Next": "a"}}),
        "NO_TERMINAL_STATE: No terminal state found in machine",
    ),
    "a name twice": (
        define(chain(one=PASS, both=BOTH)),
        "DUPLICATE_STATE_NAME: The state name 'one' is not unique.",
    ),
    "a long name": (define(chain(**{"a" * 81: PASS})), "The name of a state has 1 to 80 characters."),
    "a type": (define(chain(a={"Type": "Loop"})), "'Loop' is no type of states. at /States/a"),
    "no branches": (define(chain(a={**BOTH, "Branches": []})), "Branches must not be empty."),
    "no arguments": (define(chain(a=change(TASK, Arguments=None))), "The field 'Arguments' is required."),
    "JSONPath's field": (
        define(chain(a=change(PASS, Parameters={}))),
        "Field 'Parameters' is not supported with QueryLanguage JSONata.",
    ),
    "another resource": (
        define(chain(a=change(TASK, Resource="arn:aws:states:::lambda:invoke"))),
        "The local AWS does not support the resource arn:aws:states:::lambda:invoke of tasks; use "
        "arn:aws:states:::sagemaker:createProcessingJob.sync. at /States/a",
    ),
    "a stray argument": (
        define(chain(a=ask(Colour="red"))),
        "Value at 'colour' failed to satisfy constraint",
    ),
    "a missing argument": (define(chain(a=ask(RoleArn=None))), "Value null at 'roleArn' failed"),
    "an argument that does not run": (
        define(chain(a=ask(NetworkConfig={"EnableNetworkIsolation": True}))),
        "NetworkConfig.EnableNetworkIsolation of CreateProcessingJob. at /States/a/Arguments",
    ),
    "an object by an expression": (
        define(chain(a=ask(Environment="{% $states.input %}"))),
        "does not support an expression in the place of a map. at /States/a/Arguments/Environment",
    ),
    "a language": (
        define(chain(a=change(PASS, QueryLanguage="JSONPath"))),
        "does not support states with another QueryLanguage than JSONata.",
    ),
    "an expression": (
        define(chain(a=change(PASS, Output="{% $sum($states.input) %}"))),
        "does not support the JSONata expression '$sum($states.input)'. at /States/a",
    ),
    "no errors to retry": (
        define(chain(a=change(TASK, Retry=[{}]))),
        "A retrier is an object with ErrorEquals.",
    ),
    "a rate": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["a"], "BackoffRate": 0.5}]))),
        "The value for 'BackoffRate' must be a number of at least 1. at /States/a/Retry",
    ),
    "half a second": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["a"], "IntervalSeconds": 1.5}]))),
        "The value for 'IntervalSeconds' must be an integer of at least 1 and at most 99999999.",
    ),
    "a delay of a year": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["a"], "MaxDelaySeconds": 31_622_400}]))),
        "The value for 'MaxDelaySeconds' must be an integer of at least 1 and at most 31622399.",
    ),
    "any error among others": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["a", "States.ALL"]}]))),
        "States.ALL must stand alone in ErrorEquals, and in the last retrier. at /States/a/Retry",
    ),
    "any error before another": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["a"]}]))),
        "States.ALL must stand alone in ErrorEquals, and in the last retrier. at /States/a/Retry",
    ),
    "a jitter": (
        define(chain(a=change(TASK, Retry=[{"ErrorEquals": ["a"], "JitterStrategy": "SOME"}]))),
        "JitterStrategy is FULL or NONE.",
    ),
    **{
        f"a state of type {kind}": (
            define(chain(a={"Type": kind})),
            f"The local AWS does not support states of type {kind}. at /States/a",
        )
        for kind in ("Choice", "Wait", "Map")
    },
    **{
        f"the field {name}": (
            define(chain(a=change(TASK, **{name: []}))),
            f"The local AWS does not support the field '{name}'. at /States/a",
        )
        for name in ("Catch", "Assign", "TimeoutSeconds", "HeartbeatSeconds", "Credentials")
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_run_is_refused_by_name(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(Problem) as refusal:
        parse(text)
    assert message in refusal.value.as_fault().message


def test_it_is_refused_when_the_machine_is_created_or_validated(cloud: Cloud) -> None:
    client = cloud.aws.client("stepfunctions")
    text = define(chain(a={"Type": "Map"}))
    call = {"name": "a", "definition": text, "roleArn": REQUEST["RoleArn"]}
    code, message, status = refused(client.create_state_machine, **call)
    assert (code, status) == ("InvalidDefinition", 400)
    assert message == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The local AWS does not support states "
        "of type Map. at /States/a'"
    )
    found = client.validate_state_machine_definition(definition=text)
    assert found["result"] == "FAIL"
    (diagnostic,) = found["diagnostics"]
    assert (diagnostic["code"], diagnostic["location"]) == ("SCHEMA_VALIDATION_FAILED", "/States/a")
    found = client.validate_state_machine_definition(definition=define(chain(a=PASS)))
    assert (found["result"], found["diagnostics"]) == ("OK", [])


STATES: dict[str, Any] = {
    "input": {"a": {"b": "text"}, "list": [1, "x"], "none": None, "yes": True, "number": 12},
    "context": {"Execution": {"Name": "run ø 1", "RedriveCount": 0}},
}
NAMES = ("a", "b", "input", "context", "Execution", "Name", "RedriveCount", "list", "none", "yes", "number")
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(
    lambda names: ".".join(["$states", *names])
)
texts = st.text("aZ0 .-éø🛫", max_size=8).map(lambda text: f"'{text}'")


def join(parts: list[str]) -> str:
    return " & ".join(parts)


simple = paths | texts | st.integers(0, 99).map(str)
calls = st.one_of(
    st.tuples(texts | st.just("$states.context.Execution.Name"), st.integers(0, 9), st.integers(0, 9)).map(
        lambda each: f"$substring({each[0]}, {each[1]}, {each[2]})"
    ),
    texts.map(lambda text: f"$hash({text}, 'SHA-256')"),
)
expressions = st.lists(simple | calls, min_size=1, max_size=4).map(join)


def evaluate(text: str) -> Any:
    return resolve(parse_templates(f"{{% {text} %}}"), STATES)


@needs_npm
def test_expressions_have_the_values_that_jsonata_gives_them() -> None:
    """JSONata's own evaluator is the oracle; `$hash` is Step Functions' own function."""
    found: list[str] = []

    @settings(max_examples=200, database=None, derandomize=True)
    @given(expressions)
    def collect(text: str) -> None:
        found.append(text)

    collect()
    script = """
        const jsonata = require("jsonata"), crypto = require("crypto");
        const {states, texts} = JSON.parse(require("fs").readFileSync(0, "utf-8"));
        (async () => {
            const values = [];
            for (const text of texts) {
                const found = jsonata(text);
                found.registerFunction("hash", (data, name) =>
                    crypto.createHash(name.replace("-", "").toLowerCase()).update(data).digest("hex"));
                const value = await found.evaluate(null, {states});
                values.push(value === undefined ? [] : [value]);
            }
            console.log(JSON.stringify(values));
        })();
    """
    answered = subprocess.run(
        ["node", "-e", script],
        input=json.dumps({"states": STATES, "texts": found}),
        capture_output=True,
        text=True,
        check=True,
        env={"NODE_PATH": str(NODE_MODULES), "PATH": "/usr/bin:/bin:/usr/local/bin"},
        timeout=60,
    )
    assert len(found) > 100
    for text, expected in zip(found, json.loads(answered.stdout), strict=True):
        try:
            mine = [evaluate(text)]
        except CannotEvaluate:
            mine = []
        assert mine == expected, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "'a' 'b'",
        "$states.",
        "$states.$x",
        "$other",
        "$hash('a')",
        "a & ",
        "$states[0]",
        "'a\\'b'",
        "(1)",
    ],
)
def test_other_expressions_are_not_understood(text: str) -> None:
    with pytest.raises(NotUnderstood):
        parse_templates({"x": [f"{{%{text}%}}"]})


@pytest.mark.parametrize(
    "text", ["$states.input.x", "$hash(1, 'MD5')", "$hash('a', 'CRC')", "$substring(1, 1)"]
)
def test_expressions_without_a_value_say_so(text: str) -> None:
    with pytest.raises(CannotEvaluate):
        evaluate(text)


def test_what_is_no_expression_stays() -> None:
    value = {"a": ["{%", "x {% $states.input %}", 1, None, {"b": "{% $states.input.number %}"}]}
    expected = {"a": ["{%", "x {% $states.input %}", 1, None, {"b": 12}]}
    assert resolve(parse_templates(value), STATES) == expected
