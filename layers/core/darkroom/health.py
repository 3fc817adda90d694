"""
Each link of the chain between an account and a post that is live, as far as it is known without asking Instagram: what
it says, and if it does not hold, what to do and on which of Meta's screens (docs/meta-setup.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from darkroom.accounts import EXPIRES_SOON, Account, AccountState, Health, health
from darkroom.quota import Allowance
from darkroom.values import Value

Status = Literal["ok", "warning", "problem"]
Link = Literal["app", "redirect_uri", "permissions", "webhooks", "token", "quota", "last_problem", "account"]
_CONNECT = "POST /v1/connect-sessions, and send the owner's browser to its authorize_url."
_SCREENS = {
    "instagram": ("Instagram > API setup with Instagram login", "Business login settings"),
    "facebook": ("App settings > Basic", "Facebook Login for Business > Settings"),
}
_REVIEW = "App Review > Permissions and Features"
_WEBHOOKS = "Instagram > API setup with Instagram login > Configure webhooks"
_NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Check(Value):
    """`action` is what to do and `screen` where at Meta; both only where there is something to do."""

    link: Link
    status: Status
    detail: str
    action: str | None = None
    screen: str | None = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Setup(Value):
    """What the operator has set up for the account's login. `app_problem`: what is wrong with the app's secret."""

    base_url: str
    app_problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AccountHealth(Health):
    """What is known without asking Instagram; `checks` go through the chain link by link."""

    checks: tuple[Check, ...] = ()


def examine(account: Account, allowance: Allowance, setup: Setup, now: datetime) -> AccountHealth:
    known = health(account, now)
    fields = {name: getattr(known, name) for name in Health.__dataclass_fields__}
    return AccountHealth(**fields, checks=tuple(_checks(account, allowance, setup, now)))


def _checks(account: Account, allowance: Allowance, setup: Setup, now: datetime) -> Iterator[Check]:
    yield _app(account, setup)
    yield _redirect_uri(account, setup)
    yield _permissions(account)
    yield _webhooks(account)
    yield _token(account, now)
    yield _quota(allowance, now)
    yield _last_problem(account)
    yield _state(account)


def _app(account: Account, setup: Setup) -> Check:
    if setup.app_problem is None:
        return Check(link="app", status="ok", detail="App id and secret are set; `darkroom doctor --meta` tries them.")
    return Check(
        link="app",
        status="problem",
        detail=setup.app_problem,
        action="Put app id and app secret of that screen into the secret.",
        screen=_SCREENS[account.login][0],
    )


def _redirect_uri(account: Account, setup: Setup) -> Check:
    uri = f"{setup.base_url}/oauth/{account.login}/callback"
    if not setup.base_url.startswith("https://"):
        return Check(
            link="redirect_uri",
            status="warning",
            detail=f"{uri} is not https, which Meta takes from test apps only.",
            action="Deploy with PublicUrl set to an https URL.",
        )
    screen = _SCREENS[account.login][1]
    return Check(link="redirect_uri", status="ok", detail=f"To be registered to the letter: {uri}", screen=screen)


def _permissions(account: Account) -> Check:
    if missing := account.missing_scopes():
        return Check(
            link="permissions",
            status="problem",
            detail=f"Not granted: {', '.join(missing)}.",
            action=f"{_CONNECT} The owner leaves every permission on.",
            screen=_REVIEW,
        )
    return Check(link="permissions", status="ok", detail=f"Granted: {', '.join(account.scopes)}.")


def _webhooks(account: Account) -> Check:
    if not account.webhook_fields():
        return Check(link="webhooks", status="ok", detail="No permission is granted that has webhooks.")
    if account.is_webhook_subscribed:
        fields = ", ".join(account.webhook_fields())
        return Check(link="webhooks", status="ok", detail=f"Subscribed, {fields}; none come while the app is not live.")
    return Check(
        link="webhooks",
        status="problem",
        detail="The account is not subscribed, so events do not arrive.",
        action=_CONNECT,
        screen=_WEBHOOKS,
    )


def _token(account: Account, now: datetime) -> Check:
    left = account.token_expires_at - now
    detail = f"It expires at {account.token_expires_at.isoformat()}, in {max(left.days, 0)} days."
    if account.state is not AccountState.CONNECTED or left <= timedelta(0):
        return Check(link="token", status="problem", detail="It is dead or erased.", action=_CONNECT)
    if left <= EXPIRES_SOON:
        action = f"Wait for the refresh, or be sure: {_CONNECT}"
        return Check(link="token", status="warning", detail=detail, action=action)
    return Check(link="token", status="ok", detail=detail)


def _quota(allowance: Allowance, now: datetime) -> Check:
    if paused := allowance.pause_left(now):
        action = "Wait: posts go out by themselves."
        detail = f"Instagram asks for no calls for {paused.total_seconds():.0f} seconds."
        return Check(link="quota", status="warning", detail=detail, action=action)
    if allowance.quota_total is None or allowance.quota_usage is None:
        detail = "Instagram has not told yet; GET /v1/accounts/{id}/publishing-limit asks."
        return Check(link="quota", status="ok", detail=detail)
    told = f"{allowance.quota_usage} of {allowance.quota_total} posts in a moving day"
    measured = f", as of {allowance.measured_at.isoformat()}" if allowance.measured_at else ""
    if allowance.quota_usage >= allowance.quota_total * _NEARLY_FULL:
        action = "Space the posts out: the window moves."
        return Check(link="quota", status="warning", detail=f"{told}{measured}.", action=action)
    return Check(link="quota", status="ok", detail=f"{told}{measured}.")


def _last_problem(account: Account) -> Check:
    if account.last_problem is None:
        return Check(link="last_problem", status="ok", detail="None.")
    detail = str(account.last_problem.get("detail") or account.last_problem.get("title"))
    return Check(link="last_problem", status="warning", detail=detail, action="See the account's state.")


def _state(account: Account) -> Check:
    if account.state is AccountState.CONNECTED:
        return Check(link="account", status="ok", detail="Connected.")
    if account.state is AccountState.ACTION_REQUIRED:
        action = f"The owner opens Instagram and follows what it asks; then {_CONNECT}"
        return Check(link="account", status="problem", detail="Instagram wants the owner to act.", action=action)
    return Check(link="account", status="problem", detail="It has to be connected again.", action=_CONNECT)
