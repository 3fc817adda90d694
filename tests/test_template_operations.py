"""
What the template owes whoever has to run it: no queue without an alarm, no asynchronous edge without a dead-letter
queue, no alarm without somebody to ring and a section to read. Each rule is shown to fail on a template that breaks it.
"""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.template import FUNCTION, load, of_type

ROOT = Path(__file__).parent.parent
TEMPLATE = load(ROOT / "template.yaml")
RUNBOOK = (ROOT / "docs/operations.md").read_text()

QUEUE, ALARM, RULE = "AWS::SQS::Queue", "AWS::CloudWatch::Alarm", "AWS::Events::Rule"

# Sources of events that wait for the answer: whoever called is told of a failure.
WAITING = {"HttpApi"}

type Template = dict[str, Any]
type Complaints = Iterator[str]


def resource(value: Any) -> str | None:
    """The logical id behind `!GetAtt X.Y` or `!Ref X`."""
    if not isinstance(value, dict):
        return None
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    return value.get("Ref")


def dead_letter_queues(template: Template) -> set[str]:
    found = {resource(each) for each in destinations(template)}
    return {name for name in found if name is not None}


def destinations(template: Template) -> Iterator[Any]:
    """Where anything in the template sends what it could not deliver."""
    for queue in of_type(template, QUEUE).values():
        yield queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")
    for rule in of_type(template, RULE).values():
        yield from (target.get("DeadLetterConfig", {}).get("Arn") for target in rule["Targets"])
    for function in of_type(template, FUNCTION).values():
        yield on_failure(function.get("EventInvokeConfig", {}))
        for event in function.get("Events", {}).values():
            yield on_failure(event["Properties"])
            yield event["Properties"].get("DeadLetterConfig", {}).get("Arn")


def on_failure(properties: dict[str, Any]) -> Any:
    return properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")


# ── the rules ───────────────────────────────────────────────────────────────────────────────────────────────────────


def queues_nobody_watches(template: Template) -> Complaints:
    """The age, because it also rings for one message, and for a consumer that has stopped."""
    watched = {
        resource(dimension["Value"])
        for alarm in of_type(template, ALARM).values()
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"
        for dimension in alarm["Dimensions"]
    }
    yield from (
        f"{name} has no alarm on the age of its oldest message" for name in of_type(template, QUEUE).keys() - watched
    )


def edges_that_lose_what_fails(template: Template) -> Complaints:
    queues = of_type(template, QUEUE)
    for name, rule in of_type(template, RULE).items():
        for target in rule["Targets"]:
            if resource(target.get("DeadLetterConfig", {}).get("Arn")) not in queues:
                yield f"{name} loses what it cannot deliver to {target['Id']}"
    for name, function in of_type(template, FUNCTION).items():
        for label, event in function.get("Events", {}).items():
            yield from (f"{name}.{label} {why}" for why in lost(event, function, queues))


def lost(  # noqa: C901 — a case for each kind of source
    event: dict[str, Any], function: dict[str, Any], queues: dict[str, Any]
) -> Complaints:
    properties = event["Properties"]
    match event["Type"]:
        case kind if kind in WAITING:
            return
        case "SQS":
            source = queues.get(resource(properties["Queue"]) or "", {})
            if resource(source.get("RedrivePolicy", {}).get("deadLetterTargetArn")) not in queues:
                yield "reads a queue without a dead-letter queue"
            elif source["RedrivePolicy"]["maxReceiveCount"] < 5:
                yield "reads a queue that gives up before the fifth time"
            if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                yield "fails whole batches"
        case "DynamoDB":
            if resource(on_failure(properties)) not in queues:
                yield "loses records that cannot be read"
        case "ScheduleV2":
            if resource(properties.get("DeadLetterConfig", {}).get("Arn")) not in queues:
                yield "loses runs that cannot be started"
            if resource(on_failure(function.get("EventInvokeConfig", {}))) not in queues:
                yield "loses runs that fail"
        case other:
            yield f"is a {other}, and no rule here says what becomes of its failures"


def visibility_too_short(template: Template) -> Complaints:
    """Six times the function's limit, or a message is given to a second worker while the first still has it."""
    default = template["Globals"]["Function"]["Timeout"]
    for name, function in of_type(template, FUNCTION).items():
        for event in function.get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            queue = resource(event["Properties"]["Queue"]) or ""
            if of_type(template, QUEUE)[queue]["VisibilityTimeout"] < 6 * function.get("Timeout", default):
                yield f"{queue} shows its messages again before {name} can be done"


def alarms_that_ring_nowhere(template: Template) -> Complaints:
    topic = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    for name, alarm in of_type(template, ALARM).items():
        if alarm.get("AlarmActions") != topic:
            yield f"{name} notifies nobody"


def section_of(alarm: dict[str, Any], runbook: str) -> str | None:
    """The part of the runbook that the alarm's description ends with; None where there is none."""
    named = re.search(r"See docs/operations\.md#([a-z-]+)\.$", alarm.get("AlarmDescription", ""))
    parts = re.split(r"^(#{2,} .+)$", runbook, flags=re.MULTILINE)
    bodies = {slug(heading): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}
    return bodies.get(named[1]) if named else None


