"""
What the template owes whoever has to run it: no queue without an alarm, no asynchronous edge without a dead-letter
queue, no alarm without somebody to ring and a section to read. Each rule is shown to fail on a template that breaks it.
"""

import ast
import copy
import json
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
FILTER = "AWS::Logs::MetricFilter"
NAMESPACE = "Darkroom/${AWS::StackName}"

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


def sub(value: Any) -> Any:
    return value.get("Fn::Sub") if isinstance(value, dict) else value


def logged() -> tuple[set[str], set[str]]:
    """What `log`, `one_line` and a logger's `error` are given as message, and every name a line may have as a field."""
    trees = [ast.parse(path.read_text()) for path in ROOT.glob("layers/core/darkroom/**/*.py")]
    trees += [ast.parse(path.read_text()) for path in ROOT.glob("functions/*/app.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    messages = {
        each.args[0].value
        for each in calls
        if getattr(each.func, "id", getattr(each.func, "attr", "")) in {"log", "one_line", "error"}
        and each.args
        and isinstance(each.args[0], ast.Constant)
    }
    fields = {keyword.arg for each in calls for keyword in each.keywords if keyword.arg}
    # Counts become fields under their own names: `counts["due"] += 1`.
    fields |= {node.value for tree in trees for node in ast.walk(tree) if is_text(node)}
    return messages, fields


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


MESSAGES, FIELDS = logged()


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


def counted(template: Template) -> dict[str, dict[str, Any]]:
    """Our own metrics, by name: the filters that count them from what functions log."""
    return {
        transformation["MetricName"]: each | transformation
        for each in of_type(template, FILTER).values()
        for transformation in each["MetricTransformations"]
    }


def widgets(template: Template) -> list[dict[str, Any]]:
    (dashboard,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    shown: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]
    return shown


def shown(template: Template) -> set[str]:
    """Our own metrics on the dashboard."""
    metrics = [metric for each in widgets(template) for metric in each["properties"].get("metrics", [])]
    return {metric[1] for metric in metrics if metric[0] == NAMESPACE}


def metrics_nobody_counts(template: Template) -> Complaints:
    used = {alarm["MetricName"] for alarm in of_type(template, ALARM).values() if sub(alarm["Namespace"]) == NAMESPACE}
    yield from (f"nothing counts {name}" for name in sorted((used | shown(template)) - counted(template).keys()))


def metrics_nobody_sees(template: Template) -> Complaints:
    yield from (f"{name} is counted and not on the dashboard" for name in counted(template).keys() - shown(template))


def metrics_of_another_stack(template: Template) -> Complaints:
    for name, each in counted(template).items():
        if sub(each["MetricNamespace"]) != NAMESPACE:
            yield f"{name} is not counted for this stack"


def metrics_with_too_many_faces(template: Template) -> Complaints:
    """Each value of a dimension is a metric of its own, and costs like one: states are few, tenants are not."""
    for name, each in counted(template).items():
        for dimension in each.get("Dimensions", []):
            if dimension["Value"] != "$.state":
                yield f"{name} is a metric for each {dimension['Value']}"


def lines_nobody_logs(template: Template) -> Complaints:
    for name, each in counted(template).items():
        fields = set(re.findall(r"\$\.(\w+)", each["FilterPattern"] + each["MetricValue"])) - {"message"}
        messages = set(re.findall(r'\$\.message = "([^"]+)"', each["FilterPattern"]))
        yield from (f"{name} waits for the line {message!r}, which nothing logs" for message in messages - MESSAGES)
        yield from (f"{name} waits for {field!r}, which no line has" for field in sorted(fields - FIELDS))


def alarms_not_on_the_dashboard(template: Template) -> Complaints:
    (alarms,) = (each["properties"]["alarms"] for each in widgets(template) if each["type"] == "alarm")
    yield from (
        f"{name} is not on the dashboard" for name in of_type(template, ALARM) if f"${{{name}.Arn}}" not in alarms
    )


def schedules_that_collide(template: Template) -> Complaints:
    """SAM names a schedule after the template, so that a second stack in the account could not make it."""
    for name, function in of_type(template, FUNCTION).items():
        for label, event in function.get("Events", {}).items():
            if event["Type"] == "ScheduleV2" and not event["Properties"].get("OmitName"):
                yield f"{name}.{label} has the same name in every stack"


def sweeps_that_stop_in_silence(template: Template) -> Complaints:
    """A function that nobody wakes fails nowhere: no error, no dead letter, no data that another alarm could see."""
    watched = {
        resource(dimension["Value"])
        for alarm in of_type(template, ALARM).values()
        if (alarm["MetricName"], alarm["ComparisonOperator"]) == ("Invocations", "LessThanThreshold")
        and alarm["TreatMissingData"] == "breaching"
        for dimension in alarm["Dimensions"]
    }
    for name, function in of_type(template, FUNCTION).items():
        if name not in watched and any(each["Type"] == "ScheduleV2" for each in function.get("Events", {}).values()):
            yield f"nobody is rung when {name} is never run"


def floods_without_a_dam(template: Template) -> Complaints:
    """What strangers or tenants can fill takes a share of the account's concurrency, and not all of it."""
    if "ReservedConcurrentExecutions" not in of_type(template, FUNCTION)["WebhookReceiverFunction"]:
        yield "the receiver may use up the account's concurrency"
    for name, function in of_type(template, FUNCTION).items():
        for label, event in function.get("Events", {}).items():
            if event["Type"] == "SQS" and "MaximumConcurrency" not in event["Properties"].get("ScalingConfig", {}):
                yield f"{name}.{label} may use up the account's concurrency"


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
    metrics_nobody_counts,
    metrics_nobody_sees,
    metrics_of_another_stack,
    metrics_with_too_many_faces,
    lines_nobody_logs,
    alarms_not_on_the_dashboard,
    schedules_that_collide,
    sweeps_that_stop_in_silence,
    floods_without_a_dam,
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


def transforms(name: str, **to: Any) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        template["Resources"][name]["Properties"]["MetricTransformations"][0].update(to)

    return change


def named_anew(name: str) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        template["Resources"]["Another" + name] = template["Resources"].pop(name)

    return change


def on_the_dashboard(edit: Callable[[list[dict[str, Any]]], None]) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
        changed_body = json.loads(body["Fn::Sub"])
        edit(changed_body["widgets"])
        body["Fn::Sub"] = json.dumps(changed_body)

    return change


def shows(*metric: str) -> Callable[[Template], None]:
    return on_the_dashboard(lambda widgets: widgets[1]["properties"]["metrics"].append(list(metric)))


def without_widget(title: str) -> Callable[[Template], None]:
    def edit(widgets: list[dict[str, Any]]) -> None:
        widgets[:] = [each for each in widgets if each["properties"]["title"] != title]

    return on_the_dashboard(edit)


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
        (metrics_nobody_counts, without("OverduePostsMetric")),
        (metrics_nobody_counts, shows(NAMESPACE, "NoSuchMetric")),
        (metrics_nobody_sees, without_widget("Deletions that are late")),
        (metrics_of_another_stack, transforms("OverduePostsMetric", MetricNamespace="Darkroom")),
        (
            metrics_with_too_many_faces,
            transforms("OverduePostsMetric", Dimensions=[{"Key": "Tenant", "Value": "$.tenant_id"}]),
        ),
        (lines_nobody_logs, transforms("OverduePostsMetric", MetricValue="$.no_such_field")),
        (
            lines_nobody_logs,
            changed("OverduePostsMetric", "Properties", "FilterPattern", to='{ $.message = "no such line" }'),
        ),
        (alarms_not_on_the_dashboard, named_anew("WebhookLagAlarm")),
        (
            schedules_that_collide,
            without("WatchPostsFunction", *PROPERTIES, "EveryMinute", "Properties", "OmitName"),
        ),
        (sweeps_that_stop_in_silence, without("WatchPostsSilentAlarm")),
        (
            sweeps_that_stop_in_silence,
            changed("QueueDeliveriesSilentAlarm", "Properties", "TreatMissingData", to="notBreaching"),
        ),
        (floods_without_a_dam, without("WebhookReceiverFunction", "Properties", "ReservedConcurrentExecutions")),
        (
            floods_without_a_dam,
            without("WebhookProcessorFunction", *PROPERTIES, "Deliveries", "Properties", "ScalingConfig"),
        ),
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
