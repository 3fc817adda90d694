"""
What each field of a post needs: which kinds and media carry it, which of Meta's logins, which scope beyond publishing;
each row with its source and the day somebody last checked it. The validators, the scopes an account must have and
`GET /v1/capabilities` read this one table; when Meta opens or closes a field, its row is the line to change.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from types import MappingProxyType

from darkroom.errors import FieldError
from darkroom.logins import FACEBOOK, INSTAGRAM, Login
from darkroom.posts import Kind, MediaItem, MediaType, PostContent, ReelOptions, UserTag
from darkroom.values import Value

_MEDIA = "IG User media reference, developers.facebook.com"
_COMMENTS = "IG Media comments reference, developers.facebook.com"
_SWITCH = "Comment moderation guide, developers.facebook.com"
_CHANGES = "Instagram Platform changelog, developers.facebook.com"
_OWN = "Darkroom's own field"

_ALL: tuple[Kind, ...] = ("image", "carousel", "reel", "story")
_FEED: tuple[Kind, ...] = ("image", "carousel", "reel")
_REEL: tuple[Kind, ...] = ("reel",)
_BOTH: tuple[MediaType, ...] = ("image", "video")
_IMAGE: tuple[MediaType, ...] = ("image",)
_VIDEO: tuple[MediaType, ...] = ("video",)
_EVERY_LOGIN: tuple[Login, ...] = ("instagram", "facebook")
_FACEBOOK: tuple[Login, ...] = ("facebook",)

_OTHER_LOGIN = "Meta takes this with Facebook Login only."
_NOT_OURS = "Meta takes this with Facebook Login only, and Darkroom does not offer it."
_ON_REELS_ONLY = "Reel options apply to posts of kind reel only."
_NO_POSITION = "Instagram takes no tag positions on videos."

_INDEX = re.compile(r"/[0-9]+(?=/|$)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ScopeByLogin(Value):
    """One permission under the name that each login has for it."""

    instagram: str
    facebook: str

    def of(self, login: Login) -> str:
        return self.facebook if login == "facebook" else self.instagram


_MANAGE_COMMENTS = ScopeByLogin(instagram=INSTAGRAM.comments_scope, facebook=FACEBOOK.comments_scope)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Capability:
    """
    One field of a request, as a JSON Pointer in which `*` stands for any index. It may be sent where the kind, the
    media type of the item it belongs to, and the account's login are all listed; `reason` tells why not elsewhere.
    `scope` is what has to be granted for it beyond publishing. A field that is not `is_offered` is Meta's,
    under Meta's name, and not part of this API.
    """

    field: str
    kinds: tuple[Kind, ...] = _ALL
    media_types: tuple[MediaType, ...] = _BOTH
    logins: tuple[Login, ...] = _EVERY_LOGIN
    is_offered: bool = True
    scope: ScopeByLogin | None = None
    reason: str | None = None
    source: str = _MEDIA
    checked_on: date = date(2026, 9, 11)

    def refusal(self, kind: Kind, media_type: MediaType | None, login: Login) -> str | None:
        """Why the field cannot be sent there; None where it can, or where nobody can tell the media type."""
        if login not in self.logins:
            return _OTHER_LOGIN
        if kind in self.kinds and (media_type is None or media_type in self.media_types):
            return None
        return self.reason


ALL = (
    # the post
    Capability(field="/kind", source=_OWN),
    Capability(field="/media"),
    Capability(field="/caption", kinds=_FEED, reason="Instagram has no caption on stories."),
    Capability(field="/location_id", kinds=_FEED, reason="Instagram takes no location on stories."),
    Capability(
        field="/collaborators",  # the platform's overview says Facebook Login only; the reference, and practice, do not
        kinds=_FEED,
        reason="Instagram takes no collaborators on stories.",
    ),
    Capability(field="/is_ai_generated", source=_CHANGES),
    Capability(
        field="/first_comment",
        kinds=_FEED,
        scope=_MANAGE_COMMENTS,
        reason="Instagram has no comments on stories.",
        source=_COMMENTS,
    ),
    Capability(
        field="/comments_enabled",
        kinds=_FEED,
        scope=_MANAGE_COMMENTS,
        reason="Instagram has no comments on stories.",
        source=_SWITCH,
    ),
    # its media
    Capability(field="/media/*/url"),
    Capability(field="/media/*/type", source=_OWN),
    Capability(
        field="/media/*/alt_text",
        kinds=("image", "carousel"),
        media_types=_IMAGE,
        reason="Instagram takes alt text on feed images only.",
    ),
    Capability(field="/media/*/user_tags"),
    Capability(field="/media/*/user_tags/*/username"),
    Capability(
        field="/media/*/user_tags/*/x",
        kinds=("image", "carousel", "story"),
        media_types=_IMAGE,
        reason=_NO_POSITION,
    ),
    Capability(
        field="/media/*/user_tags/*/y",
        kinds=("image", "carousel", "story"),
        media_types=_IMAGE,
        reason=_NO_POSITION,
    ),
    # reels
    Capability(field="/reel", kinds=_REEL, reason=_ON_REELS_ONLY, source=_OWN),
    Capability(field="/reel/cover_url", kinds=_REEL, reason=_ON_REELS_ONLY),
    Capability(field="/reel/thumb_offset_ms", kinds=_REEL, reason=_ON_REELS_ONLY),
    Capability(field="/reel/share_to_feed", kinds=_REEL, reason=_ON_REELS_ONLY),
    Capability(field="/reel/audio_name", kinds=_REEL, reason=_ON_REELS_ONLY),
    Capability(field="/reel/trial", kinds=_REEL, reason=_ON_REELS_ONLY, source=_CHANGES),
    # what Meta has and this API does not
    Capability(
        field="/media/*/product_tags",
        kinds=("image", "reel"),
        logins=_FACEBOOK,
        is_offered=False,
        reason="Instagram takes product tags on single images and reels only.",
    ),
    Capability(
        field="/media/*/upload_type",
        kinds=("carousel", "reel", "story"),
        media_types=_VIDEO,
        logins=_FACEBOOK,
        is_offered=False,
        reason="Instagram takes resumable uploads of videos only.",
    ),
    Capability(field="/branded_content_sponsor_ids", logins=_FACEBOOK, is_offered=False, source=_CHANGES),
    Capability(field="/is_paid_partnership", logins=_FACEBOOK, is_offered=False, source=_CHANGES),
    Capability(
        field="/audio_configuration",
        kinds=_REEL,
        logins=_FACEBOOK,
        is_offered=False,
        reason="Instagram takes audio from its library on reels only.",
        source=_CHANGES,
    ),
    *(
        Capability(
            field=f"/{name}",
            kinds=_FEED,
            logins=_FACEBOOK,
            is_offered=False,
            reason="Instagram has no such add-on on stories.",
            source=_CHANGES,
            checked_on=date(2026, 10, 5),
        )
        for name in ("poll_attachment", "is_poll_duration_extended", "is_comment_prompt_used")
    ),
)
_BY_FIELD: Mapping[str, Capability] = MappingProxyType({each.field: each for each in ALL})
_NOT_OFFERED = frozenset(each.field.rpartition("/")[2] for each in ALL if not each.is_offered)


def refusals(content: PostContent, login: Login) -> Iterator[FieldError]:
    """The fields that this kind, media or login cannot carry. What is inside a refused field is not refused again."""
    refused: set[str] = set()
    for pointer, media_type in _given(content):
        reason = _row(pointer).refusal(content.kind, media_type, login)
        if reason and pointer.rpartition("/")[0] not in refused:
            refused.add(pointer)
            yield FieldError(pointer, "not_possible", reason)


def scopes(content: PostContent, login: Login) -> frozenset[str]:
    """What an account of this login must have been granted for this post, beyond publishing."""
    needed = {pointer for pointer, _ in _given(content)}
    if content.comments_enabled:  # as Instagram has it anyway: nothing is to be done
        needed -= {"/comments_enabled"}
    wanted = (_row(pointer).scope for pointer in needed)
    return frozenset(scope.of(login) for scope in wanted if scope is not None)


def reason_not_offered(name: str) -> str | None:
    """Why a field of Meta's is unknown here; None where Meta knows no such field either."""
    return _NOT_OURS if name in _NOT_OFFERED else None


def _row(pointer: str) -> Capability:
    return _BY_FIELD[_INDEX.sub("/*", pointer)]


def _given(content: PostContent) -> Iterator[tuple[str, MediaType | None]]:
    """Each field that says something, with the media type of its item where it has one and it is known."""
    yield from _told(content, "")
    if content.reel is not None:
        yield from _told(content.reel, "/reel")
    for index, item in enumerate(content.media):
        media_type, at = content.media_type(item), f"/media/{index}"
        yield from _told(item, at, media_type)
        for number, tag in enumerate(item.user_tags):
            yield from _told(tag, f"{at}/user_tags/{number}", media_type)


def _told(
    part: PostContent | ReelOptions | MediaItem | UserTag, at: str, media_type: MediaType | None = None
) -> Iterator[tuple[str, MediaType | None]]:
    for each in fields(part):
        if getattr(part, each.name) not in (None, ()):
            yield f"{at}/{each.name}", media_type
