"""Which request is answered by what, and which permissions that takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator import comments, containers, oauth, publishing, reads
from simulator.call import Call
from simulator.oauth import BASIC, COMMENTS, PUBLISH
from simulator.wire import Json, Request, Response
from simulator.world import World

VERSION = re.compile(r"^/(v\d{1,2}\.\d)(?=/|$)")
NODE_TYPES = {"{ig}": "IGUser", "{container}": "IGContainer", "{media}": "IGMedia", "{comment}": "IGComment"}
CODE_EXCHANGE = "/oauth/access_token"


@dataclass(frozen=True)
class Route:
    answer: Callable[[World, Call], Json]
    scopes: tuple[str, ...] = (BASIC,)


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


@dataclass(frozen=True)
class Target:
    """
    Where a request goes: `/v25.0/1784…/media` is template `/{ig}/media`, path `/1784…/media`, node `1784…`.

    `me` is a `{ig}`. Numbers that name nothing are `{id}`. `node` is empty where the path begins with a plain word.
    """

    template: str
    path: str
    node: str
    version: str

    @property
    def node_type(self) -> str | None:
        return NODE_TYPES.get(self.template.split("/")[1])

    @property
    def edge(self) -> str:
        return self.template.partition("}")[2].strip("/")


def target_of(world: World, path: str) -> Target:
    version = VERSION.match(path)
    bare = path[version.end() :] if version else path
    first, *edges = bare.strip("/").split("/")
    placeholder = _placeholder(world, first)
    template = "/" + "/".join([placeholder or first, *edges])
    return Target(template, bare or "/", first if placeholder else "", version[1] if version else "")


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
