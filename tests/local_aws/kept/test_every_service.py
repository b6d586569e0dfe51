"""What every service of moto holds is there again after the server was killed."""

import re
import subprocess
import sys
from pathlib import Path

import every_service
import moto.backends
import pytest
from lasting import Lasting
from local_cloud import Cloud

pytestmark = pytest.mark.slow

# They need packages that the extra [local] does not bring, so that they cannot be asked for anything.
NOT_INSTALLED = {"apigateway", "cloudformation", "cognito-idp", "xray"}

KEEP_ALL = """
import sys
from pathlib import Path
from moto.backends import get_backend
from local_aws.kept.services import KeptServices

kept = KeptServices(Path(sys.argv[1]))
for name in sys.argv[2:]:
    try:
        regions = get_backend(name)["123456789012"]
    except ModuleNotFoundError:
        print("missing", name)
        continue
    backend = regions[next(each for each in ("eu-west-1", "us-east-1", "aws") if each in regions)]
    kept.moto.save({id(backend): backend})
for name, reason in kept.list_unkept().items():
    print("unkept", name, reason)
kept.close()
for name, reason in KeptServices(Path(sys.argv[1])).list_lost().items():
    print("lost", name, reason)
"""


def test_the_backend_of_every_service_can_be_kept(tmp_path: Path):
    source = Path(moto.backends.__file__).read_text()
    names = sorted(set(re.findall(r"Literal\['([a-z0-9-]+)'\]", source)) - {"moto_api", "s3"})
    assert len(names) > 150
    command = [sys.executable, "-c", KEEP_ALL, str(tmp_path), *names]
    said = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True).stdout
    found = [line.split(maxsplit=2) for line in said.splitlines()]
    assert [line for line in found if line[0] != "missing"] == []
    assert {line[1] for line in found} <= NOT_INSTALLED


UNKEEPABLE = """
import sys, threading
from pathlib import Path
from moto.backends import get_backend
from local_aws.kept.services import KeptServices

kept = KeptServices(Path(sys.argv[1]))
backend = get_backend("sqs")["123456789012"]["eu-west-1"]
backend.queues = threading.local()
kept.moto.save({id(backend): backend})
print(*kept.list_unkept().items())
kept.moto.clear()
backend.queues = {}
kept.moto.save({id(backend): backend})
print(*kept.list_unkept().items())
"""


def test_a_service_that_cannot_be_kept_is_named_until_a_reset(tmp_path: Path):
    command = [sys.executable, "-c", UNKEEPABLE, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    during, after = said.splitlines()
    assert during.startswith("('sqs', ")
    assert "_thread._local" in during
    assert after == ""


def test_what_was_made_in_each_service_survives_a_kill_and_a_stop(lasting: Lasting):
    clients = {name: lasting.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime")}
    cloud = Cloud(lasting.aws, *clients.values())
    cloud.s3.create_bucket(
        Bucket="models-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    cloud.deploy("e", "m")  # has a variant for the scalable target
    every_service.make_all(lasting.client)
    before = every_service.read_all(lasting.client)
    lasting.kill()
    assert every_service.read_all(lasting.client) == before
    lasting.stop()
    assert every_service.read_all(lasting.client) == before
