"""What the MetricFilters of template.yaml count, from lines as functions really say them."""

import json
import re
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from darkroom.errors import StoreUnavailableError
from darkroom.instagram.client import InstagramClient
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access
from darkroom.observability import log_call, log_unforeseen
from devstack.template import load, of_type
from tests.events import event
from tests.functions.world import call_with

TEMPLATE = load(Path(__file__).parent.parent.parent / "template.yaml")
FILTERS = {
    transformation["MetricName"]: each | transformation
    for each in of_type(TEMPLATE, "AWS::Logs::MetricFilter").values()
    for transformation in each["MetricTransformations"]
}


def counts(name: str, lines: list[dict[str, Any]]) -> list[Any]:
    """The values that a filter makes of lines. Knows as much of CloudWatch's patterns as the template uses."""
    found = FILTERS[name]
    value = found["MetricValue"]
    taken = [line for line in lines if all(map(partial(holds, line), terms(found["FilterPattern"])))]
    return [line[value.removeprefix("$.")] if value.startswith("$.") else int(value) for line in taken]


def terms(pattern: str) -> list[tuple[str, str, str]]:
    inside = pattern.removeprefix("{").removesuffix("}").strip()
    return [tuple(re.fullmatch(r"\$\.(\w+) (=|!=|>=?|IS) (.+)", each.strip()).groups()) for each in inside.split("&&")]


def holds(line: dict[str, Any], term: tuple[str, str, str]) -> bool:
    field, operator, wanted = term
    value = line.get(field)
    match operator, wanted:
        case "=", "*":
            return value is not None
        case "IS", "TRUE":
            return value is True
        case "!=", text:
            return value is not None and value != json.loads(text)
        case "=", text:
            return value == json.loads(text)
        case ">", number:
            return value is not None and value > float(number)
        case ">=", number:
            return value is not None and value >= float(number)
    raise AssertionError(f"a pattern that this test cannot read: {term}")


def test_every_pattern_can_be_read_here():
    assert {name: counts(name, [{}]) for name in FILTERS} == {name: [] for name in FILTERS}


@pytest.fixture
def context():
    def made(logical_id):
        return SimpleNamespace(
            function_name=f"darkroom-dev-{logical_id}-Ab1", get_remaining_time_in_millis=lambda: 300_000
        )

    return made


def test_a_post_that_went_live_is_one_outcome_however_often_the_stream_says_so(world, lines, context):
    for _ in range(2):
        call_with("announce_posts", event("announce_posts"), context("AnnouncePostsFunction"))
    assert counts("PostOutcomes", lines.read_lines()) == [1]
    (line, _) = lines.named("change done")
    assert line["state"] == "published"


def test_a_delivery_counts_its_way_from_taken_in_to_processed(world, lines, context):
    sent = event("webhook_processor")
    sent["Records"][0]["attributes"]["SentTimestamp"] = str(round(time.time() * 1000) - 5000)
    call_with("webhook_processor", sent, context("WebhookProcessorFunction"))
    (age,) = counts("WebhookAge", lines.read_lines())
    assert 5000 <= age < 60_000


def test_a_message_of_another_queue_is_no_webhook(world, lines, context):
    call_with("fan_out_events", event("fan_out_events"), context("FanOutEventsFunction"))
    assert counts("WebhookAge", lines.read_lines()) == []


@pytest.mark.parametrize(("status", "code"), [(400, 4), (400, 17), (400, 32), (400, 613), (429, None)])
def test_a_call_that_instagram_throttles_is_counted_as_that(lines, status, code):
    body = {"error": {"message": "…", "code": code}} if code else {}
    answered(status, body)
    answered(200, {"id": "1"})
    said = lines.read_lines()
    assert (counts("InstagramThrottles", said), counts("InstagramErrors", said)) == ([1], [1])
    assert len(counts("InstagramCallTime", said)) == 2


def answered(status: int, body: dict[str, Any]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    client = InstagramClient(transport=transport, on_call=log_call)
    with suppress(InstagramError):
        client.media(Access("17841400000000001", "token"), "17900000000000001")


def test_an_error_that_nobody_foresaw_is_counted_even_where_the_caller_hears_nothing_of_it(world, lines, context):
    world.workflows.failure = PermissionError("arn:aws:states:…")
    answer = call_with("posts_api", event("posts_api"), context("PostsApiFunction"))
    assert answer["statusCode"] == 202
    assert counts("UnforeseenErrors", lines.read_lines()) == [1]


def test_an_overloaded_store_passes_and_is_not_counted_among_them(lines):
    log_unforeseen(StoreUnavailableError())
    assert counts("UnforeseenErrors", lines.read_lines()) == []


def test_the_soonest_expiry_is_what_the_dispatcher_says():
    line = {"message": "refreshes dispatched", "days_to_expiry_min": 12.5}
    assert counts("TokenDaysToExpiry", [line, line | {"days_to_expiry_min": None}]) == [12.5]
