"""
What a post may want once it is live: its first comment, or comments turned off.

A comment cannot be unsent either. It is sent once; whenever it is not known whether it is there, the media's comments
are read, never is it sent again.
"""

from dataclasses import replace
from typing import Any

from darkroom.accounts import Account
from darkroom.errors import ConflictError
from darkroom.instagram.errors import InstagramError, OutcomeUnknownError
from darkroom.instagram.models import Access
from darkroom.posts import Post
from darkroom.workflow import CLOCK_SKEW, AccountAccess, CallingPorts, PostTask, access, account_of, unless_paused


def add_first_comment(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    """
    Sends the comment, or finds out about an earlier attempt. OutcomeUnknownError: ask again in a while. Another error
    of Instagram's to the sending proves that there is no comment.
    """
    post = ports.posts.get(task.tenant_id, task.post_id)
    if post.content.first_comment is None or post.media_id is None or post.comment.comment_id is not None:
        return {}
    unless_paused(post, ports)
    account = account_of(post, ports)
    instagram_access = AccountAccess.by(account, ports.tokens)
    if post.comment.attempted_at is not None:
        return _found(post, account, instagram_access, ports)
    # Just after publishing Instagram may not find its own media, and refuses a comment in the words of a lost answer.
    media = ports.instagram.media(instagram_access, post.media_id)
    post = _attempting(post, ports)
    try:
        comment_id = ports.instagram.add_comment(instagram_access, media.id, post.content.first_comment or "")
    except OutcomeUnknownError:
        raise
    except InstagramError:
        ports.posts.save(replace(post, comment=replace(post.comment, attempted_at=None)))
        raise
    return _added(post, comment_id, ports)


def _attempting(post: Post, ports: CallingPorts) -> Post:
    """Exactly one worker gets past this write."""
    try:
        return ports.posts.save(replace(post, comment=replace(post.comment, attempted_at=ports.now(), problem=None)))
    except ConflictError as error:
        raise OutcomeUnknownError from error


def _found(post: Post, account: Account, instagram_access: Access, ports: CallingPorts) -> dict[str, Any]:
    """The account's own comment among the newest: the same words, and not older than the attempt."""
    assert post.media_id is not None  # noqa: S101 — checked by the caller
    assert post.comment.attempted_at is not None  # noqa: S101 — as above
    since = post.comment.attempted_at - CLOCK_SKEW
    wanted = (post.content.first_comment or "").split()
    for comment in ports.instagram.comments(instagram_access, post.media_id):
        is_ours = comment.username in (None, account.username) and (comment.text or "").split() == wanted
        if is_ours and (comment.timestamp is None or comment.timestamp >= since):
            return _added(post, comment.id, ports)
    raise OutcomeUnknownError


def _added(post: Post, comment_id: str, ports: CallingPorts) -> dict[str, Any]:
    ports.posts.save(replace(post, comment=replace(post.comment, comment_id=comment_id, problem=None)))
    return {}


def turn_comments_off(task: PostTask, ports: CallingPorts) -> dict[str, Any]:
    """May be repeated."""
    post = ports.posts.get(task.tenant_id, task.post_id)
    if post.media_id is not None:
        unless_paused(post, ports)
        ports.instagram.set_comments_enabled(access(post, ports), post.media_id, enabled=False)
    return {}
