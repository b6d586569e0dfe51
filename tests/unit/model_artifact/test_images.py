import importlib.util
import itertools
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from kedro_aws_plugin.errors import ConfigError
from kedro_aws_plugin.model_artifact import images
from kedro_aws_plugin.model_artifact.images import Image, choose_sklearn_image, explain_skew, take_own_image
from local_aws.protocol.service_model import find_violations

SCRIPT = Path(__file__).parents[3] / "scripts" / "extract_image_uris.py"
EXTRACT = json.loads(Path(images.__file__).with_name("image_table.json").read_text())
VERSIONS = EXTRACT["inference"]["versions"]
FROM_EXTRACT = "sagemaker-core {version}, extracted {date}".format(**EXTRACT["extracted_from"])

# Of each image, a version of scikit-learn that chooses it.
CHOOSES = {version: ".".join(version.replace("-", ".").split(".")[:2]) for version in VERSIONS}


@pytest.fixture
def without_sdk(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(images, "distribution", absent)


@pytest.mark.parametrize(
    ("installed", "version"),
    [
        ("1.9.0", "1.9-0"),
        ("1.9.1", "1.9-0"),
        ("1.4.2", "1.4-2-py312"),
        ("1.2.0rc1", "1.2-1"),
        ("1.7.2", "1.9-0"),
        ("1.3", "1.4-2-py312"),
        ("2.0.0", "1.9-0"),
        ("0.19", "0.20.0"),
    ],
)
@pytest.mark.usefixtures("without_sdk")
def test_the_image_has_the_same_minor_version_or_the_next(installed, version):
    assert choose_sklearn_image("eu-west-1", installed).version == version


@pytest.mark.usefixtures("without_sdk")
def test_an_image_tells_what_is_in_it():
    image = choose_sklearn_image("eu-west-1", "1.9.1")
    assert image.uri == "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
    assert image.installed["python"] == "3.12"
    assert image.framework_version == "1.9-0"
    assert image.source == FROM_EXTRACT
    assert choose_sklearn_image("eu-west-1", "1.4").framework_version == "1.4-2"
    assert choose_sklearn_image("eu-west-1", "1.0").installed == {"scikit-learn": "1.0"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.usefixtures("without_sdk")
def test_each_images_framework_version_is_one_that_aws_takes(version):
    def refused(framework_version):
        container = {"Image": "uri", "Framework": "SKLEARN", "FrameworkVersion": framework_version}
        specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"]}
        specification["SupportedResponseMIMETypes"] = ["text/csv"]
        request = {"ModelPackageGroupName": "g", "InferenceSpecification": specification}
        return find_violations("sagemaker", "CreateModelPackage", request)

    image = choose_sklearn_image("eu-west-1", CHOOSES[version])
    assert image.version == version
    assert refused(image.framework_version) == []
    assert len(refused("1.4-2-py312")) == 1


@pytest.mark.parametrize(
    ("region", "registry"),
    [
        ("cn-north-1", "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "833128469047.dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("il-central-1", "898809789911.dkr.ecr.il-central-1.amazonaws.com"),
    ],
)
@pytest.mark.usefixtures("without_sdk")
def test_each_partition_has_its_own_domain(region, registry):
    assert choose_sklearn_image(region, "1.9.0").uri.startswith(registry + "/")


@pytest.mark.parametrize(
    ("region", "hint"),
    [("eu-wst-1", r"Did you mean eu-west-1\?"), ("mars", r"Choose one of af-south-1, .*")],
)
@pytest.mark.usefixtures("without_sdk")
def test_a_region_without_images_is_refused(region, hint):
    said = rf"conf/base/aws\.yml: `region`: AWS has no scikit-learn images in {region}\. {hint}"
    with pytest.raises(ConfigError, match=said):
        choose_sklearn_image(region, "1.9.0")


def test_a_skew_names_both_versions_and_the_fix():
    image = Image("uri", "1.9-0", {"python": "3.12", "scikit-learn": "1.9.0", "numpy": "2.5.1"}, "")
    assert explain_skew(image, {"python": "3.10.4", "scikit-learn": "1.7.2", "numpy": "2.5.5"}) == [
        "python is 3.10.4 here and 3.12 in the container 1.9-0: train in a virtual environment of Python"
        " 3.12.",
        'scikit-learn is 1.7.2 here and 1.9.0 in the container 1.9-0: run `pip install "scikit-learn==1.9.0"`'
        ' in that environment and train again, or add "scikit-learn==1.7.2" to registry.requirements.',
    ]


def test_a_skew_within_the_same_python_is_mended_here():
    image = Image("uri", "1.9-0", {"python": "3.12", "scikit-learn": "1.9.0", "numpy": "2.5.1"}, "")
    (warning,) = explain_skew(image, {"python": "3.12.1", "scikit-learn": "1.9.1", "numpy": "2.4.6"})
    assert ': run `pip install "numpy==2.5.1"` and train again' in warning


def test_pandas_and_all_that_a_pickle_names_are_compared_unless_required():
    image = Image("uri", "1.9-0", {"python": "3.12", "pandas": "2.2.3", "scipy": "1.18.0"}, "")
    installed = {"python": "3.12.1", "scipy": "1.17.2", "pandas": "3.1.1", "lightgbm": "4.6.0"}
    said = [line.partition(":")[0] for line in explain_skew(image, installed)]
    assert said == [
        "pandas is 3.1.1 here and 2.2.3 in the container 1.9-0",
        "scipy is 1.17.2 here and 1.18.0 in the container 1.9-0",
    ]
    assert explain_skew(image, installed, required={"pandas", "scipy"}) == []


@pytest.mark.usefixtures("without_sdk")
def test_an_image_tells_which_distributions_it_has():
    newest, oldest = (choose_sklearn_image("eu-west-1", version) for version in ("1.9.0", "0.20"))
    assert {"scikit-learn", "pandas", "boto3", "python-dateutil"} <= newest.distributions
    assert "python" not in newest.distributions
    assert oldest.distributions == newest.distributions


def test_no_skew_is_told_where_nothing_differs_or_is_known():
    image = Image("uri", "1.9-0", {"python": "3.12", "scikit-learn": "1.9.0"}, "")
    assert explain_skew(image, {"python": "3.12.1", "scikit-learn": "1.9.1", "numpy": "1.26"}) == []
    assert explain_skew(image, {}) == []


def test_the_extract_says_where_it_is_from():
    origin = EXTRACT["extracted_from"]
    assert set(origin) == {"distribution", "version", "file", "date"}
    assert set(EXTRACT["containers"]) <= set(VERSIONS)


@pytest.mark.parametrize("moved", [OSError, ValueError, KeyError])
def test_an_sdk_whose_table_has_moved_is_done_without(monkeypatch, tmp_path, moved):
    class Sdk:
        version = "99"

        def locate_file(self, _):
            file = tmp_path / "sklearn.json"
            if moved is not OSError:
                file.write_text("{}" if moved is KeyError else "<html>")
            return file

    monkeypatch.setattr(images, "distribution", lambda _: Sdk())
    assert choose_sklearn_image("eu-west-1", "1.9.1").source == FROM_EXTRACT


class TestWithTheSdk:
    """Against the SageMaker SDK itself, where it is installed; importing it takes seconds."""

    @pytest.fixture(autouse=True)
    def _needs_sdk(self):
        if importlib.util.find_spec("sagemaker") is None:
            pytest.skip("the extra [sagemaker] is not installed")

    def test_its_table_is_read_without_importing_it(self):
        code = (
            "import sys; from kedro_aws_plugin.model_artifact.images import choose_sklearn_image;"
            "print(choose_sklearn_image('eu-west-1', '1.9.1').source, 'sagemaker' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert done.stdout.split()[0] == "sagemaker-core"
        assert done.stdout.split()[-1] == "False"
        assert "extracted" not in done.stdout

    def test_the_extract_is_what_the_script_makes(self, tmp_path):
        spec = importlib.util.spec_from_file_location("extract_image_uris", SCRIPT)
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        made = script.extract(EXTRACT["extracted_from"]["date"])
        if made["extracted_from"] != EXTRACT["extracted_from"]:
            pytest.skip(f"the extract is of another version: {EXTRACT['extracted_from']['version']}")
        assert made == EXTRACT
        subprocess.run(
            [sys.executable, str(SCRIPT), "--date", "2026-01-31", "--output", str(tmp_path / "x")], check=True
        )
        written = json.loads((tmp_path / "x").read_text())
        assert written["extracted_from"].pop("date") == "2026-01-31"
        assert written["inference"] == EXTRACT["inference"]

    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.usefixtures("without_sdk")
    def test_uris_are_the_sdks(self):
        """Each version and each region once: to ask the SDK for all pairs takes half a minute."""
        from sagemaker.core import image_uris

        versions = itertools.cycle(VERSIONS)
        regions = sorted({region for image in VERSIONS.values() for region in image["registries"]})
        for region in regions:
            version = next(each for each in versions if region in VERSIONS[each]["registries"])
            expected = image_uris.retrieve("sklearn", region, version=version, image_scope="inference")
            assert choose_sklearn_image(region, CHOOSES[version]).uri == expected


def test_an_own_image_is_in_the_projects_region() -> None:
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/flights:1.0"
    image = take_own_image(uri, "eu-west-1")
    assert (image.uri, image.framework_version, image.installed) == (uri, None, {})
    with pytest.raises(
        ConfigError, match="is in eu-west-1, and SageMaker in us-east-1 pulls images from us-east-1"
    ):
        take_own_image(uri, "us-east-1")
