"""
What Meta's webhooks say, by name: `PAYLOADS["comment"](about)` is one change of that kind, in the form of Meta's pages.
Field names and nesting are Meta's; ids and words come from `About`, or are made up.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.wire import Json


@dataclass(frozen=True)
class About:
    """
    Whom a change is about. `account` is the professional account (1784…); the follower is who comments and writes.
    `at` is in seconds. Everything else has a made-up value.
    """

    account: str
    at: float
    follower: str = "6841100000000000"
    username: str = "a.follower"
    text: str = "Nice!"
    media_id: str = "17918195224117851"
    comment_id: str = field(default_factory=lambda: f"179{secrets.randbelow(10**14):014}")
    parent_id: str | None = None
    mid: str = field(default_factory=lambda: f"aWdfZAG1faXRlbToxOk{secrets.token_hex(24)}")
    is_own: bool = False
    media_product_type: str = "FEED"

    @property
    def milliseconds(self) -> int:
        return int(self.at * 1000)


@dataclass(frozen=True)
class Told:
    """One change: of a field, below `changes`, or a member of a conversation, below `messaging`."""

    member: str  # "changes", "messaging" or "standby"
    content: Json


def _field(name: str, value: Json) -> Told:
    return Told("changes", {"field": name, "value": value})


def _comment(about: About, name: str = "comments") -> Told:
    author: Json = {"id": about.follower, "username": about.username}
    if about.is_own:
        author = {"id": about.account, "username": about.username, "self_ig_scoped_id": about.account}
    value: Json = {
        "from": author,
        "media": {"id": about.media_id, "media_product_type": about.media_product_type},
        "id": about.comment_id,
        "text": about.text,
    }
    return _field(name, value | ({"parent_id": about.parent_id} if about.parent_id else {}))


def _story_insights(about: About) -> Told:
    figures = {"impressions": 28, "reach": 17, "taps_forward": 12, "taps_back": 0, "exits": 1, "replies": 0}
    return _field("story_insights", {"media_id": about.media_id, **figures})


def _said(about: About, *, is_echo: bool = False, member: str = "messaging", **what: Any) -> Told:
    sides = (about.account, about.follower) if is_echo else (about.follower, about.account)
    people = {"sender": {"id": sides[0]}, "recipient": {"id": sides[1]}, "timestamp": about.milliseconds}
    return Told(member, people | what)


def _message(about: About, *, is_echo: bool = False, **more: Any) -> Told:
    message = {"mid": about.mid, **({"text": about.text} if "attachments" not in more else {}), **more}
    return _said(about, is_echo=is_echo, message=message | ({"is_echo": True} if is_echo else {}))


def _attached(kind: str, **payload: str) -> Callable[[About], Told]:
    attachment: Json = {"type": kind} | ({"payload": payload} if payload else {})
    return lambda about: _message(about, attachments=[attachment])


_CDN = "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=17950000000000001&signature=made-up"
_STORY = {"id": "18023345989012587", "url": _CDN}
_AD = {"ref": "a-ref", "ad_id": "6045246247433", "source": "ADS", "type": "OPEN_THREAD"}

PAYLOADS: dict[str, Callable[[About], Told]] = {
    "comment": _comment,
    "comment_reply": lambda about: _comment(replace(about, parent_id=about.parent_id or "17894227972186000")),
    "live_comment": lambda about: _comment(about, "live_comments"),
    "mention": lambda about: _field("mentions", {"media_id": about.media_id, "comment_id": about.comment_id}),
    "caption_mention": lambda about: _field("mentions", {"media_id": about.media_id}),
    "story_insights": _story_insights,
    "message": _message,
    "message_image": _attached("image", url=_CDN),
    "message_share": _attached("ig_post", ig_post_media_id="17918195224117851", title="A post", url=_CDN),
    "message_reel": _attached("ig_reel", reel_video_id="17918195224117852", title="A reel", url=_CDN),
    "story_mention": _attached("story_mention", url=_CDN),
    "message_ephemeral": _attached("ephemeral"),
    "story_reply": lambda about: _message(about, reply_to={"story": _STORY}),
    "message_reply": lambda about: _message(about, reply_to={"mid": "aWdfZAG1fZAW5vdGhlcg"}),
    "quick_reply": lambda about: _message(about, quick_reply={"payload": "SHOW_HOURS"}),
    "message_from_ad": lambda about: _message(about, referral=_AD),
    "message_unsupported": lambda about: _said(about, message={"mid": about.mid, "is_unsupported": True}),
    "echo": lambda about: _message(about, is_echo=True),
    "unsend": lambda about: _said(about, message={"mid": about.mid, "is_deleted": True}),
    "edit": lambda about: _said(about, message_edit={"mid": about.mid, "text": about.text, "num_edit": "1"}),
    "reaction": lambda about: _said(
        about, reaction={"mid": about.mid, "action": "react", "reaction": "love", "emoji": "\u2764\ufe0f"}
    ),
    "unreaction": lambda about: _said(about, reaction={"mid": about.mid, "action": "unreact"}),
    "postback": lambda about: _said(
        about, postback={"mid": about.mid, "title": "Talk to an agent", "payload": "CARE_HELP"}
    ),
    "read": lambda about: _said(about, read={"mid": about.mid}),
    "referral": lambda about: _said(
        about, referral={"ref": "a-ref", "source": "IGME-SOURCE-LINK", "type": "OPEN_THREAD"}
    ),
    "optin": lambda about: _said(about, optin={"type": "notification_messages", "payload": "NEWS"}),
    "standby": lambda about: _said(about, member="standby", message={"mid": about.mid, "text": about.text}),
    "thread_passed": lambda about: _said(about, pass_thread_control={"new_owner_app_id": "123", "metadata": "help"}),
    "thread_taken": lambda about: _said(about, take_thread_control={"previous_owner_app_id": "123"}),
    "thread_requested": lambda about: _said(about, request_thread_control={"requested_owner_app_id": "123"}),
    "app_roles": lambda about: _said(about, app_roles={"123": ["primary_receiver"]}),
    "unheard_of": lambda about: _field("something_new", {"what": "nobody knows", "media_id": about.media_id}),
}
