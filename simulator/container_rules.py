"""What POST /{ig}/media accepts: parameters in, a validated plan out, or Instagram's refusal."""

import re
from collections.abc import Callable

from simulator.errors import (
    CAPTION_TOO_LONG,
    CAROUSEL_SIZE,
    LOCATION,
    LONE_VIDEO,
    TAG_POSITION_NEEDED,
    THUMB_OFFSET,
    TOO_MANY_TAGS,
    UNKNOWN_MEDIA_TYPE,
    GraphError,
    filled,
    invalid,
)
from simulator.parameters import Parameters
from simulator.switches import Switches
from simulator.wire import Json
from simulator.world import ContainerPlan, Kind

MEDIA_TYPES = {
    "IMAGE": Kind.IMAGE,
    "VIDEO": Kind.VIDEO,
    "REELS": Kind.REEL,
    "STORIES": Kind.STORY,
    "CAROUSEL": Kind.CAROUSEL,
}
FACEBOOK_LOGIN_ONLY = (
    "upload_type",
    "branded_content_sponsor_ids",
    "is_paid_partnership",
    "audio_configuration",
    "poll_attachment",
    "is_poll_duration_extended",
    "is_comment_prompt_used",
    "product_tags",
)
GRADUATION_STRATEGIES = {"MANUAL", "SS_PERFORMANCE"}
MAX_CAPTION, MAX_HASHTAGS, MAX_MENTIONS = 2200, 30, 20
MAX_ALT_TEXT, MAX_USER_TAGS, MAX_COLLABORATORS = 1000, 20, 3
HASHTAG, MENTION = re.compile(r"#\w+"), re.compile(r"@[\w.]+")


def read_plan(parameters: Parameters, switches: Switches, *, is_facebook: bool) -> ContainerPlan:
    """Raises GraphError. Unknown parameters are ignored, as Graph does. `is_facebook`: the call is Facebook Login's."""
    if not is_facebook:
        _refuse_facebook_parameters(parameters, switches)
    kind = _kind(parameters)
    is_child = parameters.flag("is_carousel_item") or False
    _check_place(kind, parameters, switches, is_child=is_child)
    return ContainerPlan(
        kind=kind,
        is_child=is_child,
        **_sources(kind, parameters),
        cover_url=parameters.text("cover_url") if kind is Kind.REEL else None,
        caption=None if is_child or kind is Kind.STORY else _caption(parameters, switches),
        alt_text=_alt_text(kind, parameters),
        children=_children(parameters, switches) if kind is Kind.CAROUSEL else (),
        thumb_offset=_thumb_offset(parameters),
        share_to_feed=parameters.flag("share_to_feed"),
        is_ai_generated=parameters.flag("is_ai_generated"),
        details=_details(kind, parameters, switches),
    )


def _refuse_facebook_parameters(parameters: Parameters, switches: Switches) -> None:
    refused = [] if switches.facebook_only_parameters == "ignore" else list(FACEBOOK_LOGIN_ONLY)
    if switches.collaborators == "refuse":
        refused.append("collaborators")
    for name in refused:
        if name in parameters:
            raise invalid(f"param {name} is not allowed")


def _kind(parameters: Parameters) -> Kind:
    given = parameters.text("media_type") or "IMAGE"
    if given not in MEDIA_TYPES:
        raise GraphError(filled(UNKNOWN_MEDIA_TYPE, given=given))
    return MEDIA_TYPES[given]


def _check_place(kind: Kind, parameters: Parameters, switches: Switches, *, is_child: bool) -> None:
    """Which kinds stand alone and which may be an item of a carousel."""
    if is_child and kind not in {Kind.IMAGE, Kind.VIDEO}:
        raise invalid(f"media_type {parameters.text('media_type')} cannot be a carousel item")
    if is_child and "is_ai_generated" in parameters:
        raise invalid("param is_ai_generated is not allowed on carousel items")
    if kind is Kind.VIDEO and not is_child and switches.lone_video == "refuse_at_create":
        raise GraphError(LONE_VIDEO)


def _sources(kind: Kind, parameters: Parameters) -> dict[str, str | None]:
    image_url, video_url = parameters.text("image_url"), parameters.text("video_url")
    match kind:
        case Kind.CAROUSEL:
            return {}
        case Kind.IMAGE:
            return {"image_url": parameters.required("image_url")}
        case Kind.VIDEO | Kind.REEL:
            return {"video_url": parameters.required("video_url")}
        case Kind.STORY:
            if (image_url is None) == (video_url is None):
                raise invalid("A story takes exactly one of image_url and video_url")
            return {"image_url": image_url, "video_url": video_url}


