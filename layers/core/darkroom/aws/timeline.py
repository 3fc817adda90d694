"""
Timelines in DynamoDB: an item an entry, `TIMELINE#<post>#<time>#…` under its tenant beside the posts, so that reading
one is a query in order of time. Changes of state are written with the post itself (aws/posts.py), in one transaction.
"""

from dataclasses import asdict
from typing import Any

from darkroom import timeline
from darkroom.aws import keys
from darkroom.aws.dynamodb import marshal, text
from darkroom.posts import Post
from darkroom.timeline import Entry


def state_item(post: Post) -> dict[str, Any]:
    """The item of the state that this post has just come to."""
    place = timeline.here()
    entry = Entry(
        at=post.state_since,
        kind="state",
        step=place.step if place else None,
        state=post.state,
        problem=post.problem["code"] if post.problem else None,
    )
    return item(post.tenant_id, post.id, entry, f"v{post.version:06}")


def item(tenant_id: str, post_id: str, entry: Entry, mark: str) -> dict[str, Any]:
    """`mark` tells apart what happened in the same microsecond."""
    expires_at = int((entry.at + timeline.KEPT).timestamp())
    return {
        **keys.timeline(tenant_id, post_id, f"{text(entry.at)}#{mark}"),
        **marshal({**asdict(entry), "state": entry.state.value if entry.state else None, "expires_at": expires_at}),
    }
