"""
The only reader of the environment. One frozen model for each group of functions, each field an upper-case variable of
the same name, so that template.yaml and this file can be read side by side.
"""

import os
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, Self, get_origin

from darkroom.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    @classmethod
    def from_environment(cls) -> Self:
        """Raises ConfigurationError, naming the variable, at the first cold start that lacks it."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            text = os.environ.get(field.name.upper(), "").strip()
            if text:
                values[field.name] = _list(text) if get_origin(field.type) is frozenset else text
            elif field.default is MISSING:
                raise ConfigurationError(detail=f"The environment variable {field.name.upper()} is not set.")
        return cls(**values)


def _list(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings(_Settings):
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizerSettings(_Settings):
    """Without `oidc_issuer` only API keys are accepted."""

    callers_table: str
    mode: Literal["live", "test"]
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_tenant_claim: str = "tenant_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsSettings(_Settings):
    accounts_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstagramSettings(AccountsSettings):
    """For functions that decrypt a token and call Instagram."""

    token_key_arn: str
    instagram_graph_url: str
    facebook_graph_url: str
    meta_app_secret_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteringSettings(InstagramSettings):
    posts_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectSettings(_Settings):
    """`public_url` empty means the domain that the request came to; `return_origins` look like https://app.example.com."""

    callers_table: str
    app_secret_arn: str
    instagram_authorize_url: str
    meta_app_secret_arn: str
    facebook_dialog_url: str
    public_url: str = ""
    return_origins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectCallbackSettings(InstagramSettings):
    callers_table: str
    app_secret_arn: str
    instagram_api_url: str
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkingSettings(InstagramSettings):
    callers_table: str
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostsSettings(AccountsSettings):
    """`test_media_hosts` counts in test mode only."""

    posts_table: str
    callers_table: str
    mode: Literal["live", "test"]
    publish_post_state_machine_arn: str
    publish_schedule_group: str
    start_post_function_arn: str
    start_post_dead_letter_arn: str
    scheduler_role_arn: str
    test_media_hosts: frozenset[str] = frozenset()

    def allowed_media_hosts(self) -> frozenset[str]:
        return self.test_media_hosts if self.mode == "test" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings(_Settings):
    posts_table: str
    publish_post_state_machine_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSettings(_Settings):
    event_bus_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSettings(_Settings):
    posts_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings(AccountsSettings):
    refresh_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSettings(_Settings):
    events_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbacksSettings(AccountsSettings):
    """For Meta's callbacks about people."""

    app_secret_arn: str
    meta_app_secret_arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasuresSettings(_Settings):
    erasure_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSettings(_Settings):
    app_secret_arn: str
    meta_app_secret_arn: str
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSettings(_Settings):
    """`public_url` empty means the domain that the request came to."""

    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings(AccountsSettings):
    posts_table: str
    events_table: str
    endpoints_table: str
    deliveries_bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BelongingsSettings(_Settings):
    posts_table: str
    callers_table: str
    events_table: str
    deliveries_bucket: str
    publish_schedule_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesSettings(_Settings):
    deliveries_bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings(DeliveriesSettings):
    """`webhook_message_bytes`: bigger bodies go by way of the bucket. SQS takes 1 MiB with everything around it."""

    app_secret_arn: str
    meta_app_secret_arn: str
    webhook_queue_url: str
    webhook_message_bytes: str = "900000"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsTableSettings(_Settings):
    endpoints_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsSettings(EndpointsTableSettings):
    """`test_webhook_hosts` counts in test mode only."""

    token_key_arn: str
    mode: Literal["live", "test"]
    test_webhook_hosts: frozenset[str] = frozenset()

    def allowed_webhook_hosts(self) -> frozenset[str]:
        return self.test_webhook_hosts if self.mode == "test" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingSettings(_Settings):
    deliveries_queue_url: str