def _caption(parameters: Parameters, switches: Switches) -> str | None:
    caption = parameters.text("caption")
    if caption is None:
        return None
    if len(caption) > MAX_CAPTION:
        raise GraphError(CAPTION_TOO_LONG)
    if len(HASHTAG.findall(caption)) > MAX_HASHTAGS or len(MENTION.findall(caption)) > MAX_MENTIONS:
        if switches.too_many_hashtags == "refuse":
            raise GraphError(CAPTION_TOO_LONG)
        return None
    return caption


def _alt_text(kind: Kind, parameters: Parameters) -> str | None:
    alt_text = parameters.text("alt_text")
    if alt_text is None:
        return None
    if kind is not Kind.IMAGE:
        raise invalid("param alt_text is only allowed on images")
    if len(alt_text) > MAX_ALT_TEXT:
        raise invalid(f"Param alt_text must be at most {MAX_ALT_TEXT} characters")
    return alt_text


def _children(parameters: Parameters, switches: Switches) -> tuple[str, ...]:
    children = parameters.listing("children") or []
    if not 2 <= len(children) <= switches.carousel_max:
        raise GraphError(filled(CAROUSEL_SIZE, most=switches.carousel_max))
    return tuple(children)


def _thumb_offset(parameters: Parameters) -> int | None:
    """The upper bound is the video's length, known only once it is downloaded."""
    offset = parameters.integer("thumb_offset")
    if offset is not None and offset < 0:
        raise GraphError(THUMB_OFFSET)
    return offset


def _details(kind: Kind, parameters: Parameters, switches: Switches) -> Json:
    """What Instagram checks but never reads back; kept for the ledger."""
    readers: dict[str, Callable[[Kind, Parameters, Switches], object]] = {
        "user_tags": _user_tags,
        "collaborators": _collaborators,
        "location_id": _location,
        "trial_params": _trial_params,
        "audio_name": lambda *_: parameters.text("audio_name"),
    }
    details = {name: read(kind, parameters, switches) for name, read in readers.items()}
    return {name: value for name, value in details.items() if value is not None}


def _user_tags(kind: Kind, parameters: Parameters, _: Switches) -> list[Json] | None:
    tags = parameters.objects("user_tags")
    if tags is None:
        return None
    if len(tags) > MAX_USER_TAGS:
        raise GraphError(TOO_MANY_TAGS)
    for tag in tags:
        _check_tag(kind, tag, is_video="video_url" in parameters)
    return tags


def _check_tag(kind: Kind, tag: Json, *, is_video: bool) -> None:
    if not isinstance(tag.get("username"), str):
        raise invalid("Param user_tags must name a username in every tag")
    position = [tag[axis] for axis in ("x", "y") if axis in tag]
    if is_video and position and kind is not Kind.STORY:
        raise invalid("Param user_tags takes no x and y on videos")
    if kind is Kind.IMAGE and len(position) != 2:
        raise GraphError(TAG_POSITION_NEEDED)
    if any(isinstance(p, bool) or not isinstance(p, int | float) or not 0 <= p <= 1 for p in position):
        raise GraphError(TAG_POSITION_NEEDED)


def _collaborators(kind: Kind, parameters: Parameters, _: Switches) -> list[str] | None:
    collaborators = parameters.listing("collaborators")
    if collaborators is None:
        return None
    if kind is Kind.STORY:
        raise invalid("param collaborators is not allowed")
    if len(collaborators) > MAX_COLLABORATORS:
        raise invalid(f"Param collaborators takes at most {MAX_COLLABORATORS} usernames")
    return collaborators


def _location(_: Kind, parameters: Parameters, __: Switches) -> str | None:
    location = parameters.text("location_id")
    if location is not None and (not location.isdecimal() or int(location) == 0):
        raise GraphError(LOCATION)
    return location


def _trial_params(kind: Kind, parameters: Parameters, _: Switches) -> Json | None:
    trial = parameters.mapping("trial_params")
    if trial is None:
        return None
    if kind is not Kind.REEL:
        raise invalid("param trial_params is only allowed on reels")
    if trial.get("graduation_strategy") not in GRADUATION_STRATEGIES:
        raise invalid("Param trial_params[graduation_strategy] must be MANUAL or SS_PERFORMANCE")
    return trial
