"""
What the steps of the workflow ask of AWS when Instagram is not well, held against their roles. The harness of
tests/faults takes every way there is; here each store in memory has the real one beside it, which is told the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from threading import local
from typing import Any

from darkroom.aws.accounts import ConnectingAccounts, DynamoDBTokens
from darkroom.aws.bus import EventBridgeBus
from darkroom.aws.events import DynamoDBEvents
from darkroom.aws.outages import DynamoDBOutages
from darkroom.aws.posts import DynamoDBPosts
from darkroom.aws.quota import DynamoDBQuota
from darkroom.aws.timeline import DynamoDBTimeline
from darkroom.aws.vault import Vault
from devstack.workarounds.condition_keys import leading_keys
from tests.contracts.conftest import RESOURCES, Cloud
from tests.fakes import standing_ports
from tests.faults.bench import Bench, installed
from tests.faults.schedules import Schedule, parsed
from tests.statemachines.interpreter import state_machine
from tests.statemachines.lab import DEFINITION
from tests.statemachines.lambdas import Watched

# What leads to calls that an undisturbed post does not make.
TROUBLES = (
    "image | paused before invoke BeginPost #1",
    "image | platform_outage before invoke BeginPost #1",
    "image | quota_full before GET content_publishing_limit #1",
    "image | account_throttled before POST media #1",
    "image | long_outage before POST media #1",
    "image | expired before GET id #1",
    "image | server_failed before GET id #1",
    "image | http_429 before GET media #1",
    "image | quota before POST media_publish #1",
    "image | token_dead before POST media_publish #1",
    "image | blocked after POST media_publish #1",
    "image | timeout before POST media_publish #1",
    "image | account_throttled before POST media_publish #1",
    "image | cancelled before invoke PublishContainer #1",
    "carousel | server_failed before GET id #1",
    "story | timeout after POST media_publish #1",
    "commented | timeout after POST comments #1",
    "commented | comment_refused before POST comments #1",
    "commented | account_throttled before POST comments #1",
    "muted | timeout before POST id #1",
    "muted | account_throttled before POST id #1",
)
STEPS = {
    "BeginPost",
    "CreateContainer",
    "CheckContainer",
    "PublishContainer",
    "ConfirmPublish",
    "MarkPublished",
    "AddFirstComment",
    "TurnCommentsOff",
    "ReadPermalink",
    "DelayPost",
    "MarkFailed",
}
ACTION_OF_MEMBER = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


class Twin:
    """A port that does as the fake does, after the real store was told the same. Only what it asks of AWS matters."""

    def __init__(self, fake: object, real: object) -> None:
        self._fake, self._real = fake, real

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._fake, name)
        real = getattr(self._real, name, None)
        return self._both(attribute, real) if callable(attribute) and callable(real) else attribute

    @staticmethod
    def _both(fake: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            with suppress(Exception):  # it was asked for; what comes of it the fake decides
                real(*args, **kwargs)
            return fake(*args, **kwargs)

        return call


class Stores:
    """The real ones, by the names of the ports; `asked` is what they asked of AWS, each with the step that did."""

    def __init__(self, cloud: Cloud) -> None:
        dynamodb, kms, events = (cloud.client(name) for name in ("dynamodb", "kms", "events"))
        posts, accounts, told = (cloud.table(name) for name in ("PostsTable", "AccountsTable", "EventsTable"))
        vault = Vault(kms, kms.create_key()["KeyMetadata"]["Arn"])
        self.here = local()
        self.asked: set[tuple[str, str, str, tuple[str, ...]]] = set()
        self._connecting = ConnectingAccounts(dynamodb, accounts, vault)
        self._ports = {
            "posts": DynamoDBPosts(dynamodb, posts),
            "accounts": self._connecting,
            "tokens": DynamoDBTokens(dynamodb, accounts, vault),
            "quota": DynamoDBQuota(dynamodb, posts),
            "outages": DynamoDBOutages(dynamodb, posts),
            "timeline": DynamoDBTimeline(dynamodb, posts),
            "bus": EventBridgeBus(events, "EventBus"),
        }
        self._dynamodb, self._told = dynamodb, told
        for client in (dynamodb, kms, events):
            client.meta.events.register(f"before-parameter-build.{client.meta.service_model.service_name}", self._hear)
        self._clients = (dynamodb, kms, events)

    def close(self) -> None:
        for client in self._clients:
            client.meta.events.unregister(
                f"before-parameter-build.{client.meta.service_model.service_name}", self._hear
            )

    def beside(self, name: str, fake: Any) -> Twin:
        if name == "events":
            return Twin(fake, DynamoDBEvents(self._dynamodb, self._told, fake.now))
        return Twin(fake, self._ports[name])

    def know(self, bench: Bench) -> None:
        """What was there before the workflow began."""
        self._connecting.connect(bench.account, bench.token)

    def _hear(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if step := getattr(self.here, "step", None):
            service = model.service_model.service_name
            self.asked |= {(step, *each) for each in asked_of(service, model.name, params)}


def asked_of(service: str, operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Action, resource and leading keys of a request; of a transaction, of each of its members."""
    keys = [tuple(each) for each in leading_keys(params, hash_key_of)]
    if "TransactItems" in params:
        members = [member for item in params["TransactItems"] for member in item.items()]
        for (kind, detail), own in zip(members, keys, strict=True):
            yield f"dynamodb:{ACTION_OF_MEMBER[kind]}", detail["TableName"], own
    elif service == "dynamodb":
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield f"dynamodb:{operation}", params["TableName"] + index, keys[0]
    else:
        yield f"{service}:{operation}", {"kms": "TokenKey", "events": "EventBus"}[service], ()


