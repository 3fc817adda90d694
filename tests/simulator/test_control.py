import re

import pytest

from simulator.switches import Switches


@pytest.fixture
def control(bakery):
    def send(method, path, **arguments):
        return bakery.http.request(method, f"http://instagram.test/_sim{path}", **arguments)

    return send


def test_health_says_ok(control):
    assert control("GET", "/health").json()["status"] == "ok"


def test_the_clock_moves_forward_only(control, instagram):
    before = instagram.clock.now()
    assert control("POST", "/clock", json={"advance": 60}).json()["now"] == before + 60
    assert control("POST", "/clock", json={"advance": -1}).status_code == 400
    assert control("POST", "/clock", json={"advance": "soon"}).status_code == 400
    assert control("GET", "/clock").json()["is_virtual"] is True


def test_switches_are_listed_with_their_source_and_changed(control, instagram):
    assert control("PATCH", "/switches", json={"quota_total": 25}).status_code == 200
    table = {row["name"]: row for row in control("GET", "/switches").json()["switches"]}
    assert instagram.world.switches.quota_total == table["quota_total"]["value"] == 25
    assert table["quota_total"]["default"] == 100
    assert table["refresh_mode"]["choices"] == ["same", "rotate_keep", "rotate_kill"]
    assert all(re.match(r"\d", row["section"]) and row["meaning"] for row in table.values())


@pytest.mark.parametrize(
    "patch",
    [{"no_such": 1}, {"refresh_mode": "maybe"}, {"quota_total": "many"}, {"never_finish": 1}, {"quota_total": True}],
)
def test_impossible_switch_positions_are_refused(control, instagram, patch):
    assert control("PATCH", "/switches", json=patch).status_code == 400
    assert instagram.world.switches == Switches()


def test_faults_are_planned_listed_and_cleared(control, bakery):
    plan = {"match": {"method": "GET", "path": "/{ig}"}, "nth": 2, "kind": "http_5xx", "when": "before"}
    assert control("POST", "/faults", json=plan).json()["id"] == "fault-1"
    assert [bakery.get("/me").status_code for _ in range(3)] == [200, 503, 200]
    assert control("GET", "/faults").json()["faults"][0]["seen"] == 3
    control("DELETE", "/faults")
    assert control("GET", "/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"kind": "x"},
        {"kind": "reset", "match": "all"},
        {"kind": "reset", "match": {"host": "x"}},
        {"kind": "slow", "seconds": "long"},
    ],
)
def test_a_fault_that_makes_no_sense_is_a_400_with_a_sentence(control, plan):
    answer = control("POST", "/faults", json=plan)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_accounts_are_added_and_keep_their_ids(control):
    first = control("POST", "/accounts", json={"username": "new.here", "account_type": "Media_Creator"}).json()
    again = control("POST", "/accounts", json={"username": "new.here"}).json()
    assert (first["user_id"], first["id"]) == (again["user_id"], again["id"])
    assert len(control("GET", "/accounts").json()["accounts"]) == 4
    assert control("POST", "/accounts", json={"username": "x", "account_type": "Robot"}).status_code == 400
    assert control("POST", "/accounts", json={"username": "x", "shoe_size": 43}).status_code == 400


def test_tokens_are_issued_and_revoked(control, bakery):
    token = control("POST", "/tokens", json={"username": "mira.draws"}).json()["access_token"]
    assert bakery.http.get("/me", params={"access_token": token}).status_code == 200
    assert control("POST", "/tokens/revoke", json={"access_token": token, "subcode": 460}).json() == {"revoked": 1}
    assert bakery.http.get("/me", params={"access_token": token}).json()["error"]["error_subcode"] == 460
    assert control("POST", "/tokens/revoke", json={"username": "mira.draws", "subcode": 1}).status_code == 400
    assert control("POST", "/tokens", json={"username": "nobody"}).status_code == 400


def test_the_call_log_holds_names_and_never_values(control, instagram, bakery):
    bakery.published(bakery.photo(caption="A secret caption"))
    log = control("GET", "/calls")
    publish = [call for call in log.json()["calls"] if call["template"] == "/{ig}/media_publish"]
    assert len(publish) == 1
    assert publish[0]["parameters"] == ["access_token", "creation_id"]
    assert bakery.token not in log.text
    assert "A secret caption" not in log.text
    assert len(instagram.calls("POST /{ig}/media_publish")) == 1
    control("DELETE", "/calls")
    assert instagram.calls() == []


def test_the_simulators_own_calls_are_not_logged(control, instagram):
    control("GET", "/ledger")
    assert instagram.calls() == []


def test_the_ledger_and_the_containers_can_be_read(control, bakery):
    orphan, published = bakery.photo(), bakery.photo(caption="Bread")
    media_id = bakery.published(published)
    [entry] = control("GET", "/ledger").json()["ledger"]
    assert (entry["media_id"], entry["caption"]) == (media_id, "Bread")
    containers = {c["id"]: c for c in control("GET", "/containers").json()["containers"]}
    assert containers[orphan]["status_code"] == "FINISHED"
    assert containers[published]["media_ids"] == [media_id]


def test_a_reset_forgets_everything_but_the_time(control, instagram, bakery):
    bakery.published(bakery.photo())
    instagram.switch(quota_total=25)
    instagram.fail("*", "reset")
    now = instagram.clock.now()
    control("POST", "/reset")
    assert (instagram.ledger(), instagram.calls(), instagram.world.tokens) == ([], [], {})
    assert instagram.world.switches.quota_total == 100
    assert instagram.world.faults.listing() == []
    assert instagram.clock.now() == now


def test_every_sample_is_listed_and_served(control):
    for path in control("GET", "/samples").json()["samples"]:
        answer = control("GET", path.removeprefix("/_sim"), timeout=None)
        assert answer.status_code in {200, 302, 403, 404}


def test_a_person_finds_an_overview_and_the_page_of_a_post(control, instagram, bakery, make_instagram, caller_for):
    bakery.published(bakery.photo(caption="<b>Bread</b>"))
    assert "&lt;b&gt;Bread" in control("GET", "").text
    assert "&lt;b&gt;Bread" in control("GET", f"/posts/{instagram.ledger()[0]['shortcode']}").text
    assert control("GET", "/posts/nothing").status_code == 404
    local = make_instagram(local_permalinks=True)
    caller = caller_for(local, local.token_for("lumen.bakery"))
    permalink = caller.get(f"/{caller.published(caller.photo())}", fields="permalink").json()["permalink"]
    assert caller.http.get(permalink).status_code == 200


def test_an_unknown_control_path_lists_the_known_ones(control):
    answer = control("GET", "/teapot")
    assert answer.status_code == 404
    assert "POST /_sim/faults" in answer.json()["there_are"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe"])
def test_a_control_body_that_is_no_json_object_is_refused(control, body):
    assert control("POST", "/faults", content=body).status_code == 400
