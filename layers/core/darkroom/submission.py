"""
What taking posts in (posting.py) and changing them later (changing.py) share: the ports, what is asked for, the checks
before anything is written, and setting a post going.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from darkroom import publish_times, validation
from darkroom.accounts import Account
from darkroom.errors import (
    BadRequestError,
    ConflictError,
    FieldError,
    InvalidPostError,
    NotFoundError,
    QuotaFullError,
    StoreUnavailableError,
)
from darkroom.fingerprints import fingerprint
from darkroom.ids import made_at
from darkroom.pages import Page, PageRequest
from darkroom.posts import Post, PostContent, PostState
from darkroom.tenants import Caller

Mode = Literal["now", "scheduled", "draft"]
STATES: dict[Mode, PostState] = {
    "now": PostState.QUEUED,
    "scheduled": PostState.SCHEDULED,
    "draft": PostState.DRAFT,
}


# Neither a slot nor a fingerprint: not on its way to any follower.
HOLDS_NOTHING = frozenset({PostState.DRAFT, PostState.CANCELLED, PostState.FAILED})
STORED_WITHIN = timedelta(minutes=1)  # longer than the function may run: what is not stored by then never will be


class Posts(Protocol):
    def add(self, post: Post) -> Post:
        """Stores the post unless its id is taken by the same tenant; answers what is stored."""
        ...

    def get(self, tenant_id: str, post_id: str) -> Post: ...

    def save(self, post: Post, without: tuple[int | None, ...] = ()) -> Post:
        """As in workflow.py: ConflictError when somebody else has written since it was read."""
        ...

    def page(
        self, tenant_id: str, page: PageRequest, account_id: str | None, state: PostState | None
    ) -> Page[Post]: ...


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def default_id(self, tenant_id: str) -> str | None: ...


class Workflows(Protocol):
    def start(self, post: Post, run: int) -> None:
        """Starts that run's execution; starting twice is harmless. StoreUnavailableError if it fails."""
        ...


class Schedules(Protocol):
    def put(self, post: Post) -> None:
        """One schedule a post, made or moved. StoreUnavailableError if it fails."""
        ...

    def remove(self, post: Post) -> None: ...


class Quota(Protocol):
    def reserve(
        self, tenant_id: str, account_id: str, post_id: str, at: datetime, before: datetime | None = None
    ) -> None:
        """The post's slot in the publishing window, moved if it had one. QuotaFullError names the next free one."""
        ...

    def require_room(self, tenant_id: str, account_id: str, at: datetime) -> None:
        """As `reserve` refuses a new post, and nothing is taken."""
        ...

    def release(self, tenant_id: str, account_id: str, post_id: str, at: datetime) -> None: ...


class Rates(Protocol):
    def take(self, tenant_id: str, posts: int, now: datetime) -> None:
        """So many more in this minute. TooManyRequestsError, and nothing is counted, when they are too many."""
        ...


class Fingerprints(Protocol):
    """What was accepted lately. Each answers the id of an earlier post with this content, if there is one."""

    def claim(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime) -> str | None: ...
    def claim_if_new(
        self, tenant_id: str, account_id: str, fingerprint: str, post_id: str, now: datetime
    ) -> str | None: ...
    def find(self, tenant_id: str, account_id: str, fingerprint: str, now: datetime) -> str | None: ...
    def forget(self, tenant_id: str, account_id: str, fingerprint: str, post_id: str) -> None: ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    """`tell` is told what went wrong behind a write that stands, unless it passes by itself."""

    posts: Posts
    accounts: Accounts
    workflows: Workflows
    schedules: Schedules
    quota: Quota
    fingerprints: Fingerprints
    rates: Rates
    now: Callable[[], datetime]
    tell: Callable[[Exception], None]
    test_media_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Submission:
    """
    A post as its caller asks for it. Without `account_id` the tenant's default account is meant. `publish_at` is RFC
    3339, or a local time of `time_zone`. A draft may be incomplete: it is checked when it is to go out. `is_repeated`:
    it may have been stored already, under the id it is to have.
    """

    content: PostContent
    mode: Mode = "now"
    publish_at: str | None = None
    time_zone: str | None = None
    account_id: str | None = None
    external_id: str | None = None
    refuses_duplicates: bool = False
    request_id: str | None = None
    is_repeated: bool = False


def checked(wanted: Submission, account: Account, ports: Ports, *, in_full: bool = False) -> datetime | None:
    """
    When it is to go out, if it says so. Raises InvalidPostError with every wrong field, AccountUnavailableError. Unless
    `in_full`, a draft may be incomplete.
    """
    goes_out = in_full or wanted.mode != "draft"
    errors: tuple[FieldError, ...] = ()
    if goes_out:
        errors += validation.field_errors(wanted.content, ports.test_media_hosts, account.login)
    if wanted.external_id is not None and len(wanted.external_id) > 255:
        errors += (FieldError("/external_id", "too_long", "An external_id has at most 255 characters."),)
    publish_at, time_errors = _publish_at(wanted, ports.now())
    if errors := errors + time_errors:
        raise InvalidPostError(errors=errors)
    if goes_out:
        account.require_publishing(ports.now(), wanted.content)
    return publish_at


def counted(caller: Caller, ports: Ports, *, posts: int = 1) -> None:
    """
    Before anything else is read or written for what a tenant sends; a repetition was counted the first time. When the
    count cannot be kept the request fails (StoreUnavailableError): its posts could not be stored either, in that table.
    """
    ports.rates.take(caller.tenant_id, posts, ports.now())


