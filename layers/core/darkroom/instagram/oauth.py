"""
The part of either login that needs no call: where to send the browser, and what comes back in the query.

Source: Meta's pages Business Login for Instagram, scope names as of January 2025, and Facebook Login for Business.
"""

from collections.abc import Iterable
from urllib.parse import urlencode

from darkroom.instagram import values
from darkroom.instagram.errors import AuthorizationCodeError

BASIC = "instagram_business_basic"
CONTENT_PUBLISH = "instagram_business_content_publish"
MANAGE_COMMENTS = "instagram_business_manage_comments"
MANAGE_MESSAGES = "instagram_business_manage_messages"
MANAGE_INSIGHTS = "instagram_business_manage_insights"

# What each is for, in words for the person who is asked.
SCOPES: dict[str, str] = {
    BASIC: "Read the profile and the media, and keep the connection alive",
    CONTENT_PUBLISH: "Publish posts and read the publishing limit",
    MANAGE_COMMENTS: "Read, answer, hide and delete comments, and be told of new ones",
    MANAGE_MESSAGES: "Read and answer direct messages, and be told of new ones",
    MANAGE_INSIGHTS: "Read the figures of the account and of its media",
}

# Those of the other login, to the same ends.
FACEBOOK_BASIC = "instagram_basic"
FACEBOOK_CONTENT_PUBLISH = "instagram_content_publish"
FACEBOOK_MANAGE_COMMENTS = "instagram_manage_comments"
FACEBOOK_MANAGE_MESSAGES = "instagram_manage_messages"
FACEBOOK_MANAGE_INSIGHTS = "instagram_manage_insights"
PAGES_SHOW_LIST = "pages_show_list"
PAGES_READ_ENGAGEMENT = "pages_read_engagement"
PAGES_MANAGE_METADATA = "pages_manage_metadata"
BUSINESS_MANAGEMENT = "business_management"

FACEBOOK_SCOPES: dict[str, str] = {
    FACEBOOK_BASIC: "Read the profile and the media",
    FACEBOOK_CONTENT_PUBLISH: "Publish posts and read the publishing limit",
    FACEBOOK_MANAGE_COMMENTS: "Read, answer, hide and delete comments, and be told of new ones",
    FACEBOOK_MANAGE_MESSAGES: "Read and answer direct messages, and be told of new ones",
    FACEBOOK_MANAGE_INSIGHTS: "Read the figures of the account and of its media",
    PAGES_SHOW_LIST: "See which Pages you manage, to find the accounts that are linked to them",
    PAGES_READ_ENGAGEMENT: "Act for the account that is linked to a Page",
    PAGES_MANAGE_METADATA: "Be told of what happens on the account",
    BUSINESS_MANAGEMENT: "Find the Pages that a business owns",
}

SCOPES_BY_LOGIN = {"instagram": SCOPES, "facebook": FACEBOOK_SCOPES}

_LONGEST_CODE = 2048


def authorize_url(base: str, *, client_id: str, redirect_uri: str, scopes: Iterable[str], state: str) -> str:
    """`redirect_uri` must be registered at Meta to the letter, and repeated to the letter in `exchange_code`."""
    query = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": ",".join(sorted(scopes)),
        "state": state,
    }
    return f"{base}?{urlencode(query)}"


def clean_code(code: str) -> str:
    """
    The code as Instagram issued it.

    Instagram ends its redirect with `#_`. To a browser that is a fragment; some native clients send it along, and the
    exchange then fails. Raises `AuthorizationCodeError` for what cannot be a code.
    """
    cleaned = values.secret(code.removesuffix("#_"))
    if cleaned is None or len(cleaned) > _LONGEST_CODE:
        raise AuthorizationCodeError("The authorisation code is malformed.")
    return cleaned
