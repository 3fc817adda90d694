"""The composition root of Facebook Login and of what keeps tokens alive; see bootstrap.py, which this is a part of."""
# ruff: noqa: PLC0415 — imports inside functions are this module's purpose

import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from darkroom import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from darkroom import dispatching, linking, refreshing
    from darkroom.instagram.facebook import FacebookLogin


def dispatching_ports() -> "dispatching.Ports":
    from darkroom import dispatching
    from darkroom.aws.clients import dynamodb, sqs
    from darkroom.aws.queues import SqsQueue
    from darkroom.aws.refreshes import DynamoDBRefreshes
    from darkroom.observability import log_unforeseen
    from darkroom.settings import DispatchSettings

    settings = DispatchSettings.from_environment()
    queue = SqsQueue(sqs(), settings.refresh_queue_url)
    return dispatching.Ports(
        DynamoDBRefreshes(dynamodb(), settings.accounts_table), queue, bootstrap.now, log_unforeseen
    )


@cache
def refreshing_ports() -> "refreshing.Ports":
    """The call is chosen by the account's login: one line a login."""
    from darkroom import refreshing
    from darkroom.aws.clients import dynamodb
    from darkroom.aws.refreshes import DynamoDBRefreshes, VaultedRenewals
    from darkroom.instagram.client import InstagramClient
    from darkroom.observability import log_call
    from darkroom.settings import InstagramSettings

    settings = InstagramSettings.from_environment()
    accounts = DynamoDBRefreshes(dynamodb(), settings.accounts_table)
    client = InstagramClient(graph_url=settings.instagram_graph_url, on_call=log_call)
    return refreshing.Ports(
        accounts=accounts,
        renewals=VaultedRenewals(accounts, bootstrap.token_vault(settings.token_key_arn)),
        refresh={
            "instagram": refreshing.by_instagram(client.refresh),
            "facebook": refreshing.by_facebook(
                facebook_login(settings.facebook_graph_url, settings.meta_app_secret_arn)
            ),
        },
        standing=bootstrap.standing_ports(),
        now=bootstrap.now,
        sleep=time.sleep,
    )


@cache
def linking_ports() -> "linking.Ports":
    from darkroom import linking
    from darkroom.aws.accounts import ConnectingAccounts
    from darkroom.aws.callers import DynamoDBConnectSessions
    from darkroom.aws.choices import DynamoDBConnectChoices
    from darkroom.aws.clients import dynamodb
    from darkroom.settings import LinkingSettings

    settings = LinkingSettings.from_environment()
    vault = bootstrap.token_vault(settings.token_key_arn)
    return linking.Ports(
        sessions=DynamoDBConnectSessions(dynamodb(), settings.callers_table),
        choices=DynamoDBConnectChoices(dynamodb(), settings.callers_table, vault),
        accounts=ConnectingAccounts(dynamodb(), settings.accounts_table, vault),
        standing=bootstrap.standing_ports(),
        facebook=facebook_login(settings.facebook_graph_url, settings.meta_app_secret_arn),
        now=bootstrap.now,
        public_url=settings.public_url,
    )


def facebook_login(graph_url: str, secret_arn: str) -> "Callable[[], FacebookLogin]":
    """Makes a client with the Meta app's credentials as they are at that moment."""
    from darkroom.aws.secrets import AppCredentials
    from darkroom.instagram.client import InstagramClient
    from darkroom.instagram.facebook import FacebookLogin
    from darkroom.observability import log_call

    secret = bootstrap.meta_app_secret(secret_arn)

    @lru_cache(maxsize=1)
    def client(app: AppCredentials) -> FacebookLogin:
        """Kept, with its connections, until the credentials change."""
        return FacebookLogin(
            InstagramClient(
                facebook_url=graph_url,
                app_id=app.app_id,
                app_secret=app.app_secret,
                meta_app_secret=lambda: app.app_secret,
                on_call=log_call,
            )
        )

    return lambda: client(secret.credentials())
