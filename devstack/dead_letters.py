"""
Who fills which dead-letter queue: read from a template as CloudFormation has it, so that no list has to be kept. What
can be done about a dead letter depends on its sender: a queue takes it back, a function is run again with its payload,
a rule's event is made into what the rule would have sent, and of a stream only a position is known.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from devstack.template import Template, of_type

QUEUE = "AWS::SQS::Queue"


@dataclass(frozen=True)
class DeadLetters:
    """
    A dead-letter queue by its logical id, and what sends to it, likewise. `function` was called without waiting;
    `is_recurring`: by a schedule, whose next run does the same work. `transformer` is the rule's, and None where it
    sends events as they are.
    """

    name: str
    queue: str | None = None
    function: str | None = None
    is_recurring: bool = False
    stream: str | None = None
    has_rule: bool = False
    transformer: dict[str, Any] | None = None


def dead_letters(template: Template) -> list[DeadLetters]:
    """By name."""
    found: dict[str, DeadLetters] = {}
    for name, facts in _senders(template):
        if name is not None and name in of_type(template, QUEUE):
            found[name] = replace(found.get(name, DeadLetters(name)), **facts)
    return [found[name] for name in sorted(found)]


def _senders(template: Template) -> Iterator[tuple[str | None, dict[str, Any]]]:
    for name, queue in of_type(template, QUEUE).items():
        yield _resource(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")), {"queue": name}
    for config in of_type(template, "AWS::Lambda::EventInvokeConfig").values():
        yield _resource(_on_failure(config)), {"function": _resource(config["FunctionName"])}
    for schedule in of_type(template, "AWS::Scheduler::Schedule").values():
        target = schedule["Target"]
        facts = {"function": _resource(target["Arn"]), "is_recurring": True}
        yield _resource(target.get("DeadLetterConfig", {}).get("Arn")), facts
    for mapping in of_type(template, "AWS::Lambda::EventSourceMapping").values():
        yield _resource(_on_failure(mapping)), {"stream": _resource(mapping["EventSourceArn"])}
    for rule in of_type(template, "AWS::Events::Rule").values():
        for target in rule.get("Targets", []):
            facts = {"has_rule": True, "transformer": target.get("InputTransformer")}
            yield _resource(target.get("DeadLetterConfig", {}).get("Arn")), facts


def _on_failure(properties: dict[str, Any]) -> Any:
    return properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")


def _resource(value: Any) -> str | None:
    """The logical id behind `Fn::GetAtt` or `Ref`."""
    if not isinstance(value, dict):
        return None
    got = value.get("Fn::GetAtt")
    if isinstance(got, str):
        return got.partition(".")[0]
    return got[0] if got else value.get("Ref")


def sent_by_rule(body: str, transformer: dict[str, Any] | None) -> str:
    """
    What a rule sends for an event that lies in its dead-letter queue as it was. A body that is no event any more has
    been through the transformer already.
    """
    event = json.loads(body)
    if transformer is None or not isinstance(event, dict) or "detail-type" not in event:
        return body
    text: str = transformer["InputTemplate"]
    for name, path in transformer.get("InputPathsMap", {}).items():
        value: Any = event
        for key in path.removeprefix("$.").split("."):
            value = value[key]
        text = text.replace(f"<{name}>", json.dumps(value))
    return text


def payload_of(body: str, attributes: dict[str, Any]) -> bytes:
    """
    What a function was called with, from Lambda's record of the failed call or from Scheduler's dead letter. Raises
    ValueError when that is not whole.
    """
    if attributes.get("IS_PAYLOAD_TRUNCATED", {}).get("StringValue", "false").lower() == "true":
        raise ValueError("the schedule's payload was cut off")
    letter: Any = json.loads(body)
    if not isinstance(letter, dict):
        raise ValueError("the message is no JSON object")  # noqa: TRY004 — one answer to all that is no payload
    if "requestContext" in letter and "requestPayload" in letter:
        return json.dumps(letter["requestPayload"]).encode()
    if isinstance(letter.get("Payload"), str) and "FunctionName" in letter:  # Scheduler shows its request to Lambda
        return str(letter["Payload"]).encode()
    return json.dumps(letter).encode()


def positions_of(body: str) -> tuple[str, str]:
    """From when to when the changes are from that Lambda gave up; empty where the message does not say."""
    batch = json.loads(body).get("DDBStreamBatchInfo", {})
    return batch.get("approximateArrivalOfFirstRecord", ""), batch.get("approximateArrivalOfLastRecord", "")
