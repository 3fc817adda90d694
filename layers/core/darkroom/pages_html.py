"""
The few answers that a person's browser sees: while connecting a redirect with a result code, a plain page, or a choice;
and how far the deletion of their data has got.
"""

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from darkroom import problems
from darkroom.connecting import Started
from darkroom.connection import SESSION_LIFETIME, Choosing, Outcome, cookie_name
from darkroom.errors import ConfigurationError, DarkroomError
from darkroom.http_events import Answer
from darkroom.instagram.errors import InstagramError
from darkroom.observability import log

if TYPE_CHECKING:
    from darkroom.deletions import Deletion

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}</style>
<h1>{title}</h1>
{body}
"""
_CHOICE = """<p>{lead}</p>
<form method="post" action="/oauth/facebook/choose">
<input type="hidden" name="state" value="{state}">
{buttons}
</form>"""
_BUTTON = '<p><button name="page_id" value="{page_id}">@{username}</button> {page_name}</p>'
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def sent_on(started: Started) -> Answer:
    """To Instagram, with the cookie that ties the session to this browser. `Lax`, because the way back is a link."""
    cookie = _cookie(started.cookie_name, started.cookie, is_https=started.is_https)
    return Answer(302, "", {"location": started.location, "referrer-policy": "no-referrer"}, (cookie,))


def _cookie(name: str, value: str, *, is_https: bool) -> str:
    seconds = int(SESSION_LIFETIME.total_seconds())
    secure = "; Secure" if is_https else ""
    return f"{name}={value}; Path=/oauth; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def ended(outcome: Outcome) -> Answer:
    """
    Back to the caller's page with a result code and never a token; or a page of ours when there is none, or when there
    is something to choose.
    """
    if outcome.choosing is not None:
        return _choice(outcome.choosing)
    if outcome.error is not None:
        _log("connect failed", outcome.error)
    if outcome.return_url is None:
        return _page(outcome)
    if outcome.account is not None:
        result = {"result": "connected", "account_id": outcome.account.id}
    else:
        result = {"result": "failed", "code": _code(outcome)}
    return Answer(302, "", {"location": _with_query(outcome.return_url, result), "referrer-policy": "no-referrer"})


def deletion_status(deletion: "Deletion") -> Answer:
    """For whoever has the code, which Meta gives to the person: no name, nothing that tells who it is."""
    asked = f"Meta passed on your request on {_moment(deletion.requested_at)}."
    if deletion.done_at is None:
        text = f"{asked} Access to your account has ended, and what was stored about it is being deleted."
        return _html(200, "Your data is being deleted", text)
    text = f"{asked} Everything that was stored about your account was deleted by {_moment(deletion.done_at)}."
    return _html(200, "Your data has been deleted", text)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %B %Y at %H:%M} UTC"


def failed(error: DarkroomError | InstagramError) -> Answer:
    _log("page of a failure", error)
    return _refusal(error)


def _log(line: str, error: DarkroomError | InstagramError) -> None:
    """Of the detail only what the page does not say; that of others may hold the names of a person's Pages."""
    detail = error.detail if isinstance(error, ConfigurationError) else None
    log(line, error=type(error).__name__, code=problems.describe(error)["code"], detail=detail)


def _refusal(error: DarkroomError | InstagramError) -> Answer:
    body = problems.describe_to_strangers(error)
    return _html(body["status"], body["title"], body["detail"])


def _page(outcome: Outcome) -> Answer:
    if outcome.account is None:
        return _refusal(outcome.error or DarkroomError())
    return _html(200, "Connected", f"@{outcome.account.username} is connected. You can close this window.")


def _choice(choosing: Choosing) -> Answer:
    """The cookie once more, for its time runs anew with the choice."""
    buttons = (
        _BUTTON.format(page_id=escape(c.page_id), username=escape(c.username), page_name=escape(c.page_name))
        for c in choosing.candidates
    )
    lead = "Several accounts can be connected. Choose one of them within ten minutes."
    body = _CHOICE.format(lead=lead, state=escape(choosing.state), buttons="\n".join(buttons))
    cookie = _cookie(cookie_name(choosing.state), choosing.cookie, is_https=choosing.is_https)
    return Answer(200, _PAGE.format(title="Choose an account", body=body), _HEADERS, (cookie,))


def _code(outcome: Outcome) -> str:
    return str(problems.describe(outcome.error or DarkroomError())["code"])


def _html(status: int, title: str, text: str) -> Answer:
    return Answer(status, _PAGE.format(title=escape(title), body=f"<p>{escape(text)}</p>"), _HEADERS)


def _with_query(url: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return urlunsplit(parts._replace(query=query))
