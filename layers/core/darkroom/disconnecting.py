"""
Ending a connection: Instagram is told if it can be, all that could act for the account is erased at once, and what was
scheduled for it is cancelled.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom import announcing, standing
from darkroom.accounts import Account
from darkroom.errors import ConflictError, DarkroomError, NotFoundError, StoreUnavailableError
from darkroom.instagram.errors import InstagramError
from darkroom.instagram.models import Access
from darkroom.pages import Page, PageRequest, opened
from darkroom.posts import Post, PostState
from darkroom.tenants import Caller

PAGE = 100
MOST_PAGES = 20  # of the newest posts; what is older and still scheduled fails at its time, with `account_gone`


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def erase(self, account: Account) -> None:
        """Token, account and claim, all or nothing; and the default, if it was this one."""
        ...


class Tokens(Protocol):
    def token(self, account: Account) -> str: ...


class Instagram(Protocol):
    def unsubscribe_webhooks(self, access: Access) -> None: ...


class Posts(Protocol):
    def page(
        self, tenant_id: str, page: PageRequest, account_id: str | None, state: PostState | None
    ) -> Page[Post]: ...

    def save(self, post: Post) -> Post:
        """ConflictError when somebody else has written it since."""
        ...


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Ports:
    accounts: Accounts
    tokens: Tokens
    instagram: Instagram
    posts: Posts
    telling: announcing.Ports
    now: Callable[[], datetime]


def disconnect(caller: Caller, account_id: str, ports: Ports) -> bool:
    """
    Erases the account. Answers whether Instagram was told; it may be down or the token dead, and neither keeps us from
    forgetting. Scheduled posts are cancelled; those that are on their way end `failed` with `account_gone`.
    """
    if not caller.may_use(account_id):
        raise NotFoundError
    account = ports.accounts.get(caller.tenant_id, account_id)
    is_told = _unsubscribe(account, ports)
    _cancel_scheduled(account, ports)
    with suppress(StoreUnavailableError):  # now, because afterwards nobody could; forgetting does not depend on it
        announcing.tell(standing.event(account, standing.DISCONNECTED, ports.now()), ports.telling)
    ports.accounts.erase(account)
    return is_told


def _cancel_scheduled(account: Account, ports: Ports) -> None:
    """Their schedules still fire, and find nothing to do. A post that starts just now is on its way."""
    for post in _scheduled(account, ports):
        now = ports.now()
        try:
            ports.posts.save(post.moved_to(PostState.CANCELLED, now, cancelled_at=now))
        except ConflictError:
            continue


def _scheduled(account: Account, ports: Ports) -> Iterator[Post]:
    page = PageRequest(PAGE)
    for _ in range(MOST_PAGES):
        found = ports.posts.page(account.tenant_id, page, account.id, PostState.SCHEDULED)
        yield from found.data
        if found.next_cursor is None:
            return
        page = PageRequest(PAGE, opened(found.next_cursor, account.tenant_id))


def _unsubscribe(account: Account, ports: Ports) -> bool:
    try:
        ports.instagram.unsubscribe_webhooks(Access.of(account, ports.tokens.token(account)))
    except (InstagramError, DarkroomError):
        return False
    return True
