"""The SDK's data is cut down to what the code calls: nothing that is called may be missing, the rest must say so."""

import re
import shutil
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape

from devstack import sdk_data

DATA = Path(botocore.__file__).parent / "data"
CALL = re.compile(r"\b(?:client|kms|sqs|s3|scheduler|events)\.([a-z_]+)\(")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """As the layer's build leaves it; of the services that nobody calls, one stands for all."""
    folder = tmp_path_factory.mktemp("layer")
    for service in [*sdk_data.services(), "sns"]:
        shutil.copytree(DATA / service, folder / "botocore/data" / service)
    for file in DATA.glob("*.json"):
        shutil.copy(file, folder / "botocore/data")
    sdk_data.prune(folder)
    return folder


@pytest.fixture(scope="module")
def pruned(installed):
    return Loader(extra_search_paths=[str(installed / "botocore/data")], include_default_search_paths=False)


@pytest.fixture
def client(pruned):
    session = botocore.session.get_session()
    session.register_component("data_loader", pruned)
    session.set_credentials("x", "y")
    return lambda service, region="eu-central-1": session.create_client(
        service, region_name=region, config=Config(retries={"mode": "standard"})
    )


def test_every_operation_that_the_code_calls_is_there(client):
    there = {name for service in sdk_data.services() for name in client(service).meta.method_to_api_mapping}
    called = {name for path in sdk_data.ADAPTERS.rglob("*.py") for name in CALL.findall(path.read_text())}
    assert called >= {"put_item", "transact_write_items", "start_execution", "decrypt"}, "the pattern finds calls"
    assert called - there == {"get_paginator"}, "no operation, but a way of calling one"
    assert client("s3").can_paginate("list_objects_v2")


def test_every_service_can_say_where_it_is_called(client):
    """Which is found out at the first call: for S3 by way of parameters that botocore reads to the last word."""
    for service in sdk_data.services():
        model = client(service).meta.service_model
        assert {each.name for each in model.client_context_parameters} >= set()


def test_what_is_called_is_listed_for_the_cache_of_the_local_cloud(client):
    for service, operations in sdk_data.called().items():
        assert operations, f"a client of {service} is made and nothing of it is called"
        assert sorted(client(service).meta.method_to_api_mapping) == operations


def test_an_operation_that_is_not_called_fails_by_its_name(client):
    with pytest.raises(AttributeError, match="'DynamoDB' object has no attribute 'scan'"):
        client("dynamodb").scan()


def test_a_service_that_is_not_used_fails_by_its_name(client):
    with pytest.raises(UnknownServiceError, match="'sns'"):
        client("sns")


def described(shape: Shape | None, seen: tuple[str, ...] = ()) -> object:
    """What botocore's serialisers, parsers and validators read of a shape."""
    if shape is None or shape.name in seen:
        return None
    inner = (*seen, shape.name)
    parts = getattr(shape, "members", {}) | {
        name: getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)
    }
    read = (shape.type_name, shape.serialization, shape.required_members if shape.type_name == "structure" else ())
    return read, {name: described(part, inner) for name, part in parts.items()}


@pytest.mark.parametrize("service", sorted(sdk_data.services()))
def test_what_is_kept_says_what_it_said(pruned, service):
    whole, small = (
        ServiceModel(loader.load_service_model(service, "service-2"), service) for loader in (Loader(), pruned)
    )
    assert small.metadata == whole.metadata
    for name in small.operation_names:
        ours, theirs = small.operation_model(name), whole.operation_model(name)
        assert ours.http == theirs.http
        assert described(ours.input_shape) == described(theirs.input_shape)
        assert described(ours.output_shape) == described(theirs.output_shape)
        assert [each.name for each in ours.error_shapes] == [each.name for each in theirs.error_shapes]


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("service", sorted(sdk_data.services()))
def test_a_client_calls_the_same_endpoint(client, service, region):
    whole = botocore.session.get_session().create_client(
        service, region_name=region, aws_access_key_id="x", aws_secret_access_key="y"
    )
    assert client(service, region).meta.endpoint_url == whole.meta.endpoint_url


def test_it_is_small_and_pruning_it_again_changes_nothing(installed):
    def files():
        return {path: path.read_bytes() for path in installed.rglob("*.json")}

    before = files()
    sdk_data.prune(installed)
    assert files() == before
    assert sum(map(len, before.values())) < 400_000
