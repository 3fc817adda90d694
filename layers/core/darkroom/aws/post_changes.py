"""What the stream of the posts table says of a post."""

from typing import Any

from darkroom.aws.dynamodb import unmarshal
from darkroom.aws.posts import post_of
from darkroom.posts import Post, PostState


def post_change(change: dict[str, Any]) -> tuple[PostState | None, Post]:
    """The state that it was in before, and the post as it is since; of a stream with old and new images."""
    before = change.get("OldImage")
    return PostState(before["state"]["S"]) if before else None, post_of(unmarshal(change["NewImage"]))
