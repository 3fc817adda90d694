"""
The catalogue of problems, and how an error becomes one (RFC 9457). A code is stable: callers branch on it.
docs/errors.md and `GET /v1/errors/{code}` say the same, and a test holds them equal.
"""
# ruff: noqa: E501 — the catalogue is a table and reads best as one

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from types import MappingProxyType
from typing import Any, Literal

from darkroom.errors import DarkroomError, QuotaFullError
from darkroom.instagram.codes import SENTENCES
from darkroom.instagram.errors import (
    AccountRestrictedError,
    AppCredentialsError,
    AuthorizationCodeError,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    MediaNotReadyError,
    MediaRejectedError,
    MediaUnreachableError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)

Actor = Literal["caller", "owner", "operator", "platform"]
TYPE_BASE = "https://darkroom.example/problems/"
# What a media item is to blame for, when it is known which one.
_ABOUT_AN_ITEM = frozenset({"media_unreachable", "media_rejected", "processing_timeout", "instagram_refused"})
_NOT_SET_UP = "Tell whoever runs it; nothing that you can do here will help."
_MOST_ERRORS = 50  # a body of 256 KiB can be wrong in tens of thousands of places


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProblemType:
    """`title` is one sentence a person understands; `next_step` says what its `actor` does."""

    code: str
    status: int
    actor: Actor
    title: str
    next_step: str

    def titled(self, item: int | None = None) -> str:
        """`item` is the 1-based number of the media item it is about."""
        return self.title.format(item=f"item {item}" if item else "the media")


def _catalogue(*types: ProblemType) -> Mapping[str, ProblemType]:
    return MappingProxyType({each.code: each for each in types})


