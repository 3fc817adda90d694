"""
The chain between Meta and a Darkroom, link by link, against a stack that runs: app, web hooks, callbacks, redirect URI,
and each connected account. Nothing is changed anywhere: each question is one that is refused, or that only reads.
"""

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from devstack.darkroom_api import CALL_SECONDS, Api, local_environment

Status = Literal["ok", "warning", "problem"]
INSTAGRAM_SETUP = "Instagram > API setup with Instagram login"
BUSINESS_LOGIN = f"{INSTAGRAM_SETUP} > Set up Instagram business login > Business login settings"
WEBHOOKS = f"{INSTAGRAM_SETUP} > Configure webhooks"
FACEBOOK_LOGIN = "Facebook Login for Business > Settings"
BASIC = "App settings > Basic"
# What Meta says to a wrong code once it knows the app, of an app that it does not know, and of a wrong secret. All
# else (a throttle's "Application request limit reached", an outage) proves nothing.
_USED_UP = ("matching code", "verification code", "authorization code")
_UNKNOWN_APP = ("platform app", "validating application", "client_id", "app id", "app_id")
_WRONG_SECRET = ("client secret", "client_secret", "app secret")
_CALLBACKS = {
    "instagram": ("redirect URI", "/oauth/instagram/callback", BUSINESS_LOGIN),
    "facebook": ("redirect URI of Facebook Login", "/oauth/facebook/callback", FACEBOOK_LOGIN),
}


_PAIR = ("app_id", "app_secret")
_QUOTES = " \"'\n"


@dataclass(frozen=True)
class Finding:
    """`action` is what to do, `screen` where at Meta. `account` names the account it is about."""

    link: str
    status: Status
    detail: str
    action: str | None = None
    screen: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class Operator:
    """What only whoever may read the stack knows: its parameters, and the apps' secrets as they are stored."""

    parameters: dict[str, str]
    instagram: dict[str, Any] = field(repr=False)
    meta: dict[str, Any] = field(repr=False)

    def logins(self) -> tuple[str, ...]:
        """Those that are set up, if only in part. A secret may well be there for its verify_token alone."""
        apps = {"instagram": self.instagram, "facebook": self.meta}
        return tuple(login for login, secret in apps.items() if any(_text(secret, part) for part in _PAIR))

    def verify_token(self) -> str:
        """The one that the receiver takes: Instagram's secret before Meta's, as aws/secrets.py reads them."""
        found = (_text(secret, "verify_token") for secret in (self.instagram, self.meta))
        return next((token for token in found if token and token == token.strip(_QUOTES)), "")


def walk(api: Api, stack: str, account_id: str | None) -> Iterator[Finding]:
    operator = None
    try:
        operator = read_operator(stack)
    except (ClientError, BotoCoreError) as error:
        detail = f"Not tried, because AWS refused: {error}."
        yield Finding("app", "warning", detail, "Run this with credentials that may read the stack and its secrets.")
    with httpx.Client(timeout=CALL_SECONDS) as http:
        if operator is not None:
            yield from _apps(operator, http)
            yield from _handshake(api, operator, http)
        yield from _callbacks(api, http)
        for login in operator.logins() if operator and operator.logins() else _CALLBACKS:
            yield _redirect_uri(api, http, *_CALLBACKS[login])
        yield from _accounts(api, http, account_id)


def read_operator(stack: str) -> Operator:
    """Raises ClientError, BotoCoreError."""
    session, endpoint = _aws()
    found = session.client("cloudformation", endpoint_url=endpoint).describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}
    manager = session.client("secretsmanager", endpoint_url=endpoint)
    values = [_secret(manager, outputs.get(name)) for name in ("InstagramAppSecretArn", "MetaAppSecretArn")]
    return Operator(parameters, *values)


def _aws() -> tuple[boto3.Session, str | None]:
    """The environment's, else that of the `darkroom up` that is running here."""
    local = {} if os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("DARKROOM_URL") else local_environment()
    if "AWS_ENDPOINT_URL" not in local:
        return boto3.Session(), None
    session = boto3.Session(local["AWS_ACCESS_KEY_ID"], local["AWS_SECRET_ACCESS_KEY"], region_name=local["AWS_REGION"])
    return session, local["AWS_ENDPOINT_URL"]


