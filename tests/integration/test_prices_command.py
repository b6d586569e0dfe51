"""`kedro aws prices`, and the cost in a plan, in a project."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from price_server import answer, make_offer, serve_prices

from kedro_aws_plugin.aws import prices
from kedro_aws_plugin.cli import commands

PATH = "/offers/v1.0/aws/AmazonSageMaker/current/eu-west-1/index.json"
OFFER = make_offer({"EU-Host:ml.m5.large": "0.128", "EU-Tsform:ml.c5.large": "0.1"})


def kedro_aws(*arguments: str) -> tuple[int, str, str]:
    """Run a command in this process."""
    result = CliRunner().invoke(commands, ["aws", *arguments], prog_name="kedro")
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without prices, whose AWS does not answer."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(prices, "ADDRESS", "http://127.0.0.1:9")


@pytest.mark.usefixtures("small_project")
def test_prices_are_unknown_until_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hint = "price unknown in eu-west-1. Read AWS's price list: kedro aws prices --refresh\n"
    assert kedro_aws("prices") == (0, hint, "")
    code, stdout, stderr = kedro_aws("prices", "--refresh")
    assert (code, stdout) == (1, "")
    assert f"Error: http://127.0.0.1:9{PATH} cannot be reached: " in stderr
    with serve_prices({PATH: answer(OFFER)}) as (address, asked):
        monkeypatch.setattr(prices, "ADDRESS", address)
        code, stdout, stderr = kedro_aws("prices", "--refresh")
    assert (code, asked) == (0, [PATH])
    assert stdout.splitlines()[1:] == [
        "Host:ml.m5.large    0.128 an hour",
        "Tsform:ml.m5.large  price unknown",
    ]
    assert stderr.startswith(f"Asking {address}{PATH}\n2 prices of 2026-11-30 are kept in ")
    assert stderr.endswith(f"\nAWS price list of 2026-11-30, {address}{PATH}\n")
    known = json.loads(kedro_aws("prices", "-o", "json")[1])
    assert known == {
        "region": "eu-west-1",
        "published": "2026-11-30",
        "source": f"{address}{PATH}",
        "prices": {"Host:ml.m5.large": "0.128", "Tsform:ml.m5.large": None},
    }


@pytest.mark.usefixtures("small_project")
def test_a_dry_run_on_the_local_aws_says_what_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kedro_aws("register-model", "--approve")[0] == 0
    assert "cost" not in kedro_aws("deploy", "--dry-run")[1]
    with serve_prices({PATH: answer(OFFER)}) as (address, _):
        monkeypatch.setattr(prices, "ADDRESS", address)
        kedro_aws("prices", "--refresh")
    lines = kedro_aws("deploy", "--dry-run")[1].splitlines()
    assert lines[-1] == (
        "cost: nothing on the local AWS; on AWS about $93.44 a month (1 x ml.m5.large, $0.128 an hour in "
        "eu-west-1, AWS price list of 2026-11-30)"
    )
    planned = json.loads(kedro_aws("deploy", "--dry-run", "-o", "json")[1])
    assert (planned["cost"]["per"], planned["cost"]["low"]) == ("month", "93.440")
