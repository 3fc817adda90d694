"""
The composition root: cached functions that build ports from settings, on first use. A function's cold start pays for
what it imports, so each builder imports what it builds, and nothing is imported for a neighbour.
"""
# ruff: noqa: PLC0415 — imports inside functions are this module's purpose

import time
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from darkroom import (
        announcing,
        authenticating,
        connecting,
        delivering,
        disconnecting,
        fanning_out,
        linking,
        metering,
        processing,
        receiving,
        recounting,
        registering,
        resending,
        submission,
        watching,
        workflow,
    )
    from darkroom.aws.accounts import DynamoDBAccounts, DynamoDBTokens
    from darkroom.aws.deliveries import S3Deliveries
    from darkroom.aws.delivery_queue import SqsDeliveryQueue
    from darkroom.aws.endpoints import DynamoDBEndpoints
    from darkroom.aws.event_lists import DynamoDBEventLists
    from darkroom.aws.events import DynamoDBEvents
    from darkroom.aws.idempotency import DynamoDBIdempotency
    from darkroom.aws.outgoing_deliveries import DynamoDBOutgoingDeliveries
    from darkroom.aws.posts import DynamoDBPosts
    from darkroom.aws.schedules import EventBridgeSchedules
    from darkroom.aws.secrets import AppSecret
    from darkroom.aws.vault import Vault
    from darkroom.deliveries import Delivery
    from darkroom.instagram.client import Call, InstagramClient
    from darkroom.posts import Post, PostState
    from darkroom.settings import InstagramSettings


def now() -> datetime:
    return datetime.now(UTC)


@cache
def stage() -> str:
    from darkroom.settings import ServiceSettings

    return ServiceSettings.from_environment().stage


@cache
def authenticating_ports() -> "authenticating.Ports":
    from darkroom import authenticating
    from darkroom.aws.callers import DynamoDBApiKeys
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import AuthorizerSettings

    settings = AuthorizerSettings.from_environment()
    jwts = None
    if settings.oidc_issuer:
        from darkroom.oidc import OidcJwts

        jwts = OidcJwts(settings.oidc_issuer, settings.oidc_audience)
    api_keys = DynamoDBApiKeys(dynamodb(), settings.callers_table)
    return authenticating.Ports(api_keys, jwts, settings.oidc_tenant_claim, settings.mode)


@cache
def connect_ports() -> "connecting.StartPorts":
    from darkroom import connecting
    from darkroom.aws.callers import DynamoDBConnectSessions
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import ConnectSettings

    settings = ConnectSettings.from_environment()
    secret, meta_secret = _app_secret(settings.app_secret_arn), _meta_app_secret(settings.meta_app_secret_arn)
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
    secret = _app_secret(settings.app_secret_arn)

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
        accounts=ConnectingAccounts(dynamodb(), settings.accounts_table, _vault(settings.token_key_arn)),
        instagram=lambda: client(secret.credentials()),
        now=now,
        public_url=settings.public_url,
    )


