"""
Each call of the Instagram API as a `Request`: pure, so that tests read it without a network. Accounts of either login
take the same calls, at the host of their login; what only Facebook Login has is in `facebook`.

Tokens travel in the `Authorization` header. The two exceptions are `exchange_for_long_lived` and `refresh`: Meta takes
a GET with the token (and the app secret) as parameters there, documents nothing else, answers POST with "unsupported",
and no client known to work sends a header; a guess that failed would be noticed when every token has expired.
"""

from collections.abc import Iterable, Mapping

from darkroom.instagram import values
from darkroom.instagram.codes import REFUSED_BEFORE_COMMENTING, REFUSED_BEFORE_PUBLISHING
from darkroom.instagram.errors import TokenInvalidError
from darkroom.instagram.models import Access
from darkroom.instagram.protocol import Base, Patience, Request, encode_form

# A silent Instagram costs Lambda time, so each wait is as short as its step allows.
READING = Patience(silence=10, total=12)  # one look-up, or a setting; repeated at no risk
# Connecting makes four calls while a person waits at most 30 s; what fails here is begun again with a click.
CONNECTING = Patience(silence=4, total=5)
CREATING = Patience(silence=20, total=22)  # Instagram may fetch an image before it answers
PUBLISHING = Patience(silence=25, total=28)  # giving up early means not knowing; beside one look-up it fits 40 s
# A short text and nothing to fetch. Giving up early costs a look-up and a wait; beside one look-up it fits 30 s.
COMMENTING = Patience(silence=15, total=17)

_PROFILE_FIELDS = "id,user_id,username,name,account_type,profile_picture_url,followers_count,follows_count,media_count"
_MEDIA_FIELDS = "id,caption,media_type,media_product_type,permalink,shortcode,timestamp,children{id}"
_COMMENT_FIELDS = "id,text,timestamp,username"
_COMMENTS_A_PAGE = "50"  # the most Instagram gives


def exchange_code(app_id: str, app_secret: str, code: str, redirect_uri: str) -> Request:
    form = {
        "client_id": app_id,
        "client_secret": app_secret,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
        "code": code,
    }
    return Request("POST", "/oauth/access_token", CONNECTING, base="api", form=encode_form(form))


def exchange_for_long_lived(app_secret: str, short_token: str) -> Request:
    params = {
        "grant_type": "ig_exchange_token",
        "client_secret": app_secret,
        "access_token": _parameter(short_token),
    }
    return Request("GET", "/access_token", CONNECTING, base="token", params=params)


def refresh(token: str) -> Request:
    params = {"grant_type": "ig_refresh_token", "access_token": _parameter(token)}
    return Request("GET", "/refresh_access_token", CONNECTING, base="token", params=params)


def profile(token: str) -> Request:
    return Request("GET", "/me", CONNECTING, params={"fields": _PROFILE_FIELDS}, token=token)


def create_container(access: Access, parameters: Mapping[str, object]) -> Request:
    form = encode_form(parameters)
    template = "/{ig-user-id}/media"
    return Request("POST", template, CREATING, host(access), ids=_account(access), form=form, token=access.token)


def container_status(access: Access, container_id: str) -> Request:
    ids = {"container-id": container_id}
    params = {"fields": "status_code,status"}
    return Request("GET", "/{container-id}", READING, host(access), ids=ids, params=params, token=access.token)


def publish_container(access: Access, container_id: str) -> Request:
    return Request(
        "POST",
        "/{ig-user-id}/media_publish",
        PUBLISHING,
        host(access),
        ids=_account(access) | {"container-id": container_id},
        form={"creation_id": container_id},
        token=access.token,
        refusals=REFUSED_BEFORE_PUBLISHING,
    )


def media(access: Access, media_id: str) -> Request:
    ids, params = {"media-id": media_id}, {"fields": _MEDIA_FIELDS}
    return Request("GET", "/{media-id}", READING, host(access), ids=ids, params=params, token=access.token)


def recent_media(access: Access, limit: int) -> Request:
    return _look_up(access, "/{ig-user-id}/media", {"fields": _MEDIA_FIELDS, "limit": str(limit)})


def stories(access: Access) -> Request:
    return _look_up(access, "/{ig-user-id}/stories", {"fields": _MEDIA_FIELDS})


def add_comment(access: Access, media_id: str, message: str) -> Request:
    """Never with `fields`: Instagram has made such a comment and then answered an error."""
    return Request(
        "POST",
        "/{media-id}/comments",
        COMMENTING,
        host(access),
        ids={"media-id": media_id},
        form=encode_form({"message": message}),
        token=access.token,
        refusals=REFUSED_BEFORE_COMMENTING,
    )


def comments(access: Access, media_id: str) -> Request:
    ids, params = {"media-id": media_id}, {"fields": _COMMENT_FIELDS, "limit": _COMMENTS_A_PAGE}
    return Request("GET", "/{media-id}/comments", READING, host(access), ids=ids, params=params, token=access.token)


def set_comments_enabled(access: Access, media_id: str, *, enabled: bool) -> Request:
    ids, form = {"media-id": media_id}, encode_form({"comment_enabled": enabled})
    return Request("POST", "/{media-id}", READING, host(access), ids=ids, form=form, token=access.token)


def publishing_limit(access: Access) -> Request:
    return _look_up(access, "/{ig-user-id}/content_publishing_limit", {"fields": "quota_usage,config"})


def subscribe_webhooks(access: Access, fields: Iterable[str]) -> Request:
    form = {"subscribed_fields": ",".join(fields)}
    template, ids = _subscriber(access)
    return Request("POST", template, READING, host(access), ids=ids, form=form, token=access.token)


def unsubscribe_webhooks(access: Access) -> Request:
    template, ids = _subscriber(access)
    return Request("DELETE", template, READING, host(access), ids=ids, token=access.token)


def host(access: Access) -> Base:
    """A token of one login means nothing at the other's host."""
    return "facebook" if access.login == "facebook" else "graph"


def _subscriber(access: Access) -> tuple[str, dict[str, str]]:
    """Who subscribes: the account itself, or with Facebook Login its Page."""
    if access.login == "facebook":
        return "/{page-id}/subscribed_apps", {"page-id": access.page_id or ""}
    return "/{ig-user-id}/subscribed_apps", _account(access)


def _look_up(access: Access, template: str, params: Mapping[str, str]) -> Request:
    return Request("GET", template, READING, host(access), ids=_account(access), params=params, token=access.token)


def _account(access: Access) -> dict[str, str]:
    return {"ig-user-id": access.ig_user_id}


def _parameter(token: str) -> str:
    """The check that `Request` makes for tokens in the header."""
    if values.secret(token) is None:
        raise TokenInvalidError("The token is malformed.")
    return token