CATALOGUE = _catalogue(
    # the request
    ProblemType("malformed_json", 400, "caller", "The body is not JSON.", "Send one JSON object in UTF-8."),
    ProblemType("unsupported_media_type", 415, "caller", "The body is not declared as JSON.", "Send Content-Type: application/json."),
    ProblemType("payload_too_large", 413, "caller", "The body is too large.", "Send less than 256 KiB."),
    ProblemType("invalid_request", 422, "caller", "The request has fields that cannot be accepted.", "Change the fields that errors points to."),
    ProblemType("invalid_post", 422, "caller", "Instagram could not publish this post as it is.", "Change the fields that errors points to."),
    ProblemType("cursor_invalid", 400, "caller", "The cursor is not one of this list's.", "Start again without a cursor."),
    ProblemType("idempotency_key_invalid", 400, "caller", "The Idempotency-Key is empty or too long.", "Use 1 to 255 visible ASCII characters."),
    ProblemType("idempotency_key_reused", 422, "caller", "This Idempotency-Key was used for another request.", "Use a new key for a new request."),
    ProblemType("idempotency_in_progress", 409, "caller", "The first request with this Idempotency-Key is still running.", "Ask again after Retry-After."),
    # the caller
    ProblemType("unauthenticated", 401, "caller", "The request has no valid credential.", "Send Authorization: Bearer with an API key or a JWT."),
    ProblemType("subject_blocked", 403, "caller", "This user was blocked.", "Ask whoever runs this Darkroom; no other token of the user is accepted either."),
    ProblemType("scope_missing", 403, "caller", "The credential does not allow this.", "Use a key that has the scope named in detail."),
    ProblemType("too_many_requests", 429, "caller", "The tenant sends more posts at once than it may.", "Send the request again after Retry-After, and go on more slowly."),
    ProblemType("not_found", 404, "caller", "There is no such thing here.", "Check the path and the id."),
    # accounts and connecting
    ProblemType("no_default_account", 422, "caller", "No account was named and there is no default.", "Send account_id, or connect an account first."),
    ProblemType("account_gone", 409, "caller", "The account was disconnected.", "Connect it again and send the post anew."),
    ProblemType("return_url_refused", 422, "caller", "The return_url is not allowed.", "Use a path, or an origin listed in the ReturnOrigins parameter."),
    ProblemType("connect_session_invalid", 400, "owner", "This connect link has expired, was used, or belongs to another browser.", "Start connecting again from the application."),
    ProblemType("consent_denied", 400, "owner", "Access was not granted on Instagram.", "Start connecting again and choose Allow."),
    ProblemType("permissions_missing", 422, "owner", "Instagram did not grant every permission that is needed.", "Connect again and leave every permission on."),
    ProblemType("no_usable_account", 422, "owner", "None of the Facebook Pages leads to an Instagram account that can be connected.", "See detail; link a professional account to a Page on which you may create content, then connect again."),
    ProblemType("account_connected_elsewhere", 409, "owner", "This Instagram account is connected to another customer.", "Disconnect it there first."),
    ProblemType("authorization_code_refused", 400, "owner", "Instagram did not accept the sign-in.", "Start connecting again."),
    ProblemType("reauthorization_required", 409, "owner", "Instagram no longer accepts the connection to this account.", "Connect the account again."),
    ProblemType("action_required", 409, "owner", "Instagram wants the owner to act before anything can be published.", "Open Instagram, follow what it asks, then connect again."),
    ProblemType("token_too_young", 409, "caller", "Instagram refreshes no token that is younger than a day.", "Nothing: it is refreshed by itself long before it expires. Or ask again after Retry-After."),
    ProblemType("refresh_in_progress", 409, "caller", "The account's token is being refreshed, or was tried to be a few minutes ago.", "Read the account; ask again after Retry-After if token_expires_at has not moved."),
    # Meta's callbacks
    ProblemType("signed_request_invalid", 400, "caller", "This is no signed request of Meta's.", "Nothing: only Meta can make one."),
    # posts
    ProblemType("post_state_conflict", 409, "caller", "The post is not in a state for this.", "Read the post and decide again."),
    ProblemType("post_cancelled", 409, "caller", "The post was cancelled.", "Send it anew if it is wanted after all."),
    ProblemType("too_late_to_cancel", 409, "caller", "Instagram has been asked to publish the post; it can no longer be cancelled.", "Read the post; delete it on Instagram once it is live."),
    ProblemType("precondition_failed", 412, "caller", "It has changed since the version in If-Match.", "Read it again and repeat the change."),
    ProblemType("precondition_required", 428, "caller", "The request does not say which version it changes.", 'Send If-Match: "<version>" with the version that you read.'),
    ProblemType("duplicate_suspected", 409, "caller", "The same content was accepted for this account within the last 24 hours.", "Look at the post named in detail; send the request without asking for refusal if it is no mistake."),
    ProblemType("version_conflict", 409, "caller", "Somebody else changed this at the same time.", "Read it again and repeat the change."),
    ProblemType("media_unreachable", 422, "caller", "Instagram could not download {item}.", "Let Instagram's crawler (facebookexternalhit) fetch the file, without redirect or login."),
    ProblemType("media_rejected", 422, "caller", "Instagram did not accept {item}.", "Check the file's format, size, ratio and duration against GET /v1/limits."),
    ProblemType("instagram_refused", 422, "caller", "Instagram did not accept the post.", "Change what Instagram's code names."),
    ProblemType("processing_timeout", 504, "caller", "Instagram did not finish processing {item} in time.", "Try again; if it happens again, re-encode the file."),
    ProblemType("container_expired", 409, "caller", "The post waited too long at Instagram and expired before it was published.", "Try again: POST /v1/posts/{id}/retry."),
    ProblemType("publishing_limit_reached", 429, "platform", "The account has used up Instagram's publishing quota for now.", "Wait, or choose next_free_slot where it is given: the quota is a moving window."),
    ProblemType("media_not_ready", 409, "platform", "Instagram says that the media is not ready.", "Wait and try again."),
    ProblemType("outcome_unknown", 502, "platform", "Instagram did not say whether the post is live.", "Look at the account before sending the post again."),
    ProblemType("media_unknown", 404, "owner", "The post is live, but Instagram has not told which media it is, so nothing more was done to it.", "Add the comment, or turn comments off, in Instagram's app."),
    # outgoing webhooks
    ProblemType("too_many_endpoints", 409, "caller", "There are as many webhook endpoints as a tenant may have.", "Delete one, or let one receive more types."),
    ProblemType("endpoint_disabled", 409, "caller", "The webhook endpoint is disabled.", "Enable it first: PATCH it with is_enabled."),
    # somebody else's weather
    ProblemType("platform_outage", 503, "platform", "Instagram fails for many accounts at the moment.", "Wait: the post goes out by itself when Instagram is back."),
    ProblemType("instagram_unavailable", 503, "platform", "Instagram does not answer properly at the moment.", "Wait and try again."),
    ProblemType("rate_limited", 429, "platform", "Instagram asks for fewer calls on this account.", "Wait and try again."),
    ProblemType("store_unavailable", 503, "operator", "Darkroom's storage is overloaded.", "Try again in a moment."),
    ProblemType("token_unreadable", 503, "operator", "The stored token could not be decrypted.", "Check the token key in KMS; connect the account again if the key is lost."),
    ProblemType("configuration_error", 503, "operator", "Darkroom is not completely set up.", "See detail, then docs/meta-setup.md."),
    ProblemType("internal_error", 500, "operator", "Something went wrong on our side.", "Give the request_id to whoever runs this Darkroom."),
)  # fmt: skip

