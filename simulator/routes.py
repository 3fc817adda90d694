"""Which request is answered by what, and which permissions that takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator import comments, containers, facebook, facebook_login, oauth, publishing, reads
from simulator.call import Call
from simulator.facebook import FacebookCall
from simulator.facebook_login import BUSINESS, MANAGE_METADATA, SHOW_LIST
from simulator.oauth import BASIC, COMMENTS, PUBLISH
from simulator.wire import Json, Request, Response
from simulator.world import World

FACEBOOK_HOSTS = ("graph.facebook.com", "www.facebook.com")
VERSION = re.compile(r"^/(v\d{1,2}\.\d)(?=/|$)")
NODE_TYPES = {"{ig}": "IGUser", "{container}": "IGContainer", "{media}": "IGMedia", "{comment}": "IGComment"}
CODE_EXCHANGE = "/oauth/access_token"


@dataclass(frozen=True)
class Route:
    answer: Callable[[World, Call], Json]
    scopes: tuple[str, ...] = (BASIC,)


@dataclass(frozen=True)
class FacebookRoute:
    answer: Callable[[World, FacebookCall], Json]
    scopes: tuple[str, ...] = ()


OPEN: dict[str, Callable[[World, Request], Response]] = {
    "GET /oauth/authorize": oauth.show_dialogue,
    "POST /oauth/authorize": oauth.answer_dialogue,
    f"POST {CODE_EXCHANGE}": oauth.exchange_code,
}
GRAPH = {
    "GET /access_token": Route(oauth.exchange_for_long_token, ()),
    "GET /refresh_access_token": Route(oauth.refresh),
    "GET /{ig}": Route(reads.read_account),
    "POST /{ig}/media": Route(containers.create, (BASIC, PUBLISH)),
    "POST /{ig}/media_publish": Route(publishing.publish, (BASIC, PUBLISH)),
    "GET /{ig}/content_publishing_limit": Route(publishing.read_limit, (BASIC, PUBLISH)),
    "GET /{ig}/media": Route(reads.list_media),
    "GET /{ig}/stories": Route(reads.list_stories),
    "GET /{ig}/subscribed_apps": Route(reads.list_subscriptions),
    "POST /{ig}/subscribed_apps": Route(reads.subscribe),
    "DELETE /{ig}/subscribed_apps": Route(reads.unsubscribe),
    "GET /{container}": Route(containers.read, (BASIC, PUBLISH)),
    "GET /{media}": Route(reads.read_media),
    "POST /{media}": Route(comments.switch, (BASIC, COMMENTS)),
    "GET /{media}/children": Route(reads.list_children),
    "GET /{media}/comments": Route(comments.list_of_media, (BASIC, COMMENTS)),
    "POST /{media}/comments": Route(comments.add, (BASIC, COMMENTS)),
    "GET /{comment}": Route(comments.read, (BASIC, COMMENTS)),
}

FACEBOOK_OPEN: dict[str, Callable[[World, Request], Response]] = {
    "GET /dialog/oauth": facebook_login.show_dialogue,
    "POST /dialog/oauth": facebook_login.answer_dialogue,
    f"GET {CODE_EXCHANGE}": facebook_login.give_token,
    f"POST {CODE_EXCHANGE}": facebook_login.give_token,
    "GET /debug_token": facebook_login.debug_token,
}
# Besides these, graph.facebook.com has what GRAPH has for accounts, media and comments.
FACEBOOK_GRAPH = {
    "GET /me": FacebookRoute(facebook.read_me),
    "GET /me/permissions": FacebookRoute(facebook.list_permissions),
    "GET /me/accounts": FacebookRoute(facebook.list_accounts, (SHOW_LIST,)),
    "GET /me/businesses": FacebookRoute(facebook.list_businesses, (BUSINESS,)),
    "GET /{business}/owned_pages": FacebookRoute(facebook.list_owned_pages, (BUSINESS,)),
    "GET /{business}/client_pages": FacebookRoute(facebook.list_client_pages, (BUSINESS,)),
    "GET /{page}": FacebookRoute(facebook.read_page, (SHOW_LIST,)),
    "GET /{page}/subscribed_apps": FacebookRoute(facebook.list_subscriptions, (MANAGE_METADATA,)),
    "POST /{page}/subscribed_apps": FacebookRoute(facebook.subscribe, (MANAGE_METADATA,)),
    "DELETE /{page}/subscribed_apps": FacebookRoute(facebook.unsubscribe, (MANAGE_METADATA,)),
}
_ACCOUNTS_OWN = ("/{ig}", "/{container}", "/{media}", "/{comment}")


@dataclass(frozen=True)
class Target:
    """
    Where a request goes: `/v25.0/1784…/media` is template `/{ig}/media`, path `/1784…/media`, node `1784…`.

    `me` is a `{ig}`, and at graph.facebook.com the person. Numbers that name nothing are `{id}`. `node` is empty where
    the path begins with a plain word.
    """

    template: str
    path: str
    node: str
    version: str
    is_facebook: bool = False

    @property
    def is_accounts_own(self) -> bool:
        """Of a professional account, its containers, media or comments: both hosts have these."""
        return self.template.startswith(_ACCOUNTS_OWN)

    @property
    def node_type(self) -> str | None:
        return NODE_TYPES.get(self.template.split("/")[1])

    @property
    def edge(self) -> str:
        return self.template.partition("}")[2].strip("/")


def target_of(world: World, request: Request) -> Target:
    """
    The host decides between the logins. Where one port plays every host, a client's base URL ends with the name of the
    host: `http://127.0.0.1:4010/graph.facebook.com`.
    """
    path, is_facebook = _host_and_path(request)
    version = VERSION.match(path)
    bare = path[version.end() :] if version else path
    first, *edges = bare.strip("/").split("/")
    placeholder = _facebook_placeholder(world, first) if is_facebook else _placeholder(world, first)
    template = "/" + "/".join([placeholder or first, *edges])
    node = first if placeholder or (is_facebook and first == "me") else ""
    return Target(template, bare or "/", node, version[1] if version else "", is_facebook)


def _host_and_path(request: Request) -> tuple[str, bool]:
    first, slash, rest = request.path.removeprefix("/").partition("/")
    if first in FACEBOOK_HOSTS:
        return slash + rest, True
    return request.path, request.headers.get("host", "").partition(":")[0] in FACEBOOK_HOSTS


def _facebook_placeholder(world: World, segment: str) -> str | None:
    if segment == "me":
        return None
    if segment in world.facebook.pages:
        return "{page}"
    if world.facebook.business_with(segment):
        return "{business}"
    return _placeholder(world, segment)


def _placeholder(world: World, segment: str) -> str | None:
    if segment == "me" or world.account_with(segment):
        return "{ig}"
    if segment in world.containers:
        return "{container}"
    if segment in world.media:
        return "{media}"
    if segment in world.comments:
        return "{comment}"
    return "{id}" if segment.isdecimal() else None
