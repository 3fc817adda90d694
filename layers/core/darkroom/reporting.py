"""Events of posts, made of the posts themselves as they change: publishing does nothing for them, and never waits."""

from darkroom import announcing
from darkroom.events import Event, event_id
from darkroom.posts import Post, PostState

TOLD = frozenset({PostState.PUBLISHED, PostState.FAILED, PostState.UNCONFIRMED, PostState.DELAYED, PostState.CANCELLED})


def report(before: PostState | None, post: Post, ports: announcing.Ports) -> bool:
    """
    Tells `post.published` and the like, once for each time that a post comes to such a state; False when there was
    nothing to tell. May be repeated. Raises StoreUnavailableError.
    """
    if post.state not in TOLD or post.state is before:
        return False
    return announcing.tell(_event(post, ports), ports)


def _event(post: Post, ports: announcing.Ports) -> Event:
    refs = {
        "post_id": post.id,
        "media_id": post.media_id,
        "group_id": post.group_id,
        "problem_code": post.problem["code"] if post.problem else None,
    }
    data = {  # the event bus, which others may read, hears none of it
        "kind": post.content.kind,
        "external_id": post.external_id,
        "permalink": post.permalink,
        "problem": post.problem,
    }
    return Event(
        id=event_id(post.tenant_id, post.id, post.state.value, str(post.version)),
        tenant_id=post.tenant_id,
        account_id=post.account_id,
        type=f"post.{post.state.value}",
        occurred_at=post.state_since,
        received_at=ports.now(),
        refs={name: value for name, value in refs.items() if value is not None},
        data=data,
    )