def _publish_at(wanted: Submission, now: datetime) -> tuple[datetime | None, tuple[FieldError, ...]]:
    if wanted.publish_at is None:
        if wanted.mode == "scheduled":
            return None, (FieldError("/publish_at", "missing", "A scheduled post needs publish_at."),)
        if wanted.time_zone is not None:
            return None, (FieldError("/time_zone", "not_possible", "A time_zone belongs to a publish_at."),)
        return None, ()
    if wanted.mode == "now":
        message = "A post of mode now goes out at once; say mode scheduled or leave publish_at out."
        return None, (FieldError("/publish_at", "not_possible", message),)
    try:
        publish_at = publish_times.moment(wanted.publish_at, wanted.time_zone)
    except InvalidPostError as error:
        return None, error.errors
    return publish_at, publish_times.field_errors(publish_at, now) if wanted.mode == "scheduled" else ()


def account_for(account_id: str | None, caller: Caller, ports: Ports) -> Account:
    """None is the default account. Raises NotFoundError, BadRequestError(no_default_account)."""
    wanted = account_id or ports.accounts.default_id(caller.tenant_id)
    if wanted is None:
        raise BadRequestError("no_default_account")
    if not caller.may_use(wanted):
        raise NotFoundError
    return ports.accounts.get(caller.tenant_id, wanted)


def account_of(post: Post, ports: Ports) -> Account:
    """Raises NotFoundError(account_gone): it was disconnected after the post was accepted."""
    try:
        return ports.accounts.get(post.tenant_id, post.account_id)
    except NotFoundError:
        raise NotFoundError("account_gone") from None


def mine(caller: Caller, post_id: str, ports: Ports) -> Post:
    post = ports.posts.get(caller.tenant_id, post_id)
    if not caller.may_use(post.account_id):
        raise NotFoundError
    return post


@contextmanager
def holding(post: Post, ports: Ports) -> Iterator[None]:
    """
    For `reserved` and the write behind it. Whatever fails in here, the post then holds what it needs as it is stored,
    and nothing if it is not. Where a worker dies, or the table cannot be read, more stays taken than is needed: that
    promises too little, and is forgotten when its time has passed.
    """
    try:
        yield
    except Exception:
        if post.state is not PostState.DRAFT:
            with suppress(QuotaFullError, StoreUnavailableError):
                _put_back(post, ports)
        raise


def _put_back(post: Post, ports: Ports) -> None:
    ids, seen = (post.tenant_id, post.account_id), fingerprint(post.content)
    try:
        stored = ports.posts.get(post.tenant_id, post.id)
        needs_slot = stored.state not in HOLDS_NOTHING
    except NotFoundError:
        needs_slot = False
    if not needs_slot or fingerprint(stored.content) != seen:
        ports.fingerprints.forget(*ids, seen, post.id)
    if needs_slot:
        ports.quota.reserve(*ids, post.id, stored.slot_at, post.slot_at)
    else:
        ports.quota.release(*ids, post.id, post.slot_at)


def reserved(
    post: Post, ports: Ports, *, refuses_duplicates: bool = False, before: datetime | None = None
) -> str | None:
    """
    Takes the post's slot (from `before`, if it had one) and remembers its content; answers the id of an earlier post
    that says the same. Raises QuotaFullError, ConflictError(duplicate_suspected).
    """
    ports.quota.reserve(post.tenant_id, post.account_id, post.id, post.slot_at, before)
    claim = ports.fingerprints.claim_if_new if refuses_duplicates else ports.fingerprints.claim
    content = (post.tenant_id, post.account_id, fingerprint(post.content))
    earlier = standing(content, lambda: claim(*content, post.id, ports.now()), ports)
    if earlier is not None and refuses_duplicates:
        raise duplicate_of(earlier)
    return earlier


def duplicate_of(earlier: str) -> ConflictError:
    return ConflictError("duplicate_suspected", f"{earlier} has the same content.")


def standing(content: tuple[str, str, str], ask: Callable[[], str | None], ports: Ports) -> str | None:
    """
    The earlier post with this content that `ask` names, as long as followers see it or may come to. One that failed,
    was taken back, or never came to be stored is forgotten here: whoever ends a post need not think of it.
    """
    while (earlier := ask()) is not None and _came_to_nothing(content[0], earlier, ports):
        ports.fingerprints.forget(*content, earlier)
    return earlier


def _came_to_nothing(tenant_id: str, post_id: str, ports: Ports) -> bool:
    try:
        return ports.posts.get(tenant_id, post_id).state in HOLDS_NOTHING
    except NotFoundError:
        return ports.now() - made_at(post_id) > STORED_WITHIN


@contextmanager
def behind_what_stands(ports: Ports) -> Iterator[None]:
    """
    For what follows once the post is stored, and is made good by somebody else if it fails, whatever the reason: its
    caller hears of the post. From an error they would conclude that there is none, and send it again.
    """
    try:
        yield
    except StoreUnavailableError:
        return
    except Exception as error:  # noqa: BLE001 — as above; it is told
        ports.tell(error)


def set_going(post: Post, ports: Ports) -> None:
    """
    Its execution or its schedule. What fails here is made good by the watchdog within minutes, so the post is accepted
    all the same.
    """
    with behind_what_stands(ports):
        if post.state is PostState.QUEUED:
            ports.workflows.start(post, post.first_run)
        elif post.state is PostState.SCHEDULED:
            ports.schedules.put(post)