def slug(heading: str) -> str:
    """As GitHub makes anchors of headings."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def alarms_nobody_can_look_up(template: Template, runbook: str = RUNBOOK) -> Complaints:
    for name, alarm in of_type(template, ALARM).items():
        section = section_of(alarm, runbook)
        if section is None:
            yield f"{name}: the description does not end with a heading that docs/operations.md has"
        elif f"`{name}`" not in section:
            yield f"{name}: its section in docs/operations.md does not say what to do"


def dead_letters_nobody_can_look_up(template: Template, runbook: str = RUNBOOK) -> Complaints:
    section = section_of({"AlarmDescription": "See docs/operations.md#dead-letters."}, runbook) or ""
    for name in sorted(dead_letter_queues(template)):
        if f"`{name}`" not in section:
            yield f"{name}: docs/operations.md does not say what is in it, and what a redrive does"


def alarms_that_are_no_more(template: Template, runbook: str = RUNBOOK) -> Complaints:
    for name in sorted(set(re.findall(r"`(\w+Alarm)`", runbook)) - of_type(template, ALARM).keys()):
        yield f"docs/operations.md speaks of {name}, which is not in the template"


RULES = [
    queues_nobody_watches,
    edges_that_lose_what_fails,
    visibility_too_short,
    alarms_that_ring_nowhere,
    alarms_nobody_can_look_up,
    dead_letters_nobody_can_look_up,
    alarms_that_are_no_more,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule):
    assert list(rule(TEMPLATE)) == []


# ── each rule, broken ───────────────────────────────────────────────────────────────────────────────────────────────


def without(*path: str) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        place = template["Resources"]
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


def changed(*path: str, to: Any) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        place = template["Resources"]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


PROPERTIES = ("Properties", "Events")


def new_source(template: Template) -> None:
    template["Resources"]["StartPostFunction"]["Properties"]["Events"] = {"New": {"Type": "SNS", "Properties": {}}}


def no_target_dlq(template: Template) -> None:
    del template["Resources"]["OutgoingEventsRule"]["Properties"]["Targets"][0]["DeadLetterConfig"]


@pytest.mark.parametrize(
    ("rule", "breaks"),
    [
        (queues_nobody_watches, without("WebhookDeadLetterAgeAlarm")),
        (queues_nobody_watches, without("WebhookLagAlarm")),
        (edges_that_lose_what_fails, without("WebhookQueue", "Properties", "RedrivePolicy")),
        (edges_that_lose_what_fails, changed("WebhookQueue", "Properties", "RedrivePolicy", "maxReceiveCount", to=4)),
        (
            edges_that_lose_what_fails,
            without("WebhookProcessorFunction", *PROPERTIES, "Deliveries", "Properties", "FunctionResponseTypes"),
        ),
        (
            edges_that_lose_what_fails,
            without("AnnouncePostsFunction", "Properties", "Events", "PostChanges", "Properties", "DestinationConfig"),
        ),
        (
            edges_that_lose_what_fails,
            without("WatchPostsFunction", "Properties", "Events", "EveryMinute", "Properties", "DeadLetterConfig"),
        ),
        (edges_that_lose_what_fails, without("WatchPostsFunction", "Properties", "EventInvokeConfig")),
        (edges_that_lose_what_fails, no_target_dlq),
        (edges_that_lose_what_fails, new_source),
        (visibility_too_short, changed("WebhookQueue", "Properties", "VisibilityTimeout", to=359)),
        (alarms_that_ring_nowhere, without("WebhookLagAlarm", "Properties", "AlarmActions")),
        (alarms_nobody_can_look_up, without("WebhookLagAlarm", "Properties", "AlarmDescription")),
        (
            alarms_nobody_can_look_up,
            changed("WebhookLagAlarm", "Properties", "AlarmDescription", to="Late. See docs/operations.md#tokens."),
        ),
        (
            alarms_nobody_can_look_up,
            changed("WebhookLagAlarm", "Properties", "AlarmDescription", to="Late. See docs/operations.md#no-such."),
        ),
        (
            dead_letters_nobody_can_look_up,
            changed("WebhookQueue", "Properties", "RedrivePolicy", "deadLetterTargetArn", to={"Ref": "New"}),
        ),
        (alarms_that_are_no_more, without("WebhookLagAlarm")),
    ],
)
def test_the_rule_sees_what_breaks_it(rule, breaks):
    broken = copy.deepcopy(TEMPLATE)
    breaks(broken)
    assert len(list(rule(broken))) == 1


def test_schedules_of_posts_which_are_made_at_run_time_have_a_dead_letter_queue_too():
    given = {
        resource(function["Environment"]["Variables"]["START_POST_DEAD_LETTER_ARN"])
        for function in of_type(TEMPLATE, FUNCTION).values()
        if "SCHEDULER_ROLE_ARN" in function.get("Environment", {}).get("Variables", {})
    }
    assert given == {"StartPostDeadLetterQueue"}
