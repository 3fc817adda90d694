"""Meta's two callbacks, the status page, the job, its watchdog and the export, as AWS calls them."""

from datetime import timedelta

import pytest

from darkroom import erasing
from darkroom.exports import Record
from tests.builders import OTHER_TENANT, TENANT
from tests.compliance_fakes import epoch, signed
from tests.events import answered, event, http_event
from tests.functions.test_http_functions import ask, refused
from tests.functions.world import ACCOUNT_ID, call

CALLBACKS = ["POST /meta/deauthorize", "POST /meta/data-deletion"]
FORM = {"content-type": "application/x-www-form-urlencoded"}


def posted(route, text, **given):
    return ask(route, body=f"signed_request={text}", headers=FORM, caller={}, **given)


def now(world):
    return signed(issued_at=epoch(world.clock()))


def test_the_payloads_of_events_are_metas(world):
    assert call("deauthorize", event("deauthorize"))["statusCode"] == 200
    assert (TENANT, ACCOUNT_ID) not in world.accounts.tokens
    answer = call("data_deletion", event("data_deletion"))
    assert answered(answer).keys() == {"url", "confirmation_code"}


def test_deauthorising_answers_nothing_but_200(world):
    answer = posted(CALLBACKS[0], now(world))
    assert (answer["statusCode"], answer.get("body")) == (200, None)
    assert world.accounts.stored[TENANT, ACCOUNT_ID].state == "reauthorization_required"


def test_a_deletion_answers_where_to_look_and_its_page_says_how_far_it_is(world):
    told = answered(posted(CALLBACKS[1], now(world)))
    code = told["confirmation_code"]
    assert told["url"].endswith(f"/data-deletion/{code}")
    page = ask("GET /data-deletion/{code}", parameters={"code": code}, caller={})
    assert (page["statusCode"], page["headers"]["content-type"]) == (200, "text/html; charset=utf-8")
    assert "is being deleted" in page["body"]
    record = event("erase_account")
    record["Records"][0]["body"] = f'{{"code": "{world.erasures.pop()}"}}'
    assert call("erase_account", record) == {}
    page = ask("GET /data-deletion/{code}", parameters={"code": code}, caller={})
    assert "has been deleted" in page["body"]
    assert world.account.username not in page["body"]


@pytest.mark.parametrize("route", CALLBACKS)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", FORM),
        ("signed_request=", FORM),
        ("signed_request=a.b", FORM),
        ("another=" + signed(), FORM),
        ("signed_request=" + signed(secret="another"), FORM),
        ("signed_request=" + signed(algorithm="none"), FORM),
        ("signed_request=" + "x" * 1_000_000, FORM),
        ("&".join(["x=1"] * 1000), FORM),
        ('{"signed_request": "' + signed() + '"}', {}),
        ("signed_request=%ff%fe", FORM),
        ("\x00", FORM),
    ],
)
def test_whatever_meta_would_not_send_is_one_and_the_same_400(world, lines, route, body, headers):
    answer = ask(route, body=body, headers=headers, caller={})
    assert refused(answer) == (400, "signed_request_invalid")
    assert world.accounts.tokens
    assert world.deletions.stored == {}
    (line,) = lines.named("problem")
    assert line["reason"] in {"malformed", "sig_mismatch", "algorithm"}


@pytest.mark.parametrize("route", CALLBACKS)
def test_neither_the_signed_request_nor_the_user_is_in_a_log(world, lines, route):
    text = now(world)
    posted(route, text)
    posted(route, "x" + text)
    written = lines.getvalue()
    for secret in (text, text.partition(".")[2], world.account.app_scoped_id, world.account.username):
        assert secret not in written


@pytest.mark.parametrize("code", ["0" * 32, "x", "../x", "<script>alert(1)</script>"])
def test_a_guessed_code_is_a_page_that_says_no(world, code):
    page = call("deletion_status", http_event("GET /data-deletion/{code}", parameters={"code": code}, caller={}))
    assert page["statusCode"] == 404
    assert "script" not in page["body"]


def test_a_code_says_no_more_in_the_log_than_that_somebody_asked(world, lines):
    call("deletion_status", event("deletion_status"))
    assert event("deletion_status")["pathParameters"]["code"] not in lines.getvalue()


@pytest.mark.parametrize("body", ["{}", "not json", '{"code": 7}', '{"code": "x", "more": 1}', '{"code": "unknown"}'])
def test_a_message_that_nobody_of_ours_sent_fails_and_ends_in_the_dead_letter_queue(world, body):
    record = event("erase_account")
    record["Records"][0]["body"] = body
    failures = call("erase_account", record)["batchItemFailures"]
    assert [each["itemIdentifier"] for each in failures] == [record["Records"][0]["messageId"]]


def test_the_watchdog_says_what_is_open_and_late(world, lines):
    posted(CALLBACKS[1], now(world))
    world.clock.advance(erasing.LATE_AFTER + timedelta(seconds=1))
    assert call("watch_deletions", event("watch_deletions")) == {"open": 1, "late": 1}
    (line,) = lines.named("watched deletions")
    assert {"open": 1, "late": 1}.items() <= line.items()  # LateDeletionsMetric of the template reads these


def test_an_export_goes_page_by_page_and_sees_its_own_tenant_only(world):
    world.shelf.records = {
        TENANT: [Record(kind="post", key=f"POST#{n}", record={"n": n}) for n in range(5)],
        OTHER_TENANT: [Record(kind="post", key="POST#9", record={"foreign": True})],
    }
    found, cursor = [], None
    while True:
        page = answered(ask("GET /v1/export", query={"limit": "2"} | ({"cursor": cursor} if cursor else {})))
        found += page["data"]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert [each["record"]["n"] for each in found] == list(range(5))


def test_another_tenant_s_cursor_is_refused_and_so_is_one_that_was_changed(world):
    world.shelf.records = {TENANT: [Record(kind="post", key=f"POST#{n}", record={}) for n in range(5)]}
    cursor = answered(ask("GET /v1/export", query={"limit": "2"}))["next_cursor"]
    foreign = {"tenant_id": OTHER_TENANT, "scopes": "admin"}
    for given in ({"caller": foreign, "query": {"cursor": cursor}}, {"query": {"cursor": cursor[:-2]}}):
        assert refused(ask("GET /v1/export", **given)) == (400, "cursor_invalid")


def test_a_key_for_some_accounts_cannot_export_the_tenant(world):
    caller = {"tenant_id": TENANT, "scopes": "admin", "account_ids": ACCOUNT_ID}
    assert refused(ask("GET /v1/export", caller=caller)) == (403, "scope_missing")
