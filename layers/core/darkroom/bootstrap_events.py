"""
The composition root of what comes in from Meta and of what goes out to tenants: see bootstrap.py, whose other half this
is.
"""
# ruff: noqa: PLC0415 — imports inside functions are this module's purpose

from functools import cache
from typing import TYPE_CHECKING, Any

from darkroom import bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from darkroom import delivering, fanning_out, processing, receiving, registering, resending
    from darkroom.aws.deliveries import S3Deliveries
    from darkroom.aws.delivery_queue import SqsDeliveryQueue
    from darkroom.aws.endpoints import DynamoDBEndpoints
    from darkroom.aws.event_lists import DynamoDBEventLists
    from darkroom.aws.outgoing_deliveries import DynamoDBOutgoingDeliveries
    from darkroom.deliveries import Delivery
    from darkroom.posts import Post, PostState


@cache
def receiving_ports() -> "receiving.Ports":
    from darkroom import receiving
    from darkroom.aws.clients import sqs
    from darkroom.aws.inbox import SqsInbox
    from darkroom.aws.secrets import SigningSecrets
    from darkroom.settings import ReceiverSettings

    settings = ReceiverSettings.from_environment()
    instagram, meta = settings.app_secret_arn, settings.meta_app_secret_arn
    key_ring = SigningSecrets(bootstrap.app_secret(instagram), bootstrap.meta_app_secret(meta))
    inbox = SqsInbox(sqs(), settings.webhook_queue_url, int(settings.webhook_message_bytes), raw_deliveries)
    return receiving.Ports(key_ring, inbox, bootstrap.now)


@cache
def processing_ports() -> "processing.Ports":
    from darkroom import processing

    return processing.Ports(bootstrap.accounts(), raw_deliveries(), bootstrap.announcing_ports())


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
def event_lists() -> "DynamoDBEventLists":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.event_lists import DynamoDBEventLists
    from darkroom.settings import EventsSettings

    return DynamoDBEventLists(dynamodb(), EventsSettings.from_environment().events_table, bootstrap.now)


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
    endpoints = RegisteringEndpoints(
        dynamodb(), settings.endpoints_table, bootstrap.token_vault(settings.token_key_arn)
    )
    return registering.Ports(endpoints, bootstrap.now, settings.allowed_webhook_hosts())


@cache
def resending_ports() -> "resending.Ports":
    from darkroom import resending

    endpoints, deliveries = _outgoing()
    return resending.Ports(endpoints, bootstrap.events(), deliveries, _delivery_queue(), bootstrap.now)


@cache
def fanning_out_ports() -> "fanning_out.Ports":
    from darkroom import fanning_out

    endpoints, deliveries = _outgoing()
    return fanning_out.Ports(bootstrap.events(), endpoints, deliveries, _delivery_queue(), bootstrap.now)


@cache
def delivering_ports() -> "delivering.Ports":
    from darkroom import delivering
    from darkroom.aws.endpoints import DynamoDBEndpointSecrets
    from darkroom.settings import EndpointsSettings
    from darkroom.webhook_sender import WebhookSender

    (endpoints, deliveries), settings = _outgoing(), EndpointsSettings.from_environment()
    secrets = DynamoDBEndpointSecrets(endpoints.client, endpoints.table, bootstrap.token_vault(settings.token_key_arn))
    send = WebhookSender(settings.allowed_webhook_hosts())
    return delivering.Ports(
        bootstrap.events(), endpoints, secrets, deliveries, send, bootstrap.announcing_ports(), bootstrap.now
    )


@cache
def sweeping_ports() -> "delivering.SweepPorts":
    from darkroom import delivering

    return delivering.SweepPorts(_outgoing()[1], _delivery_queue(), bootstrap.now)


def _outgoing() -> "tuple[DynamoDBEndpoints, DynamoDBOutgoingDeliveries]":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.endpoints import DynamoDBEndpoints
    from darkroom.aws.outgoing_deliveries import DynamoDBOutgoingDeliveries
    from darkroom.settings import EndpointsTableSettings

    table = EndpointsTableSettings.from_environment().endpoints_table
    return DynamoDBEndpoints(dynamodb(), table), DynamoDBOutgoingDeliveries(dynamodb(), table, bootstrap.now)


def _delivery_queue() -> "SqsDeliveryQueue":
    from darkroom.aws.clients import sqs
    from darkroom.aws.delivery_queue import SqsDeliveryQueue
    from darkroom.settings import OutgoingSettings

    return SqsDeliveryQueue(sqs(), OutgoingSettings.from_environment().deliveries_queue_url)
