"""Taking posts in: validate, store, set going; for one account or for many; and reading them back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from darkroom import containers, problems
from darkroom.accounts import Account
from darkroom.errors import DarkroomError, FieldError, InvalidPostError, NotFoundError, StoreUnavailableError
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
    duplicate_of,
    holding,
    mine,
    reserved,
    set_going,
    standing,
)
from darkroom.tenants import Caller
from darkroom.values import Value

_PERHAPS = "It is not known whether this account's post was stored: look at its posts before sending it again."


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Result(Value):
    """What became of one post of a group: accepted, or why not. `failure` is one that is ours."""

    account_id: str
    post: Post | None = None
    problem: dict[str, Any] | None = None
    failure: Exception | None = None


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
    One post each; what keeps one account from its post keeps no other. May be called again with the same group id: the
    post ids come from it. Raises InvalidPostError when no account took the post, TooManyRequestsError when they are too
    many together, or what failed on our side.

    Once there is a post, a failure is told as its account's result: a caller that only heard of the failure would send
    the whole group again. A store that does not answer is not asked for the rest, which would take too long to say so.
    """
    if not wanted.is_repeated:
        counted(caller, ports, posts=len(account_ids))
    results: list[Result] = []
    for account_id in account_ids:
        down = next((each.failure for each in results if isinstance(each.failure, StoreUnavailableError)), None)
        if down is None:
            results.append(_one_of(wanted, account_id, caller, group_id, ports))
        else:
            results.append(Result(account_id, problem=problems.describe(down), failure=down))
    failures = list(dict.fromkeys(each.failure for each in results if each.failure is not None))
    if all(result.post is None for result in results):
        raise failures[0] if failures else InvalidPostError(errors=tuple(_refusals(results)))
    for failure in failures:
        ports.tell(failure)
    return tuple(results)


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
            return _after_failure(error, account_id, caller, post_id, ports)
        return Result(account_id, problem=problems.describe(error))
    except Exception as error:  # noqa: BLE001 — whatever is wrong with one account, the others get their posts
        return _after_failure(error, account_id, caller, post_id, ports)


def _after_failure(error: Exception, account_id: str, caller: Caller, post_id: str, ports: Ports) -> Result:
    """The post may be stored although it was not said so. Where nobody can tell, it is not to be sent again blindly."""
    problem = problems.describe(error)
    try:
        if stored := _stored(caller, post_id, ports):
            return Result(account_id, stored)
    except Exception:  # noqa: BLE001 — what is told is the first error
        problem |= {"detail": _PERHAPS, "retry": problem["retry"] | {"allowed": False}}
    return Result(account_id, problem=problem, failure=error)


def _refusals(results: Sequence[Result]) -> list[FieldError]:
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
    """
    The same checks, and nothing is taken: no slot, no post. A draft is checked too, because only what is complete has a
    plan; it needs no slot, and may be like another.
    """
    account = account_for(wanted.account_id, caller, ports)
    publish_at = checked(wanted, account, ports, in_full=True)
    if wanted.mode != "draft":
        ports.quota.require_room(account.tenant_id, account.id, publish_at or ports.now())
    content = (account.tenant_id, account.id, fingerprint(wanted.content))
    earlier = standing(content, lambda: ports.fingerprints.find(*content, ports.now()), ports)
    if earlier is not None and wanted.refuses_duplicates and wanted.mode != "draft":
        raise duplicate_of(earlier)
    return Preview(containers.plan(wanted.content), publish_at, earlier)


def read(caller: Caller, post_id: str, ports: Ports) -> Post:
    return mine(caller, post_id, ports)


def list_posts(
    caller: Caller, page: PageRequest, account_id: str | None, state: PostState | None, ports: Ports
) -> Page[Post]:
    """Newest first. A page may hold fewer posts than asked for; only `next_cursor` tells whether there are more."""
    found = ports.posts.page(caller.tenant_id, page, account_id, state)
    return Page(tuple(post for post in found.data if caller.may_use(post.account_id)), found.next_cursor)