def hash_key_of(table: str, index: str | None) -> str | None:
    properties = RESOURCES[table]["Properties"]
    indexes = {each["IndexName"]: each for each in properties.get("GlobalSecondaryIndexes", [])}
    schema = (properties if index is None else indexes[index])["KeySchema"]
    return next(each["AttributeName"] for each in schema if each["KeyType"] == "HASH")


def may(step: str, action: str, resource: str, keys: tuple[str, ...]) -> bool:
    policies = RESOURCES[f"{step}Function"]["Properties"]["Policies"]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    return any(
        action in statement["Action"]
        and resource in map(named, listed(statement["Resource"]))
        and all(any(fnmatchcase(key, pattern) for pattern in patterns(statement)) for key in keys)
        for statement in statements
    )


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def named(resource: Any) -> str:
    """`!GetAtt PostsTable.Arn` and `!Sub ${PostsTable.Arn}/index/Open`, by what they name."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    return str(resource.get("Fn::Sub", resource.get("Ref"))).replace("${", "").replace(".Arn}", "")


def patterns(statement: dict[str, Any]) -> list[str]:
    condition = statement.get("Condition", {})
    return listed(condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", "*"))


class RealToo(Bench):
    """The bench, with a twin for every store."""

    def __init__(self, schedule: Schedule, stores: Stores) -> None:
        self._stores = stores
        super().__init__(schedule)
        stores.know(self)

    def _watched(self, name: str, port: object) -> Any:
        return Watched(name, self._stores.beside(name, port), self.points)

    def _ports(self) -> dict[str, Any]:
        bus = self._stores.beside("bus", self.bus)
        events = self._stores.beside("events", self.events)
        standing = standing_ports(self._watched("accounts", self.accounts), self.now, events, bus)
        announce = standing.telling.announce
        return super()._ports() | {"standing": standing, "announce": announce}

    def _invoke_here(self, function: str, event: dict[str, Any]) -> Any:
        self._stores.here.step = function
        try:
            return super()._invoke_here(function, event)
        finally:
            self._stores.here.step = None


@contextmanager
def real_stores(cloud: Cloud) -> Iterator[Stores]:
    stores = Stores(cloud)
    try:
        yield stores
    finally:
        stores.close()


def test_a_step_may_do_whatever_it_asks_for_when_instagram_is_not_well(cloud):
    asked = set()
    for trouble in TROUBLES:
        with real_stores(cloud) as stores:
            bench = RealToo(parsed(trouble), stores)
            with installed(bench):
                bench.run(state_machine(DEFINITION))
            asked |= stores.asked
    assert {step for step, *_ in asked} == STEPS
    assert ("CheckContainer", "dynamodb:Query", "PostsTable", ("OUTAGE",)) in asked
    assert not sorted(each for each in asked if not may(*each))
