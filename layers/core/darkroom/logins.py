"""What differs between Meta's two logins: scopes to ask for, those nothing works without, what webhooks need."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from darkroom.instagram import oauth

Login = Literal["instagram", "facebook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginTraits:
    """
    `scopes` is what can be asked for, and is unless less is wished, with what each is for. `webhook_fields` is what to
    subscribe to by scope: Meta does not honour the choice, but a field must be named, and with Facebook Login it is one
    of the Page's.
    """

    login: Login
    publish_scope: str
    needed_scopes: tuple[str, ...]
    scopes: dict[str, str]
    webhook_fields: dict[str, tuple[str, ...]]


INSTAGRAM = LoginTraits(
    login="instagram",
    publish_scope=oauth.CONTENT_PUBLISH,
    needed_scopes=(oauth.BASIC, oauth.CONTENT_PUBLISH),
    scopes=oauth.SCOPES,
    webhook_fields={
        oauth.MANAGE_COMMENTS: ("comments", "live_comments"),
        oauth.MANAGE_MESSAGES: (
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
    publish_scope=oauth.FACEBOOK_CONTENT_PUBLISH,
    needed_scopes=(
        oauth.FACEBOOK_BASIC,
        oauth.FACEBOOK_CONTENT_PUBLISH,
        oauth.PAGES_SHOW_LIST,
        oauth.PAGES_READ_ENGAGEMENT,
    ),
    scopes=oauth.FACEBOOK_SCOPES,
    webhook_fields={oauth.PAGES_MANAGE_METADATA: ("feed",)},  # any field of the Page's opens those of its account
)
ALL = (INSTAGRAM, FACEBOOK)
LOGINS: Mapping[Login, LoginTraits] = MappingProxyType({each.login: each for each in ALL})
