"""
Instagram's limits, each with its source and the day somebody last checked it. The validators and `GET /v1/limits` read
this one table; when Meta changes a number, this is the line to change.
"""

from dataclasses import dataclass
from datetime import date

_MEDIA = "IG User media reference, developers.facebook.com"
_CHECKED = date(2026, 9, 11)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Limit:
    name: str
    value: int
    unit: str
    source: str
    checked_on: date


CAPTION_LENGTH = Limit("caption_length", 2200, "characters", _MEDIA, _CHECKED)
CAPTION_HASHTAGS = Limit("caption_hashtags", 30, "hashtags", _MEDIA, _CHECKED)
CAPTION_MENTIONS = Limit("caption_mentions", 20, "mentions", _MEDIA, _CHECKED)
CAROUSEL_MINIMUM = Limit("carousel_minimum", 2, "items", "error 100/2207028", _CHECKED)
CAROUSEL_MAXIMUM = Limit("carousel_maximum", 10, "items", "error 100/2207028", _CHECKED)
ALT_TEXT_LENGTH = Limit("alt_text_length", 1000, "characters", _MEDIA, _CHECKED)
AUDIO_NAME_LENGTH = Limit("audio_name_length", 255, "characters", "Darkroom's own bound", date(2026, 11, 23))
# Meta states no length for comments; the app takes about what it takes of captions.
COMMENT_LENGTH = Limit("comment_length", 2200, "characters", "Darkroom's own bound", date(2026, 11, 23))
USER_TAGS = Limit("user_tags", 20, "tags an item", "error 100/2207040", _CHECKED)
COLLABORATORS = Limit("collaborators", 3, "accounts", _MEDIA, _CHECKED)
MEDIA_URL_LENGTH = Limit("media_url_length", 2048, "characters", "Darkroom's own bound", date(2026, 11, 23))
IMAGE_BYTES = Limit("image_bytes", 8 * 2**20, "bytes", "error 36000/2207004", _CHECKED)
REEL_BYTES = Limit("reel_bytes", 300 * 10**6, "bytes", _MEDIA, _CHECKED)
REEL_SECONDS = Limit("reel_seconds", 15 * 60, "seconds", _MEDIA, _CHECKED)
STORY_VIDEO_BYTES = Limit("story_video_bytes", 100 * 10**6, "bytes", _MEDIA, _CHECKED)
STORY_VIDEO_SECONDS = Limit("story_video_seconds", 60, "seconds", _MEDIA, _CHECKED)
MOST_CONTAINERS = Limit("most_containers", 400, "containers in a rolling 24 hours", _MEDIA, _CHECKED)
SCHEDULE_AHEAD = Limit("schedule_ahead", 365, "days", "Darkroom's own bound", date(2026, 11, 23))
# A third of what is left for publishing when all lids are full (decision 18); each of `account_ids` counts.
POSTS_A_MINUTE = Limit("posts_a_minute", 300, "posts of a tenant a minute", "Darkroom's own bound", date(2026, 12, 1))

ALL = (
    CAPTION_LENGTH,
    CAPTION_HASHTAGS,
    CAPTION_MENTIONS,
    CAROUSEL_MINIMUM,
    CAROUSEL_MAXIMUM,
    ALT_TEXT_LENGTH,
    AUDIO_NAME_LENGTH,
    COMMENT_LENGTH,
    USER_TAGS,
    COLLABORATORS,
    MEDIA_URL_LENGTH,
    IMAGE_BYTES,
    REEL_BYTES,
    REEL_SECONDS,
    STORY_VIDEO_BYTES,
    STORY_VIDEO_SECONDS,
    MOST_CONTAINERS,
    SCHEDULE_AHEAD,
    POSTS_A_MINUTE,
)
