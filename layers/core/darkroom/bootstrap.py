"""
The composition root: cached functions that build ports from settings, on first use. A function's cold start pays for
what it imports, so each builder imports what it builds, and nothing is imported for a neighbour.

Importing this module postpones the garbage collector: a start makes a hundred thousand objects that all stay, and
looking through them again and again is a tenth of it. The first collection after that sets them aside for good, and
from then on everything is as Python has it (docs/decisions/0013-cold-start.md).
"""
# ruff: noqa: PLC0415 — imports inside functions are this module's purpose

import gc
import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from darkroom import (
        announcing,
        authenticating,
        connecting,
        disconnecting,
        metering,
        recounting,
        standing,
        submission,
        watching,
        workflow,
    )
    from darkroom.aws.accounts import DynamoDBAccounts, DynamoDBTokens
    from darkroom.aws.events import DynamoDBEvents
    from darkroom.aws.idempotency import DynamoDBIdempotency
    from darkroom.aws.posts import DynamoDBPosts
    from darkroom.aws.schedules import EventBridgeSchedules
    from darkroom.aws.secrets import AppSecret
    from darkroom.aws.vault import Vault
    from darkroom.instagram.client import Call, InstagramClient
    from darkroom.settings import InstagramSettings


_OBJECTS_OF_A_START = 120_000  # more than any function makes (posts_api: 80,000)


