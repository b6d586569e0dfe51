"""Dynamic globals: what they are computed from, when, and what they give way to."""

import logging
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from globals_files import RUN, Make, answering, problem
from kedro.config import OmegaConfigLoader

from kedro_aws_plugin import kedro_internals
from kedro_aws_plugin.config import injection
from kedro_aws_plugin.config import loader as loader_module
from kedro_aws_plugin.config.dynamic_globals import GlobalValue
from kedro_aws_plugin.config.globals import Global, compute_at_once
from kedro_aws_plugin.config.injection import get_globals, resolve
from kedro_aws_plugin.config.loader import inject_globals, read_config
from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.kedro_internals import find_run_id_above
from kedro_aws_plugin.run.run_id import Run


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("today", "2026-11-21"),
        ({"today": {"timezone": "Asia/Singapore"}}, "2026-11-22"),
        ({"today": {"format": "%Y/%m/%d %H:%M"}}, "2026/11/21 23:30"),
        ({"today": {"format": "100%%/%d %z"}}, "100%/21 +0000"),
        ({"date": {"offset_days": -1}}, "2026-11-20"),
        ({"date": {"timezone": "Asia/Tokyo", "offset_days": 10, "format": "%d.%m.%y"}}, "02.12.26"),
        ("run_id", "2026-11-21T23.30.00.000Z"),
    ],
)
def test_dates_and_ids_follow_from_the_run(spec: Any, value: str) -> None:
    assert compute_at_once(Global.model_validate(spec), RUN) == (True, value)


def test_a_day_off_is_the_same_hour_where_the_clock_changes() -> None:
    run = Run(
        "", datetime(2026, 3, 29, 22, 30, tzinfo=timezone.utc)
    )  # 00:30 in Berlin, the day after the change
    spec = Global.model_validate(
        {"date": {"timezone": "Europe/Berlin", "offset_days": -1, "format": "%d %H:%M"}}
    )
    assert compute_at_once(spec, run) == (True, "29 00:30")


