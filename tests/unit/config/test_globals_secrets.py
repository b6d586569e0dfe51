"""What `kedro aws globals` lists has no secret in it, and functions are called with the AWS in force."""

from pathlib import Path
from typing import Any

import pytest
from globals_files import Make, answering, problem
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin.cli.globals import _list_globals
from kedro_aws_plugin.config.dynamic_globals import GlobalValue
from kedro_aws_plugin.config.globals import Global
from kedro_aws_plugin.config.injection import get_globals, resolve
from kedro_aws_plugin.config.loader import read_config
from kedro_aws_plugin.errors import AwsError, ConfigError
from kedro_aws_plugin.session.connection import Connection
from kedro_aws_plugin.session.global_resolver import GlobalResolver
from kedro_aws_plugin.session.session import Session

PASSWORD = "hunter2"


def listed(loader: OmegaConfigLoader, conf: Path) -> dict[str, Any]:
    values = get_globals(loader)
    assert values is not None

    def source(spec: Global) -> GlobalValue:
        if spec.ssm is not None:
            raise AwsError(f"There is no parameter {spec.ssm.name}.")
        return GlobalValue(PASSWORD, is_secret=spec.secret is not None)

    session = Session.of(loader, conf.parent, "flights", conf)
    values.source = source
    return {each.name: each.problem or each.value for each in _list_globals(session)}


@pytest.mark.parametrize(
    "text",
    [
        "x-${globals:pw}",
        "x-${ globals:pw}",
        "x-${globals: pw }",
        "${globals:${globals:which}}",
        "${globals:between}",
        "${pw}",
    ],
)
@pytest.mark.parametrize("given", [False, True], ids=["aws.yml", "params"])
def test_a_secret_is_masked_however_it_is_referred_to(make: Make, conf: Path, text: str, given: bool) -> None:
    specs = "pw: {secret: {id: flights}}\nbetween: y${ globals:pw}\n"
    files = {"base/globals.yml": "which: pw\n"}
    if given:
        loader = make(specs, files=files, globals={"url": text})
    else:
        loader = make(f'{specs}url: "{text}"\n', files=files)
    found = listed(loader, conf)
    assert found == {"pw": "***", "between": "***", "which": "pw", "url": "***"}


def test_a_secret_is_masked_where_it_came_by_another_way(
    make: Make, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIGHTS_URL", f"pg://{PASSWORD}@h")
    loader = make(
        "a_url: {env: {name: FLIGHTS_URL}}\npw: {secret: {id: flights}}\n",
        globals={"nested": {"deep": [1, f"x{PASSWORD}"]}, "other": "x", "switch": True},
    )
    found = listed(loader, conf)
    assert found == {"a_url": "***", "pw": "***", "nested": "***", "other": "x", "switch": True}


def test_what_is_named_by_a_secret_is_one_and_an_error_does_not_say_it(make: Make, conf: Path) -> None:
    loader = make(
        "pw: {secret: {id: flights}}\n"
        "other: {secret: {id: 'x${ globals:pw}'}}\n"
        "level: {ssm: {name: '/${ globals:pw}'}}\n"
    )
    found = listed(loader, conf)
    assert found == {
        "pw": "***",
        "other": "***",
        "level": "`globals.level`: There is no parameter /***.",
    }


@pytest.mark.parametrize(
    ("specs", "params", "circle"),
    [
        ('a: "${ globals:b}"\nb: "${ globals:a}"\n', {}, "a -> b -> a"),
        ('a: "${globals:${globals:which}}"\n', {"which": "a"}, "a -> a"),
        ("a: today\n", {"a": "${globals:a}"}, "a -> a"),
        ("b: today\n", {"a": "x${globals:c}", "c": "${globals:a}"}, "a -> c -> a"),
    ],
)
def test_a_circle_is_one_sentence(make: Make, specs: str, params: dict[str, str], circle: str) -> None:
    def resolved() -> object:
        make(specs, globals=params)
        return resolve("a")

    sentence = f"the globals refer to one another in a circle: {circle}."
    with pytest.raises(ConfigError) as refused:
        resolved()
    assert refused.value.format_message().endswith(f"`globals.a`: {sentence}")


def test_a_function_is_called_once_the_aws_in_force_has_been_chosen(
    make: Make, conf: Path, module: Path
) -> None:
    module.write_text("calls = []\ndef f():\n    calls.append(1)\n    return {'of': 'day'}\n")
    loader = make("a: {function: 'flights_values:f'}\nb: x/${globals:a.of}\n")
    values = get_globals(loader)
    assert values is not None
    connected: list[object] = []

    def connect() -> Connection:
        import flights_values  # type: ignore[import-not-found]

        connected.append(list(flights_values.calls))
        read_config(loader, conf)  # which is what connecting begins with
        return Connection(target="local", account="123456789012", region="eu-west-1", env="local")

    read_config(loader, conf)
    values.source = GlobalResolver(conf.parent, connect)
    assert connected == []
    assert (resolve("b"), resolve("a")) == ("x/day", {"of": "day"})
    assert connected == [[]]


def test_without_a_connection_no_function_is_called(make: Make, module: Path) -> None:
    module.write_text("def f(): raise SystemExit\n")
    make("a: {function: 'flights_values:f'}\n")
    assert problem("a") == (
        "`globals.a`: `function` can only be computed in a Kedro session or by AwsConfigLoader. "
        "Use one of them."
    )


def test_aws_yml_may_not_refer_to_a_function(make: Make, conf: Path, module: Path) -> None:
    module.write_text("def f(): return 'flights'\n")
    loader = answering(
        make("a: {function: 'flights_values:f'}\n", files={"local/aws.yml": "bucket: ${globals:a}\n"})
    )
    with pytest.raises(ConfigError) as refused:
        read_config(loader, conf)
    assert refused.value.message.startswith(
        "conf/local/aws.yml: `bucket` refers to a global that is computed by AWS, git or a function, after"
    )