@cache
def linking_ports() -> "linking.Ports":
    from darkroom import linking
    from darkroom.aws.accounts import ConnectingAccounts
    from darkroom.aws.callers import DynamoDBConnectSessions
    from darkroom.aws.choices import DynamoDBConnectChoices
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.secrets import AppCredentials
    from darkroom.instagram.client import InstagramClient
    from darkroom.instagram.facebook import FacebookLogin
    from darkroom.observability import log_call
    from darkroom.settings import LinkingSettings

    settings = LinkingSettings.from_environment()
    secret, vault = _meta_app_secret(settings.meta_app_secret_arn), _vault(settings.token_key_arn)

    @lru_cache(maxsize=1)
    def facebook(app: AppCredentials) -> FacebookLogin:
        """Kept, with its connections, until the credentials change."""
        return FacebookLogin(
            InstagramClient(
                facebook_url=settings.facebook_graph_url,
                app_id=app.app_id,
                app_secret=app.app_secret,
                meta_app_secret=lambda: app.app_secret,
                on_call=log_call,
            )
        )

    return linking.Ports(
        sessions=DynamoDBConnectSessions(dynamodb(), settings.callers_table),
        choices=DynamoDBConnectChoices(dynamodb(), settings.callers_table, vault),
        accounts=ConnectingAccounts(dynamodb(), settings.accounts_table, vault),
        facebook=lambda: facebook(secret.credentials()),
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
    from darkroom.aws.workflows import StepFunctionsWorkflows
    from darkroom.settings import PostsSettings

    settings = PostsSettings.from_environment()
    return submission.Ports(
        posts=DynamoDBPosts(dynamodb(), settings.posts_table),
        accounts=accounts(),
        workflows=StepFunctionsWorkflows(stepfunctions(), settings.publish_post_state_machine_arn),
        schedules=schedules(),
        quota=DynamoDBQuota(dynamodb(), settings.posts_table),
        fingerprints=DynamoDBFingerprints(dynamodb(), settings.posts_table),
        now=now,
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
    from darkroom.aws.workflows import StepFunctionsWorkflows
    from darkroom.observability import log_unforeseen
    from darkroom.settings import WatchSettings

    settings = WatchSettings.from_environment()
    workflows = StepFunctionsWorkflows(stepfunctions(), settings.publish_post_state_machine_arn)
    return watching.Ports(DynamoDBPosts(dynamodb(), settings.posts_table), workflows, now, log_unforeseen)


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
    return disconnecting.Ports(accounts(), _tokens(settings), client, _posts(), now)


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
    return workflow.Ports(_posts(), accounts(), quota, outages, announce, now)


def announce(detail_type: str, detail: dict[str, Any]) -> None:
    """On the owner's event bus. Its client is made when there is something to tell, which is rare."""
    from darkroom.aws.bus import EventBridgeBus
    from darkroom.aws.clients import eventbridge
    from darkroom.settings import BusSettings

    EventBridgeBus(eventbridge(), BusSettings.from_environment().event_bus_name).announce(detail_type, detail, now())


# ── webhooks ──


@cache
def receiving_ports() -> "receiving.Ports":
    from darkroom import receiving
    from darkroom.aws.clients import sqs
    from darkroom.aws.inbox import SqsInbox
    from darkroom.settings import ReceiverSettings

    settings = ReceiverSettings.from_environment()
    inbox = SqsInbox(sqs(), settings.webhook_queue_url, int(settings.webhook_message_bytes), raw_deliveries)
    return receiving.Ports(_app_secret(settings.app_secret_arn), inbox, now)


@cache
def processing_ports() -> "processing.Ports":
    from darkroom import processing

    return processing.Ports(accounts(), raw_deliveries(), announcing_ports())


def opened_delivery(body: str, attributes: "Mapping[str, str]") -> "Delivery":
    """What the receiver put into a message of the queue. Raises MalformedDeliveryError."""
    from darkroom.aws import inbox

    return inbox.opened(body, attributes, raw_deliveries)


@cache
def raw_deliveries() -> "S3Deliveries":
    """Its client costs as much as the rest of the receiver, which needs it for big bodies only."""
    from darkroom.aws.clients import s3
    from darkroom.aws.deliveries import S3Deliveries
    from darkroom.settings import DeliveriesSettings

    return S3Deliveries(s3(), DeliveriesSettings.from_environment().deliveries_bucket)


# ── events ──


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


@cache
def event_lists() -> "DynamoDBEventLists":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.event_lists import DynamoDBEventLists
    from darkroom.settings import EventsSettings

    return DynamoDBEventLists(dynamodb(), EventsSettings.from_environment().events_table, now)


def post_change(change: dict[str, Any]) -> "tuple[PostState | None, Post]":
    from darkroom.aws import post_changes

    return post_changes.post_change(change)


@cache
def registering_ports() -> "registering.Ports":
    from darkroom import registering
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.endpoints import RegisteringEndpoints
    from darkroom.settings import EndpointsSettings

    settings = EndpointsSettings.from_environment()
    endpoints = RegisteringEndpoints(dynamodb(), settings.endpoints_table, _vault(settings.token_key_arn))
    return registering.Ports(endpoints, now, settings.allowed_webhook_hosts())


@cache
def resending_ports() -> "resending.Ports":
    from darkroom import resending

    endpoints, deliveries = _outgoing()
    return resending.Ports(endpoints, events(), deliveries, _delivery_queue(), now)


@cache
def fanning_out_ports() -> "fanning_out.Ports":
    from darkroom import fanning_out

    endpoints, deliveries = _outgoing()
    return fanning_out.Ports(events(), endpoints, deliveries, _delivery_queue(), now)


@cache
def delivering_ports() -> "delivering.Ports":
    from darkroom import delivering
    from darkroom.aws.endpoints import DynamoDBEndpointSecrets
    from darkroom.settings import EndpointsSettings
    from darkroom.webhook_sender import WebhookSender

    (endpoints, deliveries), settings = _outgoing(), EndpointsSettings.from_environment()
    secrets = DynamoDBEndpointSecrets(endpoints.client, endpoints.table, _vault(settings.token_key_arn))
    send = WebhookSender(settings.allowed_webhook_hosts())
    return delivering.Ports(events(), endpoints, secrets, deliveries, send, announcing_ports(), now)


@cache
def sweeping_ports() -> "delivering.SweepPorts":
    from darkroom import delivering

    return delivering.SweepPorts(_outgoing()[1], _delivery_queue(), now)


def _outgoing() -> "tuple[DynamoDBEndpoints, DynamoDBOutgoingDeliveries]":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.endpoints import DynamoDBEndpoints
    from darkroom.aws.outgoing_deliveries import DynamoDBOutgoingDeliveries
    from darkroom.settings import EndpointsTableSettings

    table = EndpointsTableSettings.from_environment().endpoints_table
    return DynamoDBEndpoints(dynamodb(), table), DynamoDBOutgoingDeliveries(dynamodb(), table, now)


def _delivery_queue() -> "SqsDeliveryQueue":
    from darkroom.aws.clients import sqs
    from darkroom.aws.delivery_queue import SqsDeliveryQueue
    from darkroom.settings import OutgoingSettings

    return SqsDeliveryQueue(sqs(), OutgoingSettings.from_environment().deliveries_queue_url)


@cache
def calling_ports() -> "workflow.CallingPorts":
    """For the steps that call Instagram; each call is an entry of the post's timeline."""
    from darkroom import workflow
    from darkroom.aws.clients import impatient_dynamodb
    from darkroom.aws.timeline import DynamoDBTimeline
    from darkroom.recording import Recorder
    from darkroom.settings import InstagramSettings, StepSettings

    settings = InstagramSettings.from_environment()
    story = DynamoDBTimeline(impatient_dynamodb(), StepSettings.from_environment().posts_table)
    ports = recording_ports()
    recorder = Recorder(story, ports.posts, ports.quota, now)
    client = _client(settings, recorder)
    return workflow.CallingPorts(
        ports.posts, ports.accounts, ports.quota, ports.outages, announce, now, _tokens(settings), client, time.sleep
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
        meta_app_secret=lambda: _meta_app_secret(settings.meta_app_secret_arn).credentials().app_secret,
        on_call=on_call,
    )


@cache
def _meta_app_secret(arn: str) -> "AppSecret":
    from darkroom.aws.clients import secretsmanager
    from darkroom.aws.secrets import AppSecret

    return AppSecret(secretsmanager(), arn, name="MetaAppSecret")


@cache
def _app_secret(arn: str) -> "AppSecret":
    from darkroom.aws.clients import secretsmanager
    from darkroom.aws.secrets import AppSecret

    return AppSecret(secretsmanager(), arn)


@cache
def _vault(key_arn: str) -> "Vault":
    from darkroom.aws.clients import kms
    from darkroom.aws.vault import Vault

    return Vault(kms(), key_arn)


def _tokens(settings: "InstagramSettings") -> "DynamoDBTokens":
    from darkroom.aws.accounts import DynamoDBTokens
    from darkroom.aws.clients import dynamodb

    return DynamoDBTokens(dynamodb(), settings.accounts_table, _vault(settings.token_key_arn))
