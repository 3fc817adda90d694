"""Data with sensible defaults: a test names what it is about, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from darkroom.accounts import Account, Candidate, ConnectChoice, ConnectSession
from darkroom.endpoints import Endpoint
from darkroom.events import Event, event_id
from darkroom.idempotency import Record
from darkroom.ids import new_id
from darkroom.logins import FACEBOOK, INSTAGRAM
from darkroom.outgoing_deliveries import Attempt, OutgoingDelivery, delivery_of
from darkroom.posts import Container, MediaItem, Post, PostContent, ReelOptions
from darkroom.tenants import ApiKey, Caller
from darkroom.timeline import Entry

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TENANT = "acme"
OTHER_TENANT = "globex"
IG_USER_ID = "17841400000000001"
NEEDED_SCOPES = INSTAGRAM.needed_scopes


def content(kind: str = "image", **changes: Any) -> PostContent:
    """A valid post of that kind; a carousel has two images."""
    fields: dict[str, Any] = {"kind": kind, "caption": "Fresh from the darkroom", "media": (image_item(),)}
    if kind == "carousel":
        fields |= {"media": (image_item("one"), image_item("two"))}
    elif kind == "reel":
        fields |= {"media": (video_item(),), "reel": ReelOptions(share_to_feed=True)}
    elif kind == "story":
        fields |= {"caption": None}
    return PostContent(**fields | changes)


def image_item(name: str = "photo", **changes: Any) -> MediaItem:
    return replace(MediaItem(url=f"https://media.example.com/{name}.jpg", type="image"), **changes)


def video_item(name: str = "clip", **changes: Any) -> MediaItem:
    return replace(MediaItem(url=f"https://media.example.com/{name}.mp4", type="video"), **changes)


def a_post(**changes: Any) -> Post:
    """Queued just now, with an id of its own."""
    accepted_at = changes.get("accepted_at", NOW)
    post = Post(
        id=new_id("post", accepted_at),
        tenant_id=TENANT,
        account_id="acc_00000000000000000000000001",
        content=content(),
        state_since=accepted_at,
        accepted_at=accepted_at,
        queued_at=accepted_at,
    )
    return replace(post, **changes)


def a_call(**changes: Any) -> Entry:
    """The entry of a container that was made."""
    entry = Entry(
        at=NOW,
        kind="call",
        step="CreateContainer",
        method="POST",
        path="/{ig-user-id}/media",
        status=200,
        duration_ms=812.4,
    )
    return replace(entry, **changes)


def a_container(item: int | None = None, **changes: Any) -> Container:
    container = Container(container_id=f"1790000000000{item or 0:04}", item=item, created_at=NOW)
    return replace(container, **changes)


def an_account(**changes: Any) -> Account:
    """Healthy: it may publish, and its token lives for 60 days."""
    account = Account(
        id="acc_00000000000000000000000001",
        tenant_id=TENANT,
        ig_user_id=IG_USER_ID,
        app_scoped_id="25400000000000001",
        username="acme.studio",
        name="Acme Studio",
        account_type="Business",
        scopes=NEEDED_SCOPES,
        connected_at=NOW - timedelta(days=1),
        token_issued_at=NOW - timedelta(days=1),
        token_expires_at=NOW + timedelta(days=60),
    )
    return replace(account, **changes)


def a_facebook_account(**changes: Any) -> Account:
    """As healthy, connected through a Page."""
    return an_account(**{"login": "facebook", "page_id": "134000000000001", "scopes": FACEBOOK.needed_scopes} | changes)


def a_caller(tenant_id: str = TENANT, *scopes: str, account_ids: tuple[str, ...] | None = None) -> Caller:
    """May do everything unless scopes are named."""
    only = frozenset(account_ids) if account_ids is not None else None
    return Caller(tenant_id, frozenset(scopes or ("admin",)), only)


def a_session(**changes: Any) -> ConnectSession:
    """Fresh: no browser has opened its link."""
    session = ConnectSession(
        id=new_id("con", NOW),
        tenant_id=TENANT,
        scopes=NEEDED_SCOPES,
        return_url=None,
        expires_at=NOW + timedelta(minutes=10),
        link_hash="link-hash",
    )
    return replace(session, **changes)


def a_choice(**changes: Any) -> ConnectChoice:
    """Between two accounts, of a session that came back from Facebook."""
    session = a_session(
        login="facebook", scopes=FACEBOOK.needed_scopes, state_hash="state-hash", browser_hash="browser"
    )
    choice = ConnectChoice(
        session=session,
        user_id="10200000000000001",
        scopes=FACEBOOK.needed_scopes,
        token_expires_at=NOW + timedelta(days=60),
        candidates=(
            Candidate(page_id="134000000000001", page_name="Acme", username="acme.studio"),
            Candidate(page_id="134000000000002", page_name="Acme <Film>", username="acme.film"),
        ),
        expires_at=NOW + timedelta(minutes=10),
    )
    return replace(choice, **changes)


def an_api_key(**changes: Any) -> ApiKey:
    key = ApiKey(
        id=new_id("key", NOW),
        tenant_id=TENANT,
        sha256="ab" * 32,
        scopes=("posts:read", "posts:write"),
        name="production",
        created_at=NOW,
    )
    return replace(key, **changes)


def a_record(**changes: Any) -> Record:
    """The idempotency record of a request that has just begun."""
    record = Record(
        digest="digest-1",
        body_hash="body-1",
        ulid="01JDARKR00M000000000000000",
        locked_until=int((NOW + timedelta(seconds=35)).timestamp()),
        expires_at=int((NOW + timedelta(days=7)).timestamp()),
    )
    return replace(record, **changes)


def an_event(natural: str = "17900000000000001", **changes: Any) -> Event:
    fields: dict[str, Any] = {
        "id": event_id(changes.get("tenant_id", TENANT), "comment.created", natural),
        "tenant_id": TENANT,
        "account_id": "acc_00000000000000000000000001",
        "type": "comment.created",
        "occurred_at": NOW,
        "received_at": NOW,
        "refs": {"comment_id": natural},
        "data": {"text": "CANARY-comment"},
    }
    return Event(**fields | changes)


def an_endpoint(**changes: Any) -> Endpoint:
    """Wants everything."""
    fields: dict[str, Any] = {
        "id": "wh_00000000000000000000000001",
        "tenant_id": TENANT,
        "url": "https://hooks.example.com/darkroom",
        "created_at": NOW,
    }
    return Endpoint(**fields | changes)


def a_delivery(event: Event | None = None, endpoint_id: str = "wh_00000000000000000000000001") -> OutgoingDelivery:
    """New, and due now."""
    return delivery_of(event or an_event(), endpoint_id, NOW)


def an_attempt(status: int | None = 200, **changes: Any) -> Attempt:
    failure = None if status is not None else "timeout"
    return replace(Attempt(at=NOW, status=status, failure=failure, duration_ms=12), **changes)