def _postpone_collections() -> None:
    usual = gc.get_threshold()

    def settle(phase: str, _info: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(settle)
            gc.freeze()
            gc.set_threshold(*usual)

    gc.callbacks.append(settle)
    gc.set_threshold(_OBJECTS_OF_A_START)


_postpone_collections()


def now() -> datetime:
    return datetime.now(UTC)


@cache
def stage() -> str:
    from darkroom.settings import ServiceSettings

    return ServiceSettings.from_environment().stage


@cache
def authenticating_ports() -> "authenticating.Ports":
    from darkroom import authenticating
    from darkroom.aws.callers import DynamoDBApiKeys, DynamoDBBlockedSubjects
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import AuthorizerSettings

    settings = AuthorizerSettings.from_environment()
    jwts = None
    if settings.oidc_issuer:
        from darkroom.oidc import OidcJwts

        jwts = OidcJwts(settings.oidc_issuer, settings.oidc_audience)
    api_keys = DynamoDBApiKeys(dynamodb(), settings.callers_table)
    blocked = DynamoDBBlockedSubjects(dynamodb(), settings.callers_table)
    return authenticating.Ports(api_keys, blocked, jwts, settings.oidc_tenant_claim, settings.mode)


@cache
def connect_ports() -> "connecting.StartPorts":
    from darkroom import connecting
    from darkroom.aws.callers import DynamoDBConnectSessions
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import ConnectSettings

    settings = ConnectSettings.from_environment()
    secret, meta_secret = app_secret(settings.app_secret_arn), meta_app_secret(settings.meta_app_secret_arn)
    return connecting.StartPorts(
        sessions=DynamoDBConnectSessions(dynamodb(), settings.callers_table),
        now=now,
        dialogues={
            "instagram": connecting.Dialogue(settings.instagram_authorize_url, lambda: secret.credentials().app_id),
            "facebook": connecting.Dialogue(settings.facebook_dialog_url, lambda: meta_secret.credentials().app_id),
        },
        public_url=settings.public_url,
        return_origins=settings.return_origins,
    )


@cache
def connect_callback_ports() -> "connecting.CallbackPorts":
    from darkroom import connecting
    from darkroom.aws.accounts import ConnectingAccounts
    from darkroom.aws.callers import DynamoDBConnectSessions
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.secrets import AppCredentials
    from darkroom.instagram.client import InstagramClient
    from darkroom.observability import log_call
    from darkroom.settings import ConnectCallbackSettings

    settings = ConnectCallbackSettings.from_environment()
    secret = app_secret(settings.app_secret_arn)

    @lru_cache(maxsize=1)
    def client(app: AppCredentials) -> InstagramClient:
        """Kept, with its connections, until the credentials change."""
        return InstagramClient(
            graph_url=settings.instagram_graph_url,
            api_url=settings.instagram_api_url,
            app_id=app.app_id,
            app_secret=app.app_secret,
            on_call=log_call,
        )

    return connecting.CallbackPorts(
        sessions=DynamoDBConnectSessions(dynamodb(), settings.callers_table),
        accounts=ConnectingAccounts(dynamodb(), settings.accounts_table, token_vault(settings.token_key_arn)),
        instagram=lambda: client(secret.credentials()),
        standing=standing_ports(),
        now=now,
        public_url=settings.public_url,
    )


@cache
def posting_ports() -> "submission.Ports":
    from darkroom import submission
    from darkroom.aws.clients import dynamodb, stepfunctions
    from darkroom.aws.fingerprints import DynamoDBFingerprints
    from darkroom.aws.posts import DynamoDBPosts
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.aws.rates import DynamoDBRates
    from darkroom.aws.workflows import StepFunctionsWorkflows
    from darkroom.observability import log_unforeseen
    from darkroom.settings import PostsSettings

    settings = PostsSettings.from_environment()
    return submission.Ports(
        posts=DynamoDBPosts(dynamodb(), settings.posts_table),
        accounts=accounts(),
        workflows=StepFunctionsWorkflows(stepfunctions(), settings.publish_post_state_machine_arn),
        schedules=schedules(),
        quota=DynamoDBQuota(dynamodb(), settings.posts_table),
        fingerprints=DynamoDBFingerprints(dynamodb(), settings.posts_table),
        rates=DynamoDBRates(dynamodb(), settings.posts_table),
        now=now,
        tell=log_unforeseen,
        test_media_hosts=settings.allowed_media_hosts(),
    )


@cache
def schedules() -> "EventBridgeSchedules":
    from darkroom.aws.clients import scheduler
    from darkroom.aws.schedules import EventBridgeSchedules
    from darkroom.settings import PostsSettings

    settings = PostsSettings.from_environment()
    return EventBridgeSchedules(
        scheduler(),
        group=settings.publish_schedule_group,
        target_arn=settings.start_post_function_arn,
        role_arn=settings.scheduler_role_arn,
        dead_letter_arn=settings.start_post_dead_letter_arn,
        now=now,
    )


@cache
def watching_ports() -> "watching.Ports":
    from darkroom import watching
    from darkroom.aws.clients import dynamodb, stepfunctions
    from darkroom.aws.posts import DynamoDBPosts
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.aws.workflows import StepFunctionsWorkflows
    from darkroom.observability import log_unforeseen
    from darkroom.settings import WatchSettings

    settings = WatchSettings.from_environment()
    workflows = StepFunctionsWorkflows(stepfunctions(), settings.publish_post_state_machine_arn)
    posts, quota = DynamoDBPosts(dynamodb(), settings.posts_table), DynamoDBQuota(dynamodb(), settings.posts_table)
    return watching.Ports(posts, workflows, quota, now, log_unforeseen)


@cache
def recounting_ports() -> "recounting.Ports":
    from darkroom import recounting
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.timeline import DynamoDBTimeline
    from darkroom.settings import StepSettings

    return recounting.Ports(_posts(), DynamoDBTimeline(dynamodb(), StepSettings.from_environment().posts_table), now)


@cache
def idempotency_records() -> "DynamoDBIdempotency":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.idempotency import DynamoDBIdempotency
    from darkroom.settings import PostsSettings

    return DynamoDBIdempotency(dynamodb(), PostsSettings.from_environment().callers_table)


@cache
def accounts() -> "DynamoDBAccounts":
    from darkroom.aws.accounts import DynamoDBAccounts
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import AccountsSettings

    return DynamoDBAccounts(dynamodb(), AccountsSettings.from_environment().accounts_table)


@cache
def disconnecting_ports() -> "disconnecting.Ports":
    from darkroom import disconnecting
    from darkroom.observability import log_call
    from darkroom.settings import InstagramSettings

    settings = InstagramSettings.from_environment()
    client = _client(settings, log_call)
    return disconnecting.Ports(accounts(), _tokens(settings), client, _posts(), announcing_ports(), now)


@cache
def metering_ports() -> "metering.Ports":
    from darkroom import metering
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.observability import log_call
    from darkroom.settings import MeteringSettings

    settings = MeteringSettings.from_environment()
    client = _client(settings, log_call)
    quota = DynamoDBQuota(dynamodb(), settings.posts_table)
    return metering.Ports(accounts(), _tokens(settings), client, quota, now)


@cache
def recording_ports() -> "workflow.Ports":
    """For the steps that write down what happened; they are built without anything that could open a token."""
    from darkroom import workflow
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.outages import DynamoDBOutages
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.settings import StepSettings

    table = StepSettings.from_environment().posts_table
    quota, outages = DynamoDBQuota(dynamodb(), table), DynamoDBOutages(dynamodb(), table)
    return workflow.Ports(_posts(), accounts(), quota, outages, standing_ports(), announce, now)


def announce(detail_type: str, detail: dict[str, Any]) -> None:
    """On the owner's event bus. Its client is made when there is something to tell, which is rare."""
    from darkroom.aws.bus import EventBridgeBus
    from darkroom.aws.clients import eventbridge
    from darkroom.settings import BusSettings

    EventBridgeBus(eventbridge(), BusSettings.from_environment().event_bus_name).announce(detail_type, detail, now())


# ── webhooks ──


@cache
def calling_ports() -> "workflow.CallingPorts":
    """For the steps that call Instagram; each call is an entry of the post's timeline."""
    from darkroom import reloading, workflow
    from darkroom.aws.clients import impatient_dynamodb
    from darkroom.aws.timeline import DynamoDBTimeline
    from darkroom.recording import Recorder
    from darkroom.settings import InstagramSettings, StepSettings

    settings = InstagramSettings.from_environment()
    story = DynamoDBTimeline(impatient_dynamodb(), StepSettings.from_environment().posts_table)
    ports = recording_ports()
    recorder = Recorder(story, ports.posts, ports.quota, now)
    tokens = _tokens(settings)
    client = reloading.ReloadingInstagram(_client(settings, recorder), ports.accounts, tokens)
    return workflow.CallingPorts(
        ports.posts,
        ports.accounts,
        ports.quota,
        ports.outages,
        ports.standing,
        announce,
        now,
        tokens,
        client,
        time.sleep,
    )


def _posts() -> "DynamoDBPosts":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.posts import DynamoDBPosts
    from darkroom.settings import StepSettings

    return DynamoDBPosts(dynamodb(), StepSettings.from_environment().posts_table)


def _client(settings: "InstagramSettings", on_call: "Callable[[Call], None]") -> "InstagramClient":
    """For accounts of either login; the Meta app's secret is read when a call is made that needs it."""
    from darkroom.instagram.client import InstagramClient

    return InstagramClient(
        graph_url=settings.instagram_graph_url,
        facebook_url=settings.facebook_graph_url,
        meta_app_secret=lambda: meta_app_secret(settings.meta_app_secret_arn).credentials().app_secret,
        on_call=on_call,
    )


@cache
def meta_app_secret(arn: str) -> "AppSecret":
    from darkroom.aws.clients import secretsmanager
    from darkroom.aws.secrets import AppSecret

    return AppSecret(secretsmanager(), arn, name="MetaAppSecret")


@cache
def app_secret(arn: str) -> "AppSecret":
    from darkroom.aws.clients import secretsmanager
    from darkroom.aws.secrets import AppSecret

    return AppSecret(secretsmanager(), arn)


@cache
def token_vault(key_arn: str) -> "Vault":
    from darkroom.aws.clients import kms
    from darkroom.aws.vault import Vault

    return Vault(kms(), key_arn)


def _tokens(settings: "InstagramSettings") -> "DynamoDBTokens":
    from darkroom.aws.accounts import DynamoDBTokens
    from darkroom.aws.clients import dynamodb

    return DynamoDBTokens(dynamodb(), settings.accounts_table, token_vault(settings.token_key_arn))


@cache
def standing_ports() -> "standing.Ports":
    import random

    from darkroom import standing

    return standing.Ports(accounts(), announcing_ports(), random.random, now)


@cache
def announcing_ports() -> "announcing.Ports":
    from darkroom import announcing

    return announcing.Ports(events(), announce, now)


@cache
def events() -> "DynamoDBEvents":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.events import DynamoDBEvents
    from darkroom.settings import EventsSettings

    return DynamoDBEvents(dynamodb(), EventsSettings.from_environment().events_table, now)
