"""
From a post to the containers Instagram wants, as one pure function.

Source of every parameter: "IG User media" reference and the content publishing guide, developers.facebook.com
(2026-09).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from darkroom.posts import MediaItem, PostContent
from darkroom.values import Value

type Parameters = dict[str, str | bool | int]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContainerPlan(Value):
    """The form fields of one `POST /{ig-user-id}/media`."""

    parameters: Parameters


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plan(Value):
    """
    `items` are the children of a carousel, in order, and empty otherwise. `main` is what is published; a carousel's
    main container also needs its children's ids, which `with_children` adds once Instagram has given them.
    """

    items: tuple[ContainerPlan, ...]
    main: ContainerPlan

    def with_children(self, container_ids: tuple[str, ...]) -> ContainerPlan:
        return ContainerPlan({**self.main.parameters, "children": ",".join(container_ids)})


def plan(content: PostContent) -> Plan:
    """The containers of a valid post. Nothing is dropped: `validation` refuses what cannot be carried."""
    build = {"image": _image, "carousel": _carousel, "reel": _reel, "story": _story}[content.kind]
    return build(content)


def _image(content: PostContent) -> Plan:
    item = content.media[0]
    return Plan((), _container(_source(content, item), _item_options(item), _post_options(content)))


def _carousel(content: PostContent) -> Plan:
    items = tuple(_carousel_item(content, item) for item in content.media)
    return Plan(items, _container({"media_type": "CAROUSEL"}, _post_options(content)))


def _carousel_item(content: PostContent, item: MediaItem) -> ContainerPlan:
    source = _source(content, item)
    if content.media_type(item) == "video":
        source["media_type"] = "VIDEO"
    return _container(source, {"is_carousel_item": True}, _item_options(item))


def _reel(content: PostContent) -> Plan:
    item = content.media[0]
    source = {"media_type": "REELS", **_source(content, item)}
    return Plan((), _container(source, _item_options(item), _reel_options(content), _post_options(content)))


def _story(content: PostContent) -> Plan:
    item = content.media[0]
    source = {"media_type": "STORIES", **_source(content, item)}
    return Plan((), _container(source, _item_options(item), _post_options(content)))


def _container(*groups: Mapping[str, str | bool | int | None]) -> ContainerPlan:
    merged = {name: value for group in groups for name, value in group.items()}
    return ContainerPlan({name: value for name, value in merged.items() if value is not None})


def _source(content: PostContent, item: MediaItem) -> Parameters:
    return {f"{content.media_type(item)}_url": item.url}


def _item_options(item: MediaItem) -> dict[str, str | bool | int | None]:
    tags = [
        {name: value for name, value in (("username", tag.username), ("x", tag.x), ("y", tag.y)) if value is not None}
        for tag in item.user_tags
    ]
    return {"alt_text": item.alt_text, "user_tags": json.dumps(tags) if tags else None}


def _post_options(content: PostContent) -> dict[str, str | bool | int | None]:
    return {
        "caption": content.caption,
        "location_id": content.location_id,
        "collaborators": json.dumps(list(content.collaborators)) if content.collaborators else None,
        "is_ai_generated": content.is_ai_generated,
    }


def _reel_options(content: PostContent) -> dict[str, str | bool | int | None]:
    reel = content.reel
    if reel is None:
        return {}
    return {
        "cover_url": reel.cover_url,
        "thumb_offset": reel.thumb_offset_ms,
        "share_to_feed": reel.share_to_feed,
        "audio_name": reel.audio_name,
        "trial_params": json.dumps({"graduation_strategy": reel.trial}) if reel.trial else None,
    }
