"""What more than one room of tests needs."""

import signal
import sys
from collections.abc import Iterator

import forked_servers
import pytest
import shop
import spark_session
from botocore import handlers
from requests_sent import Requests

from kedro_aws_plugin.aws import guard
from kedro_aws_plugin.datasets import defaults
from local_aws import LocalAws


def pytest_configure(config: pytest.Config) -> None:
    """Give the fixture `spark` to every room, make servers start quickly, and let all started hear Ctrl-C."""
    config.pluginmanager.register(spark_session)
    forked_servers.install()
    # A shell lets what it runs in the background ignore it, and every process below as well.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_rule() -> Iterator[None]:
    """Which AWS one test has chosen for the process is nothing to the next test."""
    before = guard.get_rule()
    yield
    guard.set_rule(before)


@pytest.fixture(autouse=True)
def _no_bound_buckets() -> Iterator[None]:
    """To which project a bucket of a Spark session belongs in one test is nothing to the next test."""
    yield
    spark = sys.modules.get("pyspark.sql")
    session = spark.SparkSession.getActiveSession() if spark else None
    if getattr(session, "_jsc", None) is not None:
        configuration = session._jsc.hadoopConfiguration()
        for name in list(configuration.getPropsWithPrefix("kedro.aws.bucket.")):
            configuration.unset(f"kedro.aws.bucket.{name}")


@pytest.fixture(autouse=True)
def _no_defaults() -> Iterator[None]:
    """What the datasets take from one test's aws.yml is nothing to the next test."""
    yield
    defaults.use(defaults.AthenaDefaults())


@pytest.fixture
def requests_sent() -> Iterator[Requests]:
    """Whatever clients made from here on are asked for; the test fails on a request that AWS would refuse."""
    requests = Requests()
    handler = ("provide-client-params", requests.record)
    handlers.BUILTIN_HANDLERS.append(handler)
    yield requests
    handlers.BUILTIN_HANDLERS.remove(handler)
    assert requests.broken == []


@pytest.fixture
def aws(local_aws: LocalAws) -> LocalAws:
    """A local AWS with a bucket and a Glue database."""
    shop.open_shop(local_aws)
    return local_aws
