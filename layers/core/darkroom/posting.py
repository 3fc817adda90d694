"""Taking posts in: validate, store, set going; for one account or for many; and reading them back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from darkroom import containers, problems
from darkroom.accounts import Account
from darkroom.errors import DarkroomError, FieldError, InvalidPostError, NotFoundError
from darkroom.fingerprints import fingerprint
from darkroom.ids import derived_id
from darkroom.pages import Page, PageRequest
from darkroom.posts import Post, PostState
from darkroom.submission import (
    STATES,
    Ports,
    Submission,
    account_for,
    checked,
    counted,
    holding,
    mine,
    reserved,
    set_going,
    standing,
)
from darkroom.tenants import Caller
from darkroom.values import Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(Value):
    """What became of one post of a group: accepted, or why not."""

    account_id: str
    post: Post | None = None
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Preview(Value):
    """What publishing would do. `publish_at` is what the caller's time means; `duplicate_of` an earlier post."""

    plan: containers.Plan
    publish_at: datetime | None
    duplicate_of: str | None


def submit(wanted: Submission, caller: Caller, post_id: str, ports: Ports) -> Post:
    """
    Accepts the post and sets it going. With the same `post_id` it may be called again: one post, one execution, one
    slot in the quota. Once it is stored it is accepted, even if it cannot be set going at the moment, and a repetition
    hears so whatever would be refused by then.

    Raises InvalidPostError, NotFoundError, AccountUnavailableError, QuotaFullError, ConflictError(duplicate_suspected),
    TooManyRequestsError before the post is stored.
    """
    if not wanted.is_repeated:
        counted(caller, ports)
    elif stored := _stored(caller, post_id, ports):
        return stored
    account = account_for(wanted.account_id, caller, ports)
    publish_at = checked(wanted, account, ports)
    return _accepted(_post(wanted, account, publish_at, post_id, ports.now()), wanted, ports)


def _stored(caller: Caller, post_id: str, ports: Ports) -> Post | None:
    """What an earlier request has stored; it may not have come to setting it going."""
    try:
        post = mine(caller, post_id, ports)
    except NotFoundError:
        return None
    set_going(post, ports)
    return post


def submit_to_many(
    wanted: Submission, account_ids: tuple[str, ...], caller: Caller, group_id: str, ports: Ports
) -> tuple[Result, ...]:
    """
    One post each; the refusal of one account keeps no other from its post. May be called again with the same group id:
    the post ids come from it. Raises InvalidPostError when no account took the post, TooManyRequestsError when they are
    too many together.
    """
    if not wanted.is_repeated:
        counted(caller, ports, posts=len(account_ids))
    results = tuple(_one_of(wanted, account_id, caller, group_id, ports) for account_id in account_ids)
    if all(result.post is None for result in results):
        raise InvalidPostError(errors=tuple(_refusals(results)))
    return results


def _one_of(wanted: Submission, account_id: str, caller: Caller, group_id: str, ports: Ports) -> Result:
    post_id = derived_id("post", group_id, account_id)
    try:
        if wanted.is_repeated and (stored := _stored(caller, post_id, ports)):
            return Result(account_id, stored)
        account = account_for(account_id, caller, ports)
        publish_at = checked(wanted, account, ports)
        post = _post(wanted, account, publish_at, post_id, ports.now())
        return Result(account_id, _accepted(replace(post, group_id=group_id), wanted, ports))
    except DarkroomError as error:
        if problems.CATALOGUE[error.code].status >= 500:
            raise  # ours: the whole request is repeated, and finds what is done
        return Result(account_id, problem=problems.describe(error))


def _refusals(results: tuple[Result, ...]) -> list[FieldError]:
    """Where all accounts refuse a field for the same reason, it is the post that is wrong."""
    refused = [result.problem or {} for result in results]
    errors = [each.get("errors", []) for each in refused]
    shared = [error for error in errors[0] if all(error in each for each in errors)]
    if shared:
        return [FieldError(**error) for error in shared]
    return [FieldError(f"/account_ids/{index}", each["code"], each["title"]) for index, each in enumerate(refused)]


def _post(wanted: Submission, account: Account, publish_at: datetime | None, post_id: str, now: datetime) -> Post:
    return Post(
        id=post_id,
        tenant_id=account.tenant_id,
        account_id=account.id,
        content=wanted.content,
        external_id=wanted.external_id,
        state=STATES[wanted.mode],
        state_since=now,
        accepted_at=now,
        queued_at=now if wanted.mode == "now" else None,
        publish_at=publish_at,
        time_zone=wanted.time_zone,
        request_id=wanted.request_id,
    )


def _accepted(post: Post, wanted: Submission, ports: Ports) -> Post:
    with holding(post, ports):
        if post.state is not PostState.DRAFT:
            earlier = reserved(post, ports, refuses_duplicates=wanted.refuses_duplicates)
            post = replace(post, duplicate_of=earlier)
        post = ports.posts.add(post)
    set_going(post, ports)
    return post


def validate(wanted: Submission, caller: Caller, ports: Ports) -> Preview:
    """The same checks, and nothing is taken in; a draft's too, because only what is complete has a plan."""
    account = account_for(wanted.account_id, caller, ports)
    publish_at = checked(wanted, account, ports, in_full=True)
    content = (account.tenant_id, account.id, fingerprint(wanted.content))
    earlier = standing(content, lambda: ports.fingerprints.find(*content, ports.now()), ports)
    return Preview(containers.plan(wanted.content), publish_at, earlier)


def read(caller: Caller, post_id: str, ports: Ports) -> Post:
    return mine(caller, post_id, ports)


def list_posts(
    caller: Caller, page: PageRequest, account_id: str | None, state: PostState | None, ports: Ports
) -> Page[Post]:
    """Newest first. A page may hold fewer posts than asked for; only `next_cursor` tells whether there are more."""
    found = ports.posts.page(caller.tenant_id, page, account_id, state)
    return Page(tuple(post for post in found.data if caller.may_use(post.account_id)), found.next_cursor)
