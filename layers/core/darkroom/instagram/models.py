"""
What Instagram tells, as values. Every `parse` accepts the shapes that are documented and the ones that are seen.

A field that must be there and is not raises `InstagramUnavailableError`: an answer we do not understand is worth no
more than none, and asking again is harmless. (Where it is not, the client makes it `OutcomeUnknownError`.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, NoReturn, Protocol, Self, cast, get_args

from darkroom.instagram import values
from darkroom.instagram.codes import classify
from darkroom.instagram.errors import InstagramError, InstagramUnavailableError, MediaRejectedError
from darkroom.instagram.protocol import Payload

Login = Literal["instagram", "facebook"]
StatusCode = Literal["IN_PROGRESS", "FINISHED", "ERROR", "EXPIRED", "PUBLISHED"]

_YEAR = 365 * 86_400
_DAY = 86_400


class Identity(Protocol):
    """An account, as much of it as a call has to know."""

    @property
    def ig_user_id(self) -> str: ...
    @property
    def login(self) -> Login: ...
    @property
    def page_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Access:
    """
    Whose account, and the right to act for it. `ig_user_id` is the professional account's id (`Profile.user_id`).

    `login` is the one that the token comes from, which decides the host. With Facebook Login the token is that of the
    Page the account is linked to, `page_id`.
    """

    ig_user_id: str
    token: str = field(repr=False)
    login: Login = "instagram"
    page_id: str | None = None

    @classmethod
    def of(cls, account: Identity, token: str) -> Self:
        return cls(account.ig_user_id, token, account.login, account.page_id)


@dataclass(frozen=True, slots=True)
class ShortLivedToken:
    """
    Lives one hour. `user_id` is the app-scoped id, the one in Meta's deauthorise callbacks; not the account's id.

    `permissions` are the scopes really granted; a person may untick some. Empty when Instagram does not tell.
    """

    token: str = field(repr=False)
    user_id: str
    permissions: frozenset[str]

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        entry = _unwrapped(payload)
        return cls(
            token=_need(values.secret(entry.get("access_token")), "access_token"),
            user_id=_need(values.identifier(entry.get("user_id")), "user_id"),
            permissions=_permissions(entry.get("permissions")),
        )


@dataclass(frozen=True, slots=True)
class LongLivedToken:
    """`expires_in` is in seconds from now, about 60 days; anything but a positive number up to a year is refused."""

    token: str = field(repr=False)
    expires_in: int

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        seconds = payload.get("expires_in")
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= _YEAR:
            _malformed("expires_in")
        return cls(_need(values.secret(payload.get("access_token")), "access_token"), seconds)


@dataclass(frozen=True, slots=True)
class Profile:
    """
    Two ids: `user_id` is the professional account (webhooks carry it), `id` is app-scoped (deauthorise carries it).

    `account_type` as Instagram spells it: `Business`, `BUSINESS`, `Media_Creator`, or what it invents next.
    """

    id: str
    user_id: str
    username: str
    name: str | None = None
    account_type: str | None = None
    profile_picture_url: str | None = field(default=None, repr=False)
    followers_count: int | None = None
    follows_count: int | None = None
    media_count: int | None = None

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        entry = _unwrapped(payload)
        user_id = _need(values.identifier(entry.get("user_id")), "user_id")
        return cls(
            id=values.identifier(entry.get("id")) or user_id,
            user_id=user_id,
            username=_need(values.text(entry.get("username")), "username"),
            name=values.text(entry.get("name")),
            account_type=values.text(entry.get("account_type")),
            profile_picture_url=values.text(entry.get("profile_picture_url")),
            followers_count=values.integer(entry.get("followers_count")),
            follows_count=values.integer(entry.get("follows_count")),
            media_count=values.integer(entry.get("media_count")),
        )


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """`subcode` says why a container failed, when Instagram tells. `text` is Meta's sentence without links."""

    status_code: StatusCode
    subcode: int | None = None
    text: str | None = None

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        """A status not in the documentation raises: guessing could publish twice, asking again costs one call."""
        entry = _unwrapped(payload)
        status_code = entry.get("status_code")
        if status_code not in get_args(StatusCode):
            _malformed("status_code")
        status = entry.get("status")
        subcode = values.media_subcode(status) if status_code == "ERROR" else None
        return cls(cast("StatusCode", status_code), subcode, values.plain(status))

    def failure(self) -> InstagramError | None:
        """Why this container will never be published, in the same classes as an answered error; None unless ERROR."""
        if self.status_code != "ERROR":
            return None
        error = classify(None, self.subcode) or MediaRejectedError
        return error(subcode=self.subcode, user_message=self.text)