def test_every_kind_is_resolved_in_any_file(
    make: Make, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module.write_text("def columns():\n    return {'of': ['a', 'b']}\n")
    monkeypatch.setenv("FLIGHTS_HOME", "hangar")
    loader = make(
        "id: run_id\n"
        "home: {env: {name: FLIGHTS_HOME}}\n"
        "away: {env: {name: FLIGHTS_AWAY, default: null}}\n"
        "place: region\n"
        "columns: {function: 'flights_values:columns'}\n"
        "prefix: data/${globals:home}/${globals:stage}/${globals:place}\n",
        files={
            "base/globals.yml": "stage: dev\n",
            "base/parameters.yml": (
                "prefix: ${globals:prefix}\nof: ${globals:columns.of}\naway: ${globals:away}\n"
            ),
            "base/catalog.yml": "x: {filepath: '${globals:prefix}/${globals:id}.csv'}\n",
        },
    )
    values = get_globals(answering(loader))
    assert values is not None
    assert loader["parameters"] == {"prefix": "data/hangar/dev/eu-west-1", "of": ["a", "b"], "away": None}
    assert loader["catalog"]["x"]["filepath"] == f"data/hangar/dev/eu-west-1/{values.run.run_id}.csv"


def test_the_weakest_is_what_is_computed_then_base_then_the_environment_then_params(make: Make) -> None:
    loader = make(
        "a: run_id\nb: run_id\nc: run_id\nd: run_id\n",
        files={
            "base/globals.yml": "b: base\nc: base\nd: base\nnested: {x: 1, y: 2}\n",
            "prod/globals.yml": "c: prod\nd: prod\n",
            "prod/aws.yml": "target: aws\n",
        },
        env="prod",
        globals={"d": "params", "nested": {"y": 3}, "new": 4},
    )
    values = get_globals(loader)
    assert values is not None
    found = {name: resolve(name) for name in "abcd"}
    assert found == {"a": values.run.run_id, "b": "base", "c": "prod", "d": "params"}
    assert (resolve("nested"), resolve("new")) == ({"x": 1, "y": 3}, 4)
    assert values.origins == {
        "a": "aws.yml",
        **dict.fromkeys("bc", "globals.yml"),
        **dict.fromkeys(("d", "nested", "new"), "--params"),
    }


def test_what_an_environment_overrides_may_close_no_circle(make: Make) -> None:
    make("a: x${globals:b}\nb: y${globals:a}\n", files={"base/globals.yml": "b: end\n"})
    assert resolve("a") == "xend"


def test_injecting_twice_changes_nothing(make: Make, conf: Path) -> None:
    loader = make("id: run_id\n")
    before = get_globals(loader)
    assert inject_globals(loader, conf) is before


def test_a_loader_that_resolved_a_global_before_forgets_it(conf: Path, make: Make) -> None:
    make("day: today\n", files={"base/globals.yml": "a: 1\n", "base/parameters.yml": "x: ${globals:a}\n"})
    loader = OmegaConfigLoader(str(conf), base_env="base", default_run_env="local")
    assert loader["parameters"] == {"x": 1}
    inject_globals(loader, conf)
    assert resolve("day") == get_globals(loader).run.run_id[:10]  # type: ignore[union-attr]


def test_a_value_is_asked_for_when_something_refers_to_it_and_once(make: Make) -> None:
    asked: list[str] = []

    def source(spec: Global) -> GlobalValue:
        asked.append(spec.kind)
        return GlobalValue(f"{spec.kind} {spec.ssm.name if spec.ssm else ''}".strip())

    loader = make(
        "account: account_id\n"
        "level: {ssm: {name: '/${globals:stage}/level'}}\n"
        "other: {secret: {id: never}}\n",
        files={
            "base/globals.yml": "stage: dev\n",
            "base/parameters.yml": "a: ${globals:account}\nb: ${globals:account}-${globals:level}\n",
        },
    )
    get_globals(loader).source = source  # type: ignore[union-attr]
    assert asked == []
    for _ in range(2):
        assert loader["parameters"] == {"a": "account_id", "b": "account_id-ssm /dev/level"}
    assert sorted(asked) == ["account_id", "ssm"]


def test_a_global_with_a_secret_in_it_is_hidden(make: Make) -> None:
    loader = make("pw: {secret: {id: flights}}\nurl: pg://${globals:pw}@h\nid: run_id\n")
    values = get_globals(loader)
    assert values is not None
    values.source = lambda _: GlobalValue("hunter2", is_secret=True)
    with values.watch_secrets() as secret_given:
        assert resolve("url") == "pg://hunter2@h"
    assert secret_given()
    with values.watch_secrets() as secret_given:
        assert resolve("id") == values.run.run_id
    assert not secret_given()


def test_aws_yml_itself_may_refer_to_what_needs_no_aws(make: Make, conf: Path) -> None:
    loader = make(
        "stage: {env: {name: FLIGHTS_STAGE, default: dev}}\npw: {secret: {id: x}}\nurl: pg://${globals:pw}\n",
        files={"local/aws.yml": "bucket: flights-${globals:stage}\n"},
    )
    config = read_config(loader, conf)
    assert config is not None
    assert (config.bucket, sorted(config.globals)) == ("flights-dev", ["pw", "stage", "url"])


def test_what_is_half_known_while_aws_yml_is_read_is_computed_again(make: Make, conf: Path) -> None:
    loader = make(
        "account: account_id\n"
        "home: {env: {name: FLIGHTS_NOWHERE, default: 'x-${globals:account}'}}\n"
        "text: ${globals:home}\n"
    )
    read_config(loader, conf)
    get_globals(loader).source = lambda _: GlobalValue("123456789012")  # type: ignore[union-attr]
    assert resolve("text") == "x-123456789012"


def test_contexts_of_one_run_share_what_was_asked_for(
    make: Make, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`%reload_kedro` makes one context, `session.run()` another."""
    asked: list[str] = []

    def source(spec: Global) -> GlobalValue:
        asked.append(spec.kind)
        return GlobalValue(len(asked))

    monkeypatch.setattr(loader_module, "find_current_run", lambda: RUN)
    loaders = [make("pw: {secret: {id: flights}}\n") for _ in range(2)]
    other = OmegaConfigLoader(str(conf), env="base", base_env="base", default_run_env="local")
    inject_globals(other, conf)
    found = []
    for loader in (*loaders, other):
        injection.claim_globals(loader)
        get_globals(loader).source = source  # type: ignore[union-attr]
        found.append(resolve("pw"))
    assert found == [1, 1, 2]


def test_aws_yml_may_not_refer_to_what_it_takes_itself_to_ask_for(make: Make, conf: Path) -> None:
    loader = make("account: account_id\n", files={"local/aws.yml": "bucket: flights-${globals:account}\n"})
    with pytest.raises(ConfigError) as refused:
        read_config(loader, conf)
    assert refused.value.message == (
        "conf/local/aws.yml: `bucket` refers to a global that is computed by AWS, git or a function, after "
        "this file has been read. Write the value out, or take it from globals.yml or from an `env:`."
    )


def test_a_file_that_is_no_yaml_is_left_to_whoever_resolves_it(make: Make, conf: Path) -> None:
    loader = make("", files={"base/aws.yml": "a: b: c\n"})
    with pytest.raises(ConfigError, match="mapping values are not allowed here"):
        read_config(loader, conf)


@pytest.mark.parametrize(
    ("strategy", "names"), [({}, ["b"]), ({"aws": "soft"}, ["a", "b"])], ids=["destructive", "soft"]
)
def test_an_environments_section_is_merged_as_the_loader_merges_aws_yml(
    make: Make, conf: Path, strategy: dict[str, str], names: list[str]
) -> None:
    make("a: today\n", files={"local/aws.yml": "globals: {b: today}\n"})
    loader = OmegaConfigLoader(str(conf), base_env="base", default_run_env="local", merge_strategy=strategy)
    values = inject_globals(loader, conf)
    assert values is not None
    assert sorted(values.specs) == names


class Session:
    """Stands for Kedro's: what matters is that it is among the callers."""

    session_id = "the session's"

    def run(self, run_id: str | None = None) -> str | None:  # noqa: ARG002 - looked at from further down
        return self.load_context()

    def load_context(self) -> str | None:
        return find_run_id_above(sys._getframe())


def test_the_run_is_that_of_the_session_among_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kedro_internals, "_is_session", lambda value: isinstance(value, Session))
    assert Session().load_context() == "the session's"
    assert Session().run() == "the session's"
    assert Session().run(run_id="the run's") == "the run's"
    assert find_run_id_above(sys._getframe()) is None


def test_nothing_is_logged_of_what_is_computed(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    loader = make(
        "pw: {secret: {id: flights}}\n", files={"base/credentials.yml": "db: {pw: '${globals:pw}'}\n"}
    )
    get_globals(loader).source = lambda _: GlobalValue("hunter2", is_secret=True)  # type: ignore[union-attr]
    with caplog.at_level(logging.DEBUG):
        assert loader["credentials"] == {"db": {"pw": "hunter2"}}
    assert "hunter2" not in caplog.text


def test_without_a_source_it_says_what_is_missing(make: Make) -> None:
    make("a: account_id\n")
    assert problem("a") == (
        "`globals.a`: `account_id` can only be computed in a Kedro session or by AwsConfigLoader. "
        "Use one of them."
    )
    assert injection._live
