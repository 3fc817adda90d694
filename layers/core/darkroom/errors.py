"""
What can go wrong on our side, named by what the reader does next.

    DarkroomError(code)                 code is a key of problems.CATALOGUE
    ├── InvalidPostError                caller: change the post; one FieldError a wrong field
    ├── BadRequestError                 caller: change the request
    ├── NotFoundError                   caller: no such object for this tenant
    ├── ConflictError                   caller: the object is not in a state for this
    │   └── PreconditionFailedError     caller: read it again; it changed since the version that was named
    ├── NotAllowedError                 caller: no credential, or not this scope
    ├── AccountUnavailableError         owner: reconnect the account
    ├── ConnectError                    owner: the connection did not come about
    ├── QuotaFullError                  caller: another moment; `next_free_slot` has room
    ├── TooManyRequestsError            caller: more slowly; the tenant sends too many posts at once
    ├── ProcessingTimeoutError          caller: Instagram never finished with the media
    ├── ContainerExpiredError           ask: was it published? If not, a new container is needed
    ├── ContainerLostError              again: the container is forgotten, the post begins anew
    ├── PostCancelledError              stop: its caller took it back
    ├── MalformedDeliveryError          operator: what came with Meta's signature cannot be read
    ├── PlatformOutageError             wait: Instagram fails for many accounts
    ├── TokenUnreadableError            operator: KMS refused, or the ciphertext is not for this account
    ├── StoreUnavailableError           wait: a table or queue is throttled or down
    └── ConfigurationError              operator: a setting or secret is missing

Errors that Instagram answers are `darkroom.instagram.errors`. Step Functions compares class names of both.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from darkroom.values import Value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FieldError(Value):
    """One wrong field. `pointer` is an RFC 6901 JSON Pointer into the request body, such as `/media/2/url`."""

    pointer: str
    code: str
    message: str


class DarkroomError(Exception):
    """
    `code` names the problem in `problems.CATALOGUE`; `detail` is a sentence for a person and may be logged, so it holds
    no secret, caption or URL. `retry_after` is in seconds.
    """

    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        code: str | None = None,
        detail: str | None = None,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code or self.default_code)
        self.code = code or self.default_code
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


class InvalidPostError(DarkroomError):
    default_code = "invalid_post"


class BadRequestError(DarkroomError):
    default_code = "invalid_request"


class NotFoundError(DarkroomError):
    default_code = "not_found"


class ConflictError(DarkroomError):
    default_code = "version_conflict"


class PreconditionFailedError(ConflictError):
    default_code = "precondition_failed"


class NotAllowedError(DarkroomError):
    default_code = "unauthenticated"


class AccountUnavailableError(DarkroomError):
    default_code = "reauthorization_required"


class ConnectError(DarkroomError):
    default_code = "connect_session_invalid"


class QuotaFullError(DarkroomError):
    """`next_free_slot` is the earliest moment, from the one that was asked for on, that still has room."""

    default_code = "publishing_limit_reached"

    def __init__(self, next_free_slot: datetime, *, retry_after: int | None = None) -> None:
        detail = "Every slot around that moment is taken. next_free_slot says where there is room."
        super().__init__(detail=detail, retry_after=retry_after)
        self.next_free_slot = next_free_slot


class TooManyRequestsError(DarkroomError):
    default_code = "too_many_requests"


class ProcessingTimeoutError(DarkroomError):
    default_code = "processing_timeout"


class ContainerExpiredError(DarkroomError):
    default_code = "container_expired"


class ContainerLostError(DarkroomError):
    default_code = "container_expired"


class PostCancelledError(DarkroomError):
    default_code = "post_cancelled"


class MalformedDeliveryError(DarkroomError):
    """Trying again does not help: its message ends in the dead-letter queue."""

    default_code = "malformed_json"


class PlatformOutageError(DarkroomError):
    default_code = "platform_outage"


class TokenUnreadableError(DarkroomError):
    default_code = "token_unreadable"


class StoreUnavailableError(DarkroomError):
    default_code = "store_unavailable"


class ConfigurationError(DarkroomError):
    default_code = "configuration_error"