@dataclass(frozen=True, slots=True)
class Media:
    """Something live. Instagram omits what is unset, so everything but the id may be missing."""

    id: str
    caption: str | None = field(default=None, repr=False)
    media_type: str | None = None
    media_product_type: str | None = None
    permalink: str | None = None
    shortcode: str | None = None
    timestamp: datetime | None = None
    children_count: int | None = None

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        return cls(
            id=_need(values.identifier(payload.get("id")), "id"),
            caption=values.text(payload.get("caption")),
            media_type=values.text(payload.get("media_type")),
            media_product_type=values.text(payload.get("media_product_type")),
            permalink=values.text(payload.get("permalink")),
            shortcode=values.text(payload.get("shortcode")),
            timestamp=_moment(payload.get("timestamp")),
            children_count=_count(payload.get("children")),
        )

    @classmethod
    def parse_list(cls, payload: Payload) -> tuple[Self, ...]:
        """Newest first, as Instagram sorts. One page: `paging.next` holds the token and may point anywhere."""
        return tuple(cls.parse(entry) for entry in entries(payload))


@dataclass(frozen=True, slots=True)
class Comment:
    """`username` is the author's; Instagram leaves out what it may not tell."""

    id: str
    text: str | None = field(default=None, repr=False)
    timestamp: datetime | None = None
    username: str | None = None

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        return cls(
            id=_need(values.identifier(payload.get("id")), "id"),
            text=values.text(payload.get("text")),
            timestamp=_moment(payload.get("timestamp")),
            username=values.text(payload.get("username")),
        )

    @classmethod
    def parse_list(cls, payload: Payload) -> tuple[Self, ...]:
        """Newest first, one page, as `Media.parse_list`."""
        return tuple(cls.parse(entry) for entry in entries(payload))


@dataclass(frozen=True, slots=True)
class PublishingLimit:
    """Posts published in the moving window of `quota_duration` seconds, and how many there may be."""

    quota_usage: int
    quota_total: int
    quota_duration: int

    @classmethod
    def parse(cls, payload: Payload) -> Self:
        entry = _unwrapped(payload)
        config = entry.get("config")
        if not isinstance(config, dict):
            _malformed("config")
        return cls(
            quota_usage=_need(values.integer(entry.get("quota_usage")), "quota_usage"),
            quota_total=_need(values.integer(config.get("quota_total")), "quota_total"),
            quota_duration=values.integer(config.get("quota_duration")) or _DAY,
        )


def created_id(payload: Payload) -> str:
    """The id of a new container, of published media or of a new comment."""
    return _need(values.identifier(payload.get("id")), "id")


def acknowledged(payload: Payload) -> None:
    """`{"success": true}`, and nothing less."""
    if payload.get("success") is not True:
        _malformed("success")


def _unwrapped(payload: Payload) -> Payload:
    """The object itself: Meta documents it inside `data: [ ]`, and sends it flat."""
    return next(entries(payload), {}) if "data" in payload else payload


def entries(payload: Payload) -> Iterator[Payload]:
    """The objects of `data`."""
    data = payload.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        _malformed("data")
    return iter(data)


def _permissions(value: object) -> frozenset[str]:
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def _moment(value: object) -> datetime | None:
    """Meta writes `2021-08-13T08:25:28+0000`; without an offset the moment is unknown and None."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _count(children: object) -> int | None:
    entries = children.get("data") if isinstance(children, dict) else None
    return len(entries) if isinstance(entries, list) else None


def _need[T](value: T | None, name: str) -> T:
    return _malformed(name) if value is None else value


def _malformed(name: str) -> NoReturn:
    raise InstagramUnavailableError(f"Instagram's answer has no usable {name}.")
