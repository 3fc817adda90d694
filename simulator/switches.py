"""
Everything about Instagram that sources dispute, and every bad day it has, as one table.

Sections are those of the project's Instagram Platform reference. `GET /_sim/switches` shows the table, `PATCH`
changes it.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_type_hints

MIB = 1024 * 1024


def _switch[T](default: T, section: str, meaning: str) -> T:
    value: T = field(default=default, metadata={"section": section, "meaning": meaning})
    return value


@dataclass(frozen=True)
class Switches:
    # --- logging in ---
    short_token_shape: Literal["flat", "data"] = _switch(
        "flat", "1.3, 12.5", "code exchange answers flat (running code reads that) or wrapped in data[] (Meta's page)"
    )
    permissions_shape: Literal["list", "string"] = _switch(
        "list", "1.3", "the flat code exchange lists permissions as an array or a comma string"
    )
    refresh_mode: Literal["same", "rotate_keep", "rotate_kill"] = _switch(
        "same", "1.3", "refresh keeps the token string, makes another, or makes another and kills the old one"
    )
    refresh_min_age: int = _switch(86400, "1.3", "seconds a long token must have before it can be refreshed")
    appsecret_proof: Literal["ignore", "check", "require"] = _switch(
        "check", "1.5", "a proof is ignored, checked when sent, or required on every call"
    )
    facebook_expires_in: Literal["shown", "hidden"] = _switch(
        "shown", "1.4", "Facebook Login says how long a token lives, or leaves it out as it does for some"
    )
    business_pages: Literal["listed", "apart"] = _switch(
        "listed", "1.2", "with business_management, a business's Pages are in /me/accounts or only at the business"
    )
    most_pages_a_page: int = _switch(100, "1.4", "Pages in one answer of a list at most")
    # --- who am I ---
    me_shape: Literal["flat", "data"] = _switch("flat", "1.3, 12.5", "/me answers flat or wrapped in data[]")
    account_type_style: Literal["title", "upper"] = _switch("title", "1.3", "Media_Creator or MEDIA_CREATOR")
    # --- containers ---
    image_formats: Literal["jpeg", "lenient"] = _switch("jpeg", "3, 12.4", "lenient also accepts PNG and WebP")
    feed_tallest_ratio: Literal["4:5", "3:4"] = _switch("4:5", "3", "the tallest feed image that is accepted")
    reel_max_bytes: int = _switch(300 * MIB, "3, 12.2", "300 MB on the current page, 1 GB on older ones")
    child_video_max_seconds: int = _switch(60, "3", "longest video in a carousel, from older documents")
    carousel_max: int = _switch(10, "3", "10 through the API; the app allows 20")
    lone_video: Literal["refuse_at_create", "refuse_at_publish", "allow"] = _switch(
        "refuse_at_create", "2.2, 12.7", "media_type=VIDEO without is_carousel_item"
    )
    child_reuse: Literal["allow", "refuse"] = _switch("allow", "2.2", "one child container in two carousels")
    facebook_only_parameters: Literal["refuse", "ignore"] = _switch(
        "refuse", "2.3, 12.19", "parameters documented for Facebook Login only, product_tags among them"
    )
    collaborators: Literal["accept", "refuse"] = _switch(
        "accept", "2.3, 12.11", "the overview says Facebook Login only, the reference and practice say both"
    )
    too_many_hashtags: Literal["refuse", "drop_caption"] = _switch(
        "refuse", "3", "more than 30 hashtags or 20 @-tags: 36004, or the caption silently vanishes"
    )
    status_text: Literal["sentence", "subcode"] = _switch(
        "sentence", "2.4, 12.14", "a failed container's status is a sentence (reality) or the bare subcode (docs)"
    )
    never_finish: bool = _switch(default=False, section="2.4", meaning="containers stay IN_PROGRESS until they expire")
    containers_fail: int = _switch(
        0, "2.4", "new containers end in ERROR with this subcode; 0: as their media deserves"
    )
    # --- publishing ---
    quota_total: int = _switch(100, "2.6, 12.1", "posts per rolling 24 h: 100, 50 or 25")
    republish_mode: Literal["error", "same", "dup"] = _switch(
        "error", "2.7", "a second publish of one container fails, answers the same id, or makes a second post"
    )
    republish_error: Literal["24/2207006", "24/2207008", "9007/2207027"] = _switch(
        "24/2207006", "2.7", "which error a second publish is answered with"
    )
    stale_status_reads: int = _switch(0, "2.7", "status reads after a publish that still say FINISHED")
    fresh_read_lag: float = _switch(0.0, "2.4, 2.7", "seconds in which a new container or media answers 100/33")
    # --- reading ---
    caption_fields: Literal["readable", "refused"] = _switch(
        "readable", "4.2, 12.11", "caption and media_product_type, documented as Facebook Login only"
    )
    fresh_comment_lag: float = _switch(
        0.0, "2.7, 5.1", "seconds in which a new comment is missing from the list; inferred from how media behave"
    )
    child_permalink: Literal["shown", "hidden"] = _switch("shown", "4.2, 12.16", "permalink of carousel children")
    # --- webhooks ---
    webhook_shape: Literal["changes", "flat", "array", "batched"] = _switch(
        "changes", "6.5, 12.6", "changes[], field and value in the entry, an array around it all, or many in one POST"
    )
    webhook_comment_id: Literal["id", "comment_id"] = _switch("id", "6.5, 12.6", "what a comment's id is called")
    webhook_text: Literal["escaped", "raw"] = _switch(
        "escaped", "6.2", "ASCII with lower-case \\uXXXX as Meta signs it, or UTF-8 as it is, which finds wrong clients"
    )
    webhook_secret: Literal["right", "wrong"] = _switch("right", "6.2", "what deliveries are signed with")
    webhook_copies: int = _switch(1, "6.4", "how often each delivery is made: at least once")
    webhook_order: Literal["as_it_happened", "backwards"] = _switch(
        "as_it_happened", "6.4", "deliveries that wait together may come in any order"
    )
    webhook_patience: Literal["36h", "1h"] = _switch(
        "36h", "6.4, 12.9", "how long an undelivered one is retried; after 1h the account is unsubscribed besides"
    )
    # --- answers in general ---
    invalid_token_http_status: Literal[400, 401] = _switch(400, "9", "HTTP status of code 190")
    permission_code: Literal[10, 200] = _switch(10, "9", "code of a missing permission")
    permission_http_status: Literal[400, 403] = _switch(400, "9", "HTTP status of a missing permission")
    removed_parameters: Literal["ignore", "refuse"] = _switch(
        "ignore", "10, 13", "pretty, debug and date_format after their removal"
    )
    newest_version: str = _switch("v26.0", "10, 12.21", "what facebook-api-version says at most")
    usage_percent: int = _switch(1, "8", "per cent of the allowance that the usage headers report")
    regain_minutes: int = _switch(0, "8", "estimated_time_to_regain_access in the usage headers")

    def changed(self, patch: dict[str, Any]) -> "Switches":
        """Raises ValueError, with a sentence, for an unknown name or a value the switch cannot take."""
        for name, value in patch.items():
            _check(name, value)
        return replace(self, **patch)

    def table(self) -> list[dict[str, Any]]:
        return [
            {"name": f.name, "value": getattr(self, f.name), "default": f.default, "choices": _choices(f.name)}
            | dict(f.metadata)
            for f in fields(self)
        ]


def _choices(name: str) -> list[Any] | str:
    hint = get_type_hints(Switches)[name]
    return list(get_args(hint)) or str(hint.__name__)


def _check(name: str, value: Any) -> None:
    hints = get_type_hints(Switches)
    if name not in hints:
        raise ValueError(f"there is no switch {name!r}")
    if choices := get_args(hints[name]):
        if value not in choices:
            raise ValueError(f"{name} is one of {', '.join(map(repr, choices))}")
        return
    wanted = (int, float) if hints[name] is float else hints[name]
    if not isinstance(value, wanted) or (isinstance(value, bool) and hints[name] is not bool):
        raise ValueError(f"{name} takes {hints[name].__name__}")
