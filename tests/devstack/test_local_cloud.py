import copy
import socket

import pytest

from devstack.cloud import ANY_PORTS, LocalCloud, Ports
from devstack.processes import LocalCloudError
from devstack.template import TemplateError
from devstack.workarounds.server import MOST_PROCESSES
from tests.devstack import clouds

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def cloud(toy, tmp_path_factory):
    with LocalCloud(toy, state_dir=tmp_path_factory.mktemp("cloud"), ports=ANY_PORTS) as running:
        yield running


def test_serves_the_routes_of_the_template(cloud):
    status, answer = clouds.call(cloud, "/hello/Ada")
    assert (status, answer["greeting"]) == (200, "Hello Ada")
    assert answer["public_url"] == cloud.api_url
    assert clouds.call(cloud, "/nowhere") == (404, "nothing here")


def test_a_function_imports_its_layers_and_nothing_of_the_developers(cloud):
    _, answer = clouds.call(cloud, "/hello/Ada")
    assert answer["imports"] == {"botocore": True, "pytest": False, "ministack": False}
    assert "/dependencies-" in answer["botocore"]


def test_a_function_sees_what_lambda_shows_it_and_not_the_developers_environment(cloud, monkeypatch):
    _, answer = clouds.call(cloud, "/hello/Ada")
    assert {"AWS_REGION", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "_HANDLER"} <= set(answer["environment"])
    assert not {"VIRTUAL_ENV", "AUTH", "GATEWAY_PORT", "PYTEST_CURRENT_TEST"} & set(answer["environment"])
    assert 0 < answer["remaining_ms"] <= 5000


def test_the_authorizer_decides(cloud):
    assert clouds.call(cloud, "/private", {}, authorization="stranger") == (403, '{"message": "Forbidden"}')


def test_a_role_may_do_what_the_template_says_and_nothing_else(cloud):
    table = cloud.outputs["NotesTableName"]
    assert clouds.put_note(cloud, "TENANT#1") == "ok"
    denied = clouds.outcome(cloud, "dynamodb", "delete_item", TableName=table, Key={"pk": {"S": "TENANT#1"}})
    assert denied == "AccessDeniedException"


def test_conditions_on_leading_keys_hold(cloud):
    assert clouds.put_note(cloud, "OTHER#1") == "AccessDeniedException"


def test_conditions_on_the_encryption_context_hold(cloud):
    assert clouds.encrypt(cloud, {"account_id": "1"}) == "ok"
    assert clouds.encrypt(cloud, {}) == "AccessDeniedException"


def test_a_transaction_is_judged_item_by_item(cloud):
    table = cloud.outputs["NotesTableName"]

    def write(*keys: str) -> str:
        items = [{"Put": {"TableName": table, "Item": {"pk": {"S": key}}}} for key in keys]
        return clouds.outcome(cloud, "dynamodb", "transact_write_items", TransactItems=items)

    assert write("TENANT#a", "TENANT#b") == "ok"
    assert write("TENANT#a", "OTHER#b") == "AccessDeniedException"


def test_a_schedule_is_judged_by_its_group(cloud):
    for operation in ("create_schedule", "update_schedule", "delete_schedule"):
        assert clouds.remind(cloud, operation, cloud.outputs["RemindersName"]) == "ok", operation
        assert clouds.remind(cloud, operation, "default") == "AccessDeniedException", operation


def test_a_burst_waits_for_processes_that_are_there(cloud):
    assert 1 < clouds.busy_processes(cloud, "HelloFunction") <= MOST_PROCESSES


def test_the_state_machine_tells_errors_by_name(cloud):
    execution = clouds.execute(cloud)
    assert execution["status"] == "SUCCEEDED"
    assert execution["output"] == '{"cleaned_up_after": "RejectedError"}'


def test_expiring_tables_expire(cloud):
    ttl = cloud.client("dynamodb").describe_time_to_live(TableName=cloud.outputs["NotesTableName"])
    assert ttl["TimeToLiveDescription"] == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}


def test_logs_are_files_by_function(cloud):
    clouds.put_note(cloud, "TENANT#1")
    assert '{"caller": "ada"}' in cloud.function_logs()["PrivateFunction"]
    assert "GET /hello" in (cloud.logs_dir / "requests.log").read_text()


def test_taking_a_permission_out_of_the_template_takes_it_away(toy, tmp_path):
    def without_put(template):
        edited = copy.deepcopy(template)
        edited["Resources"]["PrivateFunction"]["Properties"]["Policies"][0]["Statement"][0]["Action"] = [
            "dynamodb:GetItem"
        ]
        return edited

    with LocalCloud(toy, state_dir=tmp_path, ports=ANY_PORTS, edit_template=without_put) as poorer:
        assert clouds.put_note(poorer, "TENANT#1") == "AccessDeniedException"


def test_two_run_at_once_on_the_same_wishes_and_leave_nothing_behind(toy, tmp_path):
    wishes = Ports(api=18000, simulator=18001, aws=14566)
    urls = []
    with LocalCloud(toy, state_dir=tmp_path / "a", ports=wishes) as one:
        with LocalCloud(toy, state_dir=tmp_path / "b", ports=wishes) as other:
            assert one.api_url != other.api_url
            for each in (one, other):
                assert clouds.call(each, "/hello/Ada")[0] == 200
                urls += [each.api_url, each.aws_url]
        with pytest.raises(LocalCloudError, match="Another local cloud"), LocalCloud(toy, state_dir=tmp_path / "a"):
            pass
    assert not [url for url in urls if _answers(url)]
    assert not clouds.processes_mentioning(str(tmp_path))


def test_a_failed_start_stops_what_it_started(toy, tmp_path):
    wrong = {"NoSuchParameter": "x"}
    with pytest.raises(TemplateError, match="NoSuchParameter"):
        LocalCloud(toy, state_dir=tmp_path, ports=ANY_PORTS, parameters=wrong).__enter__()
    assert not clouds.processes_mentioning(str(tmp_path))


def _answers(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
