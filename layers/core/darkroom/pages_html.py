"""
The few answers that a person's browser sees: while connecting a redirect with a result code, or one plain page; and
how far the deletion of their data has got.
"""

from datetime import UTC, datetime
from html import escape
from urllib.parse import urlencode, urlsplit, urlunsplit

from darkroom import problems
from darkroom.connecting import SESSION_LIFETIME, Outcome, Started
from darkroom.deletions import Deletion
from darkroom.errors import DarkroomError
from darkroom.http_events import Answer
from darkroom.instagram.errors import InstagramError
from darkroom.observability import log

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}</style>
<h1>{title}</h1>
<p>{text}</p>
"""
_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def sent_on(started: Started) -> Answer:
    """To Instagram, with the cookie that ties the session to this browser. `Lax`, because the way back is a link."""
    seconds = int(SESSION_LIFETIME.total_seconds())
    cookie = f"{started.cookie_name}={started.cookie}; Path=/oauth; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    if started.is_https:
        cookie += "; Secure"
    return Answer(302, "", {"location": started.location, "referrer-policy": "no-referrer"}, (cookie,))


def ended(outcome: Outcome) -> Answer:
    """Back to the caller's page with a result code and never a token; or a page of ours when there is none."""
    if outcome.error is not None:
        log("connect failed", error=type(outcome.error).__name__, code=problems.describe(outcome.error)["code"])
    if outcome.return_url is None:
        return _page(outcome)
    if outcome.account is not None:
        result = {"result": "connected", "account_id": outcome.account.id}
    else:
        result = {"result": "failed", "code": _code(outcome)}
    return Answer(302, "", {"location": _with_query(outcome.return_url, result), "referrer-policy": "no-referrer"})


def deletion_status(deletion: Deletion) -> Answer:
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
    body = problems.describe(error)
    return _html(body["status"], body["title"], body["detail"])


def _page(outcome: Outcome) -> Answer:
    if outcome.account is None:
        return failed(outcome.error or DarkroomError())
    return _html(200, "Connected", f"@{outcome.account.username} is connected. You can close this window.")


def _code(outcome: Outcome) -> str:
    return str(problems.describe(outcome.error or DarkroomError())["code"])


def _html(status: int, title: str, text: str) -> Answer:
    return Answer(status, _PAGE.format(title=escape(title), text=escape(text)), _HEADERS)


def _with_query(url: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return urlunsplit(parts._replace(query=query))
