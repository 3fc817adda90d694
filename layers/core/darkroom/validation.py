"""
Everything that can be known about a post before Instagram sees it. Each wrong field gets its own pointer; a field that
the kind cannot carry is refused with the reason, never accepted and dropped.
"""

import re
from collections.abc import Iterator

from darkroom import capabilities, limits, media_urls
from darkroom.errors import FieldError
from darkroom.logins import Login
from darkroom.posts import MediaItem, PostContent, UserTag

# Each is counted at its first character, because Meta does not say where a tag ends. Emoji make hashtags, only ASCII
# makes usernames, and the @ of an e-mail address is no mention. Lengths are counted in characters (code points).
_HASHTAG = re.compile("[#\uff03][\\w\u2600-\u27bf\U0001f000-\U0001faff]")
_MENTION = re.compile(r"(?<![\w.])@[A-Za-z0-9_]")
_USERNAME = re.compile(r"[A-Za-z0-9._]{1,30}")
_NUMERIC_ID = re.compile(r"[0-9]{1,30}")
# C0 controls but tab and line breaks, and lone surrogates: nothing a person types; Instagram refuses or mangles them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def field_errors(
    content: PostContent, test_media_hosts: frozenset[str] = frozenset(), login: Login = "instagram"
) -> tuple[FieldError, ...]:
    """
    Every wrong field of the post; empty when there is none. `test_media_hosts` are `host:port` pairs whose media URLs
    may be http and private, for the simulator's sample media.
    """
    return (
        *_counts(content),
        *capabilities.refusals(content, login),
        *_caption(content),
        *_reel(content, test_media_hosts),
        *(error for index, item in enumerate(content.media) for error in _item(content, index, item, test_media_hosts)),
        *_people_and_places(content),
        *_first_comment(content),
    )


def _counts(content: PostContent) -> Iterator[FieldError]:
    count = len(content.media)
    if content.kind == "carousel":
        low, high = limits.CAROUSEL_MINIMUM.value, limits.CAROUSEL_MAXIMUM.value
        if not low <= count <= high:
            yield FieldError("/media", "wrong_count", f"A carousel has {low} to {high} items; this one has {count}.")
    elif count != 1:
        yield FieldError("/media", "wrong_count", f"A post of kind {content.kind} has one media item, not {count}.")


def _caption(content: PostContent) -> Iterator[FieldError]:
    if content.caption is None:
        return
    yield from _text("/caption", content.caption, limits.CAPTION_LENGTH)
    for pattern, limit in ((_HASHTAG, limits.CAPTION_HASHTAGS), (_MENTION, limits.CAPTION_MENTIONS)):
        if (count := len(pattern.findall(content.caption))) > limit.value:
            message = f"The caption has {count} {limit.unit}; Instagram allows {limit.value}."
            yield FieldError("/caption", f"too_many_{limit.unit}", message)


def _reel(content: PostContent, test_media_hosts: frozenset[str]) -> Iterator[FieldError]:
    if content.reel is None:
        return
    offset = content.reel.thumb_offset_ms
    if offset is not None and not 0 <= offset < limits.REEL_SECONDS.value * 1000:
        yield FieldError("/reel/thumb_offset_ms", "out_of_range", "The offset has to lie within the video.")
    if content.reel.cover_url is not None:
        if offset is not None:
            message = "cover_url wins over thumb_offset_ms; send one."
            yield FieldError("/reel/thumb_offset_ms", "not_possible", message)
        yield from _url("/reel/cover_url", content.reel.cover_url, test_media_hosts)
    if content.reel.audio_name is not None:
        yield from _text("/reel/audio_name", content.reel.audio_name, limits.AUDIO_NAME_LENGTH)


def _item(content: PostContent, index: int, item: MediaItem, test_media_hosts: frozenset[str]) -> Iterator[FieldError]:
    at = f"/media/{index}"
    media_type = content.media_type(item)
    yield from _url(f"{at}/url", item.url, test_media_hosts)
    if media_type is None:
        yield FieldError(f"{at}/type", "type_needed", "The URL does not tell an image from a video; say type.")
    if (content.kind == "image" and media_type == "video") or (content.kind == "reel" and media_type == "image"):
        wanted = "a JPEG image" if content.kind == "image" else "a video"
        yield FieldError(f"{at}/type", "wrong_type", f"A post of kind {content.kind} needs {wanted}.")
    if item.alt_text is not None:
        yield from _text(f"{at}/alt_text", item.alt_text, limits.ALT_TEXT_LENGTH)
    yield from _tags(content, at, item, media_type)


def _tags(content: PostContent, at: str, item: MediaItem, media_type: str | None) -> Iterator[FieldError]:
    if len(item.user_tags) > limits.USER_TAGS.value:
        yield FieldError(f"{at}/user_tags", "too_many_tags", f"Instagram allows {limits.USER_TAGS.value} tags an item.")
    for number, tag in enumerate(item.user_tags):
        where = f"{at}/user_tags/{number}"
        if not _USERNAME.fullmatch(tag.username):
            yield FieldError(f"{where}/username", "not_a_username", "This is not an Instagram username.")
        yield from _position(where, tag, media_type, is_story=content.kind == "story")


def _position(where: str, tag: UserTag, media_type: str | None, *, is_story: bool) -> Iterator[FieldError]:
    """Of a tag on an image, or on what may be one; videos take no position at all."""
    if media_type == "video":
        return
    if tag.x is None or tag.y is None:
        if not is_story or (tag.x is None) != (tag.y is None):
            yield FieldError(where, "position_needed", "A tag on an image needs x and y.")
    elif not (0 <= tag.x <= 1 and 0 <= tag.y <= 1):
        yield FieldError(where, "out_of_range", "x and y lie between 0.0 and 1.0.")


def _people_and_places(content: PostContent) -> Iterator[FieldError]:
    if content.location_id is not None and not _NUMERIC_ID.fullmatch(content.location_id):
        yield FieldError("/location_id", "not_an_id", "A location is the numeric id of a Facebook Page with a place.")
    if len(content.collaborators) > limits.COLLABORATORS.value:
        message = f"Instagram allows {limits.COLLABORATORS.value} collaborators."
        yield FieldError("/collaborators", "too_many_collaborators", message)
    for index, username in enumerate(content.collaborators):
        if not _USERNAME.fullmatch(username):
            yield FieldError(f"/collaborators/{index}", "not_a_username", "This is not an Instagram username.")


def _first_comment(content: PostContent) -> Iterator[FieldError]:
    if content.first_comment is None:
        return
    if not content.first_comment.strip():
        yield FieldError("/first_comment", "empty", "A comment needs some text; leave the field out for none.")
    yield from _text("/first_comment", content.first_comment, limits.COMMENT_LENGTH)
    if content.comments_enabled is False:
        message = "With comments turned off nobody would see the first comment."
        yield FieldError("/first_comment", "not_possible", message)


def _text(pointer: str, text: str, limit: limits.Limit) -> Iterator[FieldError]:
    if len(text) > limit.value:
        message = f"This has {len(text)} {limit.unit}; {limit.value} are allowed."
        yield FieldError(pointer, "too_long", message)
    if _UNPRINTABLE.search(text):
        yield FieldError(pointer, "unprintable", "This holds control characters.")


def _url(pointer: str, url: str, test_media_hosts: frozenset[str]) -> Iterator[FieldError]:
    if problem := media_urls.refusal(url, test_media_hosts):
        yield FieldError(pointer, "url_refused", problem)
