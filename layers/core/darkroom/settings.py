"""
The only reader of the environment. One class for each group of functions, each annotated name an upper-case variable of
the same name, so that template.yaml and this file can be read side by side. No dataclasses: every function imports all
of these and uses one or two, and a dataclass costs a third of a millisecond to make.
"""

import os
from typing import Any, Literal, Never, Self, get_origin

from darkroom.errors import ConfigurationError


class _Settings:
    @classmethod
    def from_environment(cls) -> Self:
        """Raises ConfigurationError, naming the variable, at the first cold start that lacks it."""
        found = cls()
        for name, kind in cls.variables().items():
            text = os.environ.get(name.upper(), "").strip()
            if text:
                object.__setattr__(found, name, _list(text) if get_origin(kind) is frozenset else text)
            elif not hasattr(cls, name):
                raise ConfigurationError(detail=f"The environment variable {name.upper()} is not set.")
        return found

    @classmethod
    def variables(cls) -> dict[str, Any]:
        """Name and type of each, inherited ones too."""
        annotated = (vars(each).get("__annotations__", {}) for each in reversed(cls.__mro__))
        return {name: kind for names in annotated for name, kind in names.items()}

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{name} is settled by the environment.")


def _list(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


class ServiceSettings(_Settings):
    stage: str


class AuthorizerSettings(_Settings):
    """Without `oidc_issuer` only API keys are accepted."""

    callers_table: str
    mode: Literal["live", "test"]
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_tenant_claim: str = "tenant_id"


class AccountsSettings(_Settings):
    accounts_table: str


class InstagramSettings(AccountsSettings):
    """For functions that decrypt a token and call Instagram."""

    token_key_arn: str
    instagram_graph_url: str
    facebook_graph_url: str
    meta_app_secret_arn: str


class MeteringSettings(InstagramSettings):
    posts_table: str


class ConnectSettings(_Settings):
    """`public_url` empty means the domain that the request came to; `return_origins` look like https://app.example.com."""

    callers_table: str
    app_secret_arn: str
    instagram_authorize_url: str
    meta_app_secret_arn: str
    facebook_dialog_url: str
    public_url: str = ""
    return_origins: frozenset[str] = frozenset()


class ConnectCallbackSettings(InstagramSettings):
    callers_table: str
    app_secret_arn: str
    instagram_api_url: str
    public_url: str = ""


class LinkingSettings(InstagramSettings):
    callers_table: str
    public_url: str = ""


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


class WatchSettings(_Settings):
    posts_table: str
    publish_post_state_machine_arn: str


class BusSettings(_Settings):
    event_bus_name: str


class StepSettings(_Settings):
    posts_table: str


class DispatchSettings(AccountsSettings):
    refresh_queue_url: str


class EventsSettings(_Settings):
    events_table: str


class CallbacksSettings(AccountsSettings):
    """For Meta's callbacks about people."""

    app_secret_arn: str
    meta_app_secret_arn: str


class ErasuresSettings(_Settings):
    erasure_queue_url: str


class HealthSettings(_Settings):
    app_secret_arn: str
    meta_app_secret_arn: str
    public_url: str = ""


class PublicSettings(_Settings):
    """`public_url` empty means the domain that the request came to."""

    public_url: str = ""


class ExportSettings(AccountsSettings):
    posts_table: str
    events_table: str
    endpoints_table: str
    deliveries_bucket: str


class BelongingsSettings(AccountsSettings):
    posts_table: str
    callers_table: str
    events_table: str
    deliveries_bucket: str
    publish_schedule_group: str


class DeliveriesSettings(_Settings):
    deliveries_bucket: str


class ReceiverSettings(DeliveriesSettings):
    """`webhook_message_bytes`: bigger bodies go by way of the bucket. SQS takes 1 MiB with everything around it."""

    app_secret_arn: str
    meta_app_secret_arn: str
    webhook_queue_url: str
    webhook_message_bytes: str = "900000"


class EndpointsTableSettings(_Settings):
    endpoints_table: str


class EndpointsSettings(EndpointsTableSettings):
    """`test_webhook_hosts` counts in test mode only."""

    token_key_arn: str
    mode: Literal["live", "test"]
    test_webhook_hosts: frozenset[str] = frozenset()

    def allowed_webhook_hosts(self) -> frozenset[str]:
        return self.test_webhook_hosts if self.mode == "test" else frozenset()


class OutgoingSettings(_Settings):
    deliveries_queue_url: str
