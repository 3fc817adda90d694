"""
Has this account been given the same content before? A post sent twice by mistake, by a person or by a program without
an Idempotency-Key, looks the same to a follower, whatever else differs.
"""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from darkroom.posts import PostContent
from darkroom.values import Value

KEPT = timedelta(hours=24)
_MOST_CLAIMS = 10


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Claim(Value):
    """This post had the content."""

    post_id: str
    at: datetime


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Claims(Value):
    """
    The latest posts of an account with one content, oldest first. `version` counts writes; 0: never stored. After
    `expires_at` nothing of this matters any more.
    """

    claims: tuple[Claim, ...] = ()
    expires_at: datetime | None = None
    version: int = 0

    def before(self, post_id: str | None, now: datetime) -> str | None:
        """
        The newest post of the last 24 hours with this content. A post that is among them asks for those before it, so
        that a repeated request hears what the first one heard.
        """
        ids = [claim.post_id for claim in self.claims]
        earlier = self.claims[: ids.index(post_id)] if post_id in ids else self.claims
        return next((claim.post_id for claim in reversed(earlier) if now < claim.at + KEPT), None)

    def with_post(self, post_id: str, now: datetime) -> "Claims":
        if any(claim.post_id == post_id for claim in self.claims):
            return self
        recent = tuple(claim for claim in self.claims if now < claim.at + KEPT)
        return replace(self, claims=(*recent, Claim(post_id, now))[-_MOST_CLAIMS:], expires_at=now + KEPT)

    def without_post(self, post_id: str) -> "Claims":
        return replace(self, claims=tuple(claim for claim in self.claims if claim.post_id != post_id))


def fingerprint(content: PostContent) -> str:
    """
    SHA-256 of what makes a follower say "that again": the kind, the words of the caption, and the media in order.

    URLs count without query and fragment, because a signed URL is another one each time. Alt text, tags, places,
    collaborators and options of reels do not count: a post sent again with a tag added is still that post again.
    """
    caption = " ".join(unicodedata.normalize("NFC", content.caption or "").split())
    seen = [content.kind, caption, *(_file(item.url) for item in content.media)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _file(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.lower(), query="", fragment="").geturl()