# The most specific class first.
_BY_CLASS: tuple[tuple[type[InstagramError], str], ...] = (
    (MediaUnreachableError, "media_unreachable"),
    (TokenInvalidError, "reauthorization_required"),
    (PermissionDeniedError, "permissions_missing"),
    (AccountRestrictedError, "action_required"),
    (MediaRejectedError, "media_rejected"),
    (InvalidRequestError, "instagram_refused"),
    (MediaNotReadyError, "media_not_ready"),
    (OutcomeUnknownError, "outcome_unknown"),
    (PublishingLimitReachedError, "publishing_limit_reached"),
    (RateLimitedError, "rate_limited"),
    (InstagramUnavailableError, "instagram_unavailable"),
    (AuthorizationCodeError, "authorization_code_refused"),
    (AppCredentialsError, "configuration_error"),
)


def describe(error: Exception, item: int | None = None) -> dict[str, Any]:
    """
    The problem body of an error, without what only a request knows (`instance`, `request_id`). `item` is the 1-based
    number of the media item it is about. An error that nobody foresaw becomes `internal_error` and shows nothing of
    itself. `retry.allowed` is false where repeating could do something twice.
    """
    code = _code_of(error)
    kind = CATALOGUE[code]
    retry_after = getattr(error, "retry_after", None)
    body: dict[str, Any] = {
        "type": TYPE_BASE + code,
        "title": kind.titled(item),
        "status": kind.status,
        "detail": getattr(error, "detail", None) or SENTENCES.get(getattr(error, "subcode", None) or 0, kind.next_step),
        "code": code,
        "actor": kind.actor,
        "retry": {"allowed": code != "outcome_unknown", "automatic": False, "after": retry_after},
    }
    if isinstance(error, QuotaFullError):
        body["next_free_slot"] = error.next_free_slot.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if item and code in _ABOUT_AN_ITEM:
        body["errors"] = [{"pointer": f"/media/{item - 1}", "code": code, "message": body["detail"]}]
    if isinstance(error, DarkroomError) and error.errors:
        body["errors"] = [
            {"pointer": e.pointer, "code": e.code, "message": e.message} for e in error.errors[:_MOST_ERRORS]
        ]
    if isinstance(error, InstagramError):
        body["instagram"] = error.facts()
    return body


def describe_to_strangers(error: Exception) -> dict[str, Any]:
    """
    The same for whoever has shown no credential: which setting or secret is missing is the operator's business, and
    the log has it.
    """
    body = describe(error)
    return body | {"detail": _NOT_SET_UP} if body["code"] == "configuration_error" else body


def _code_of(error: Exception) -> str:
    if isinstance(error, DarkroomError):
        return error.code
    if isinstance(error, InstagramError):
        return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), "internal_error")
    return "internal_error"


def dump(error: Exception, item: int | None = None, step: str | None = None) -> str:
    """
    The problem as one line of JSON, with the step that met it, whether that was a pause we keep and the version of the
    token that was refused: the only thing of an error that survives a Step Functions `Catch`.
    """
    met = {"step": step, **{name: getattr(error, name, None) for name in ("is_pause", "token_version")}}
    return json.dumps(describe(error, item) | {name: fact for name, fact in met.items() if fact}, separators=(",", ":"))