def _secret(manager: Any, arn: str | None) -> dict[str, Any]:
    if arn is None:
        return {}
    try:
        value = json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])
    except manager.exceptions.ResourceNotFoundException:
        return {}  # created empty, and nothing was put there yet
    except (KeyError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


# App id and secret


def _apps(operator: Operator, http: httpx.Client) -> Iterator[Finding]:
    logins = operator.logins()
    if not logins:
        detail = "Neither login is set up: InstagramAppSecret and MetaAppSecret have no app_id."
        action = "Copy app id and app secret into the one whose login you want; for Instagram Login from that screen."
        yield Finding("app", "problem", detail, action, INSTAGRAM_SETUP)
    elif "instagram" not in logins:
        yield Finding("app", "ok", "Not set up; only Instagram Login needs it.")
    else:
        yield _complete(operator.instagram, "InstagramAppSecret", INSTAGRAM_SETUP) or _instagram_pair(operator, http)
    if "facebook" not in logins:
        yield Finding("meta app", "ok", "Not set up; only Facebook Login needs it.")
    else:
        yield _complete(operator.meta, "MetaAppSecret", BASIC) or _meta_pair(operator, http)


def _complete(secret: dict[str, Any], name: str, screen: str) -> Finding | None:
    link = "app" if name.startswith("Instagram") else "meta app"
    for part in _PAIR:
        value = _text(secret, part)
        if not value:
            return Finding(link, "problem", f"{name} has no {part}.", f"Copy it from that screen into {name}.", screen)
        if value != value.strip(_QUOTES):
            return Finding(link, "problem", f"{part} in {name} has quotes or spaces around it.", "Store it without.")
    return None


def _text(secret: dict[str, Any], part: str) -> str:
    """Empty where there is none."""
    value = secret.get(part)
    return value if isinstance(value, str) and value.strip() else ""


def _instagram_pair(operator: Operator, http: httpx.Client) -> Finding:
    """Asks for a token with a code that nobody has: Instagram judges id and secret before it looks at the code."""
    form = {
        "client_id": operator.instagram["app_id"],
        "client_secret": operator.instagram["app_secret"],
        "grant_type": "authorization_code",
        "redirect_uri": "https://darkroom.example/doctor",
        "code": "doctor",
    }
    base = operator.parameters.get("InstagramApiUrl", "https://api.instagram.com")
    said = _said(http, "POST", f"{base}/oauth/access_token", data=form)
    if said is None:
        return Finding("app", "warning", f"{base} cannot be reached.", "Try again later.")
    if _says(said, _USED_UP):
        return Finding("app", "ok", "Instagram knows app id and secret.")
    if _says(said, _UNKNOWN_APP):
        detail = "Instagram does not know this app id; it may be the Meta app's instead of the Instagram app's."
        return Finding("app", "problem", detail, "Copy the Instagram app id into InstagramAppSecret.", INSTAGRAM_SETUP)
    if _says(said, _WRONG_SECRET):
        action = "Copy the Instagram app secret into InstagramAppSecret."
        return Finding("app", "problem", "Instagram refuses the app secret.", action, INSTAGRAM_SETUP)
    detail = "Instagram's answer is not one that is known here."
    return Finding("app", "warning", detail, "Try again later; then look at that screen.", INSTAGRAM_SETUP)


def _meta_pair(operator: Operator, http: httpx.Client) -> Finding:
    """As above; on graph.facebook.com, whose wording differs."""
    params = {
        "client_id": operator.meta["app_id"],
        "client_secret": operator.meta["app_secret"],
        "redirect_uri": "https://darkroom.example/doctor",
        "code": "doctor",
    }
    base = operator.parameters.get("FacebookGraphUrl", "https://graph.facebook.com")
    said = _said(http, "GET", f"{base}/oauth/access_token", params=params)
    if said is None:
        return Finding("meta app", "warning", f"{base} cannot be reached.", "Try again later.")
    if _says(said, _USED_UP):
        return Finding("meta app", "ok", "Facebook knows app id and secret.")
    if _says(said, (*_UNKNOWN_APP, *_WRONG_SECRET)):
        action = "Copy app id and app secret into MetaAppSecret."
        return Finding("meta app", "problem", "Facebook refuses app id or app secret.", action, BASIC)
    detail = "Facebook's answer is not one that is known here."
    return Finding("meta app", "warning", detail, "Try again later; then look at that screen.", BASIC)


def _says(said: str, words: tuple[str, ...]) -> bool:
    return any(each in said.lower() for each in words)


def _said(http: httpx.Client, method: str, url: str, **sent: Any) -> str | None:
    """The message of an error, in either of Meta's envelopes; None when there was no answer."""
    try:
        body = http.request(method, url, **sent).json()
    except (httpx.HTTPError, ValueError):
        return None
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    return str(body.get("error_message") or (error.get("message") if isinstance(error, dict) else "") or "")


# Our own doors, as Meta sees them


def _handshake(api: Api, operator: Operator, http: httpx.Client) -> Iterator[Finding]:
    token = operator.verify_token()
    if not token:
        name = "MetaAppSecret" if operator.logins() == ("facebook",) else "InstagramAppSecret"
        action = f'Put a long random "verify_token" into {name}, and the same into that screen.'
        yield Finding("webhooks", "problem", "Neither secret has a usable verify_token.", action, WEBHOOKS)
        return
    url, challenge = f"{api.url}/webhooks/meta", secrets.token_hex(8)
    answers = [_knock(http, url, each, challenge) for each in (token, f"{token}x", token[:-1])]
    if any(answer is None for answer in answers):
        yield Finding("webhooks", "problem", f"{url} cannot be reached.", "Look at PublicUrl and at its certificate.")
    elif answers[0] != (200, challenge):
        detail = f"{url} does not answer the challenge."
        yield Finding("webhooks", "problem", detail, "Wait 15 minutes after changing the secret; then see its log.")
    elif any(answer is None or answer[0] != 403 or challenge in answer[1] for answer in answers[1:]):
        yield Finding(
            "webhooks", "problem", f"{url} takes a wrong token.", "Report this: it is a defect of Darkroom's."
        )
    else:
        detail = f"{url} answers the challenge and refuses a wrong token."
        yield Finding("webhooks", "ok", detail, screen=WEBHOOKS)


def _knock(http: httpx.Client, url: str, token: str, challenge: str) -> tuple[int, str] | None:
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": challenge}
    try:
        answer = http.get(url, params=query)
    except httpx.HTTPError:
        return None
    return answer.status_code, answer.text


def _callbacks(api: Api, http: httpx.Client) -> Iterator[Finding]:
    for link, path in (("deauthorise", "/meta/deauthorize"), ("data deletion", "/meta/data-deletion")):
        url = api.url + path
        try:
            status = http.post(url, data={"signed_request": "doctor.doctor"}).status_code
        except httpx.HTTPError:
            yield Finding(link, "problem", f"{url} cannot be reached.", "Look at PublicUrl and at its certificate.")
            continue
        if status == 400:
            yield Finding(link, "ok", f"{url} is there and refuses what Meta has not signed.", screen=BUSINESS_LOGIN)
        else:
            action = "Look at the app's secret and at the function's log."
            yield Finding(link, "problem", f"{url} answered {status} to a forged request, not 400.", action)


def _redirect_uri(api: Api, http: httpx.Client, link: str, path: str, screen: str) -> Finding:
    uri = api.url + path
    try:
        status = http.get(uri).status_code
    except httpx.HTTPError:
        return Finding(link, "problem", f"{uri} cannot be reached.", "Look at PublicUrl.", screen)
    if status != 400:
        return Finding(link, "problem", f"{uri} answered {status}, so it is not Darkroom's.", "Look at PublicUrl.")
    if not uri.startswith("https:"):
        detail = f"{uri} is there; only test apps may register a URI without https."
        return Finding(link, "warning", detail, "Deploy with PublicUrl set to an https URL.", screen)
    return Finding(
        link, "ok", f"{uri} is there; no call can tell whether it is registered to the letter.", None, screen
    )


# Accounts


def _accounts(api: Api, http: httpx.Client, account_id: str | None) -> Iterator[Finding]:
    http.headers["authorization"] = f"Bearer {api.key}"
    try:
        accounts = list(_connected(api, http, account_id))
    except (httpx.HTTPError, KeyError, ValueError) as error:
        detail = f"Accounts cannot be listed: {_reason(error)}."
        yield Finding("accounts", "problem", detail, "Use a key with accounts:read.")
        return
    if not accounts:
        yield Finding("accounts", "warning", "None is connected.", "POST /v1/connect-sessions, and open its link.")
    for account in accounts:
        yield from _account(api, http, account)


def _connected(api: Api, http: httpx.Client, account_id: str | None) -> Iterator[dict[str, Any]]:
    if account_id is not None:
        yield http.get(f"{api.url}/v1/accounts/{account_id}").raise_for_status().json()
        return
    cursor: str | None = None
    while True:
        params = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = http.get(f"{api.url}/v1/accounts", params=params).raise_for_status().json()
        yield from page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


def _account(api: Api, http: httpx.Client, account: dict[str, Any]) -> Iterator[Finding]:
    base, name = f"{api.url}/v1/accounts/{account['id']}", f"@{account['username']} ({account['id']})"
    try:
        checks = http.get(f"{base}/health").raise_for_status().json()["checks"]
        answer = http.get(f"{base}/publishing-limit")
    except (httpx.HTTPError, KeyError, ValueError) as error:
        yield Finding("health", "problem", f"Cannot be read: {_reason(error)}.", account=name)
        return
    for check in checks:
        yield Finding(**{**check, "link": check["link"].replace("_", " ")}, account=name)
    yield _live(answer, name)


def _live(answer: httpx.Response, name: str) -> Finding:
    """Instagram's own word, through the account's token."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.status_code == 200:
        used, total = body.get("quota_usage"), body.get("quota_total")
        return Finding("live", "ok", f"Instagram accepts the token; {used} of {total} posts are used up.", account=name)
    detail = f"{body.get('title', answer.status_code)} {body.get('detail', '')}".strip()
    status: Status = "problem" if body.get("actor") in {"owner", "operator"} else "warning"
    return Finding("live", status, detail, "Connect the account again." if status == "problem" else None, account=name)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"the API answered {error.response.status_code}"
    return type(error).__name__
