"""Taking posts in: validate, store, start the workflow; and reading them back."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from darkroom import containers, validation
from darkroom.accounts import Account
from darkroom.errors import BadRequestError, FieldError, InvalidPostError, NotFoundError, StoreUnavailableError
from darkroom.pages import Page, PageRequest
from darkroom.posts import Post, PostContent, PostState
from darkroom.tenants import Caller


class Posts(Protocol):
    def add(self, post: Post) -> Post:
        """Stores the post unless its id is taken by the same tenant; answers what is stored."""
        ...

    def get(self, tenant_id: str, post_id: str) -> Post: ...

    def page(
        self, tenant_id: str, page: PageRequest, account_id: str | None, state: PostState | None
    ) -> Page[Post]: ...


class Accounts(Protocol):
    def get(self, tenant_id: str, account_id: str) -> Account: ...

    def default_id(self, tenant_id: str) -> str | None: ...


class Workflows(Protocol):
    def start(self, post: Post) -> None:
        """Starts the execution named by the post id; starting twice is harmless. StoreUnavailableError if it fails."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    posts: Posts
    accounts: Accounts
    workflows: Workflows
    now: Callable[[], datetime]
    test_media_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A post as its caller asks for it. Without `account_id` the tenant's default account is meant."""

    content: PostContent
    account_id: str | None = None
    external_id: str | None = None


def submit(draft: Draft, caller: Caller, post_id: str, request_id: str, ports: Ports) -> Post:
    """
    Accepts the post and starts its workflow. With the same `post_id` it may be called again: one post, one execution.
    Once it is stored it is accepted, even if the workflow cannot be started at the moment.

    Raises InvalidPostError, NotFoundError, AccountUnavailableError before anything is written.
    """
    account = _checked(draft, caller, ports)
    now = ports.now()
    post = ports.posts.add(
        Post(
            id=post_id,
            tenant_id=caller.tenant_id,
            account_id=account.id,
            content=draft.content,
            external_id=draft.external_id,
            state_since=now,
            accepted_at=now,
            queued_at=now,
            request_id=request_id,
        )
    )
    with suppress(StoreUnavailableError):  # accepted all the same: the watchdog starts it within minutes
        ports.workflows.start(post)
    return post


def validate(draft: Draft, caller: Caller, ports: Ports) -> containers.Plan:
    """The same checks without writing anything; the containers that would be made."""
    _checked(draft, caller, ports)
    return containers.plan(draft.content)


def _checked(draft: Draft, caller: Caller, ports: Ports) -> Account:
    errors = validation.field_errors(draft.content, ports.test_media_hosts)
    if draft.external_id is not None and len(draft.external_id) > 255:
        errors += (FieldError("/external_id", "too_long", "An external_id has at most 255 characters."),)
    if errors:
        raise InvalidPostError(errors=errors)
    account = _account(draft, caller, ports)
    account.require_publishing(ports.now())
    return account


def _account(draft: Draft, caller: Caller, ports: Ports) -> Account:
    account_id = draft.account_id or ports.accounts.default_id(caller.tenant_id)
    if account_id is None:
        raise BadRequestError("no_default_account")
    if not caller.may_use(account_id):
        raise NotFoundError
    return ports.accounts.get(caller.tenant_id, account_id)


def read(caller: Caller, post_id: str, ports: Ports) -> Post:
    post = ports.posts.get(caller.tenant_id, post_id)
    if not caller.may_use(post.account_id):
        raise NotFoundError
    return post


def list_posts(
    caller: Caller, page: PageRequest, account_id: str | None, state: PostState | None, ports: Ports
) -> Page[Post]:
    """Newest first. A page may hold fewer posts than asked for; only `next_cursor` tells whether there are more."""
    found = ports.posts.page(caller.tenant_id, page, account_id, state)
    return Page(tuple(post for post in found.data if caller.may_use(post.account_id)), found.next_cursor)
