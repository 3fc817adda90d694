"""
What Instagram can refuse, named by what the reader does next.

InstagramError
├── InstagramUnavailableError          wait: nothing is known to have happened; the same call may be made again
│   └── MediaUnreachableError          wait, a few times only; after that the media or its host is the caller's to mend
├── RateLimitedError                   wait: `retry_after` when Meta says how long
├── PublishingLimitReachedError        wait: the quota of published posts is a moving window of 24 hours
├── MediaNotReadyError                 ask: the container's status says what it is waiting for, or that it is gone
├── OutcomeUnknownError                ask: it may have happened although no, or an odd, answer came
├── MediaRejectedError                 caller: other media
├── InvalidRequestError                caller: another request
├── AuthorizationCodeError             caller: start the authorisation again
├── PermissionDeniedError              owner: connect again and grant the scope
├── TokenInvalidError                  owner: connect again
├── AccountRestrictedError             owner: act in the Instagram app
└── AppCredentialsError                operator: app id and secret of this installation

Safe to log and to print: `str()`, `repr()` and `facts()` hold our own words and numbers, never a URL, a token or a
sentence of Meta's.
"""

from typing import ClassVar, TypedDict, Unpack


class Details(TypedDict, total=False):
    """
    What an answer told besides its meaning. `retry_after` is in seconds. `is_pause`: there was no answer, because no
    call was made; an earlier one's pause is not over.
    """

    code: int | None
    subcode: int | None
    trace_id: str | None
    status: int | None
    is_transient: bool | None
    retry_after: float | None
    is_pause: bool
    user_title: str | None
    user_message: str | None


class InstagramError(Exception):
    """
    A call to Instagram that gave no result.

    `trace_id` is what Meta's support asks for (`fbtrace_id`). `user_title` and `user_message` are Meta's words for a
    person, already clipped and free of links; they may quote what the caller sent, so they are not for logs.
    `token_version` is for whoever counts an account's tokens: the one that was refused.
    """

    summary: ClassVar[str] = "Instagram gave no usable answer."

    def __init__(self, sentence: str = "", **details: Unpack[Details]) -> None:
        super().__init__(sentence or self.summary)
        self.code = details.get("code")
        self.subcode = details.get("subcode")
        self.trace_id = details.get("trace_id")
        self.status = details.get("status")
        self.is_transient = details.get("is_transient")
        self.retry_after = details.get("retry_after")
        self.is_pause = details.get("is_pause", False)
        self.user_title = details.get("user_title")
        self.user_message = details.get("user_message")
        self.token_version: int | None = None

    def facts(self) -> dict[str, int | str | bool]:
        """Meta's numbers under Meta's names, for a log line or the body of a problem."""
        known = {
            "code": self.code,
            "error_subcode": self.subcode,
            "fbtrace_id": self.trace_id,
            "is_transient": self.is_transient,
        }
        return {name: value for name, value in known.items() if value is not None}

    def __str__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self.facts().items())
        return f"{self.args[0]} ({facts})" if facts else str(self.args[0])


class InstagramUnavailableError(InstagramError):
    """Outage, time-out, nonsense instead of JSON, or an object not visible yet. Repeat later, but not for ever."""

    summary = "Instagram is not available at the moment."


class MediaUnreachableError(InstagramUnavailableError):
    """
    Instagram could not fetch or process the media this time.

    Meta's answer is the same for a passing fault and for a URL that will never work: worth two or three new
    containers, then the caller has to look at the media's host.
    """

    summary = "Instagram could not fetch the media."


class RateLimitedError(InstagramError):
    """Too many calls by this app or for this account. Calls made while throttled prolong the wait."""

    summary = "Instagram asks to slow down."


class PublishingLimitReachedError(InstagramError):
    """The account has published all it may in 24 hours; `publishing_limit` tells when there is room."""

    summary = "The account's publishing limit is reached."


class MediaNotReadyError(InstagramError):
    """The container is still processed, or no longer usable: its status tells which."""

    summary = "The container is not ready to be published."


class OutcomeUnknownError(InstagramError):
    """The post may be live, the comment may be made. Ask before anything else; never send it again blindly."""

    summary = "It is unknown whether Instagram did what was asked."


class MediaRejectedError(InstagramError):
    """This file will never do: format, size, ratio or codec."""

    summary = "Instagram rejected the media."


class InvalidRequestError(InstagramError):
    """A parameter is wrong, or the object does not support what was asked."""

    summary = "Instagram rejected the request."


class AuthorizationCodeError(InstagramError):
    """The code is wrong, used or older than an hour. It works once: the person has to authorise again."""

    summary = "The authorisation code was not accepted."


class PermissionDeniedError(InstagramError):
    """The owner has not granted the scope, or the app lacks the access level."""

    summary = "The account has not granted the permission."


class TokenInvalidError(InstagramError):
    """Expired, revoked or never valid; a refresh is too late."""

    summary = "The account's token is no longer valid."


class AccountRestrictedError(InstagramError):
    """Restricted, checkpointed or blocked: the owner has to open the Instagram app. Repeating makes it worse."""

    summary = "Instagram has restricted the account."


class AppCredentialsError(InstagramError):
    """App id, app secret or the proof made with it do not belong together: a fault of this installation."""

    summary = "Instagram did not accept the app's credentials."
