"""The composition root of what Meta and the law demand, deletion and export: a part of bootstrap.py's."""
# ruff: noqa: PLC0415 — imports inside functions are this module's purpose

from functools import cache
from typing import TYPE_CHECKING

from darkroom import bootstrap

if TYPE_CHECKING:
    from darkroom import deauthorizing, erasing, exporting
    from darkroom.aws.deletions import DynamoDBDeletions
    from darkroom.aws.erasures import SqsErasures
    from darkroom.aws.meta_users import DynamoDBMetaUsers
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.aws.secrets import SigningSecrets
    from darkroom.health import Setup
    from darkroom.logins import Login


@cache
def deauthorizing_ports() -> "deauthorizing.Ports":
    from darkroom import deauthorizing

    secrets = _signing_secrets()
    return deauthorizing.Ports(secrets, _meta_users(), bootstrap.standing_ports(), bootstrap.now)


@cache
def deletion_ports() -> "erasing.RequestPorts":
    from darkroom import erasing

    telling = bootstrap.announcing_ports()
    return erasing.RequestPorts(_signing_secrets(), _meta_users(), deletions(), erasures().put, telling, bootstrap.now)


@cache
def deletions() -> "DynamoDBDeletions":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.deletions import DynamoDBDeletions
    from darkroom.settings import AccountsSettings

    return DynamoDBDeletions(dynamodb(), AccountsSettings.from_environment().accounts_table)


@cache
def erasures() -> "SqsErasures":
    from darkroom.aws.clients import sqs
    from darkroom.aws.erasures import SqsErasures
    from darkroom.settings import ErasuresSettings

    return SqsErasures(sqs(), ErasuresSettings.from_environment().erasure_queue_url)


@cache
def erasing_ports() -> "erasing.ErasingPorts":
    from darkroom import erasing

    telling = bootstrap.announcing_ports()
    return erasing.ErasingPorts(deletions(), belongings(), erasures().put, telling, bootstrap.now)


@cache
def belongings() -> "tuple[erasing.Belongings, ...]":
    """All that an account leaves behind, and so all that a deletion erases."""
    from darkroom.aws import keys
    from darkroom.aws.belongings import Consents, Items, Posts, RawDeliveries, answers_about, of_account, with_prefix
    from darkroom.aws.clients import dynamodb, s3, scheduler
    from darkroom.settings import BelongingsSettings

    settings, client = BelongingsSettings.from_environment(), dynamodb()
    return (
        Posts(client, settings.posts_table, scheduler(), settings.publish_schedule_group),
        Items(client, settings.posts_table, "fingerprints", with_prefix(keys.fingerprint_prefix)),
        Items(client, settings.posts_table, "quota", with_prefix(keys.quota_prefix)),
        Items(client, settings.callers_table, "answers", answers_about),
        RawDeliveries(s3(), settings.deliveries_bucket),
        Items(client, settings.events_table, "events", of_account),
        Consents(client, settings.accounts_table),
    )


@cache
def shelves() -> "tuple[exporting.Shelf, ...]":
    """Where a tenant's things are. Their order is that of an export, and part of its cursors."""
    from darkroom.aws.clients import dynamodb, s3
    from darkroom.aws.shelves import OF_ACCOUNTS, OF_ENDPOINTS, OF_EVENTS, OF_POSTS, TenantDeliveries, TenantItems
    from darkroom.settings import ExportSettings

    settings, client = ExportSettings.from_environment(), dynamodb()
    return (
        TenantItems(client, settings.accounts_table, OF_ACCOUNTS),
        TenantItems(client, settings.posts_table, OF_POSTS),
        TenantItems(client, settings.events_table, OF_EVENTS),
        TenantItems(client, settings.endpoints_table, OF_ENDPOINTS),
        TenantDeliveries(s3(), settings.deliveries_bucket),
    )


@cache
def watching_deletions_ports() -> "erasing.WatchingPorts":
    from darkroom import erasing

    return erasing.WatchingPorts(deletions(), erasures().put, bootstrap.now)


@cache
def public_url() -> str:
    from darkroom.settings import PublicSettings

    return PublicSettings.from_environment().public_url


@cache
def quota() -> "DynamoDBQuota":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.quota import DynamoDBQuota
    from darkroom.settings import StepSettings

    return DynamoDBQuota(dynamodb(), StepSettings.from_environment().posts_table)


def setup(login: "Login", base_url: str) -> "Setup":
    """What the operator has set up for a login; `base_url` is how the request came, for want of a public one."""
    from darkroom.errors import ConfigurationError
    from darkroom.health import Setup
    from darkroom.settings import HealthSettings

    settings = HealthSettings.from_environment()
    by_login = {
        "instagram": lambda: bootstrap.app_secret(settings.app_secret_arn),
        "facebook": lambda: bootstrap.meta_app_secret(settings.meta_app_secret_arn),
    }
    try:
        by_login[login]().credentials()
    except ConfigurationError as error:
        return Setup(settings.public_url or base_url, error.detail)
    return Setup(settings.public_url or base_url)


def _meta_users() -> "DynamoDBMetaUsers":
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.meta_users import DynamoDBMetaUsers
    from darkroom.settings import CallbacksSettings

    return DynamoDBMetaUsers(dynamodb(), CallbacksSettings.from_environment().accounts_table)


@cache
def _signing_secrets() -> "SigningSecrets":
    from darkroom.aws.secrets import SigningSecrets
    from darkroom.settings import CallbacksSettings

    settings = CallbacksSettings.from_environment()
    instagram = bootstrap.app_secret(settings.app_secret_arn)
    return SigningSecrets(instagram, bootstrap.meta_app_secret(settings.meta_app_secret_arn))
