"""What differs between Meta's two logins: the scopes nothing works without, and what webhooks need."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from darkroom.values import Value

Login = Literal["instagram", "facebook"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class LoginTraits(Value):
    """
    `webhook_fields` is what to subscribe to by scope: Meta does not honour the choice, but a field must be named, and
    with Facebook Login it is one of the Page's.
    """

    login: Login
    publish_scope: str
    needed_scopes: tuple[str, ...]
    comments_scope: str
    webhook_fields: dict[str, tuple[str, ...]]


INSTAGRAM = LoginTraits(
    login="instagram",
    publish_scope="instagram_business_content_publish",
    needed_scopes=("instagram_business_basic", "instagram_business_content_publish"),
    comments_scope="instagram_business_manage_comments",
    webhook_fields={
        "instagram_business_manage_comments": ("comments", "live_comments"),
        "instagram_business_manage_messages": (
            "messages",
            "message_reactions",
            "messaging_postbacks",
            "messaging_referral",
            "messaging_seen",
        ),
    },
)
FACEBOOK = LoginTraits(
    login="facebook",
    publish_scope="instagram_content_publish",
    needed_scopes=("instagram_basic", "instagram_content_publish", "pages_show_list", "pages_read_engagement"),
    comments_scope="instagram_manage_comments",
    webhook_fields={"pages_manage_metadata": ("feed",)},  # any field of the Page's opens those of its account
)
LOGINS: Mapping[Login, LoginTraits] = MappingProxyType({each.login: each for each in (INSTAGRAM, FACEBOOK)})
