"""The few pages a person sees: the authorise dialogue, its errors, a published post, and what the simulator holds."""

from collections.abc import Iterable, Sequence
from html import escape

from simulator.people import Facebook
from simulator.wire import Json
from simulator.world import Account

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 28rem; margin: 3rem auto; padding: 0 1rem; }
body.wide { max-width: 60rem; }
fieldset { border: 1px solid #8884; border-radius: 8px; margin: 1rem 0; padding: .75rem 1rem; }
label { display: block; padding: .3rem 0; cursor: pointer; }
small, .note { color: #777; }
button { font: inherit; padding: .5rem 1.25rem; border-radius: 8px; border: 1px solid #8886; cursor: pointer; }
button[value=allow] { background: #0064d1; border-color: #0064d1; color: #fff; }
img, video { max-width: 100%; border-radius: 8px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .6rem .35rem 0; }
code { font-size: .9em; }
"""
SCOPE_MEANINGS = {
    "instagram_business_basic": "View profile and access media",
    "instagram_business_content_publish": "Publish posts, reels and stories",
    "instagram_business_manage_comments": "View and manage comments",
    "instagram_business_manage_messages": "View and manage messages",
    "instagram_business_manage_insights": "View insights",
}


def dialogue(accounts: Iterable[Account], scopes: Sequence[str], required: str, query: str) -> str:
    """A form that posts back to its own URL: `user`, repeated `scopes`, `decision`."""
    people = "".join(_account_choice(account, is_first=n == 0) for n, account in enumerate(accounts))
    permissions = "".join(_scope_choice(scope, is_required=scope == required) for scope in scopes)
    return _page(
        "Log in to the pretend Instagram",
        f"""<form method="post" action="?{escape(query)}">
<fieldset><legend>Continue as</legend>{people}</fieldset>
<fieldset><legend>The app asks for</legend>{permissions}</fieldset>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Cancel</button>
</form>
<p class="note">A simulator: nobody is really logged in and nothing is really posted.</p>""",
    )


def facebook_dialogue(facebook: Facebook, scopes: Sequence[str], query: str) -> str:
    """As `dialogue`; `user` is a person, with the Pages that they have."""
    people = "".join(
        _person_choice(person, [page.name for page in facebook.pages_of(person)], is_first=n == 0)
        for n, person in enumerate(facebook.people())
    )
    permissions = "".join(_scope_choice(scope, is_required=False) for scope in scopes)
    return _page(
        "Log in with the pretend Facebook",
        f"""<form method="post" action="?{escape(query)}">
<fieldset><legend>Continue as</legend>{people}</fieldset>
<fieldset><legend>The app asks for</legend>{permissions}</fieldset>
<button name="decision" value="allow">Continue</button>
<button name="decision" value="deny">Cancel</button>
</form>
<p class="note">A simulator: nobody is really logged in and nothing is really posted.</p>""",
    )


def dialogue_error(sentence: str) -> str:
    return _page("Invalid request", f"<p>Request parameters are invalid: {escape(sentence)}</p>")


def post(entry: Json) -> str:
    """What a permalink leads to, when permalinks are local."""
    items = entry["children"] or [entry]
    pictures = "".join(_picture(item) for item in items)
    comments = "".join(f"<li>{escape(comment['text'])}</li>" for comment in entry["comments"])
    return _page(
        f"@{escape(entry['account']['username'])}",
        f"<p><small>{escape(entry['kind'])} · {escape(entry['timestamp'])}</small></p>{pictures}"
        f"<p>{escape(entry['caption'] or '')}</p><ul>{comments}</ul>",
    )


def overview(entries: Sequence[Json], accounts: Iterable[Account]) -> str:
    rows = "".join(
        f"<tr><td>{escape(e['timestamp'])}</td><td>{escape(e['account']['username'])}</td><td>{escape(e['kind'])}</td>"
        f"<td>{escape((e['caption'] or '')[:80])}</td>"
        f'<td><a href="/_sim/posts/{escape(e["shortcode"])}">view</a></td></tr>'
        for e in reversed(entries)
    )
    rows = rows or "<tr><td colspan=5>Nothing is published yet.</td></tr>"
    names = ", ".join(escape(f"{a.username} ({a.profile.account_type})") for a in accounts)
    controls = "".join(
        f'<a href="/_sim/{name}">{name}</a> ' for name in ("calls", "switches", "faults", "throttles", "samples")
    )
    return _page(
        "Pretend Instagram",
        f"<p>Accounts: {names}</p><p>{controls}</p><table>"
        f"<tr><th>When</th><th>Account</th><th>Kind</th><th>Caption</th><th></th></tr>{rows}</table>",
        body_class="wide",
    )


def _picture(item: Json) -> str:
    source, alt = f"/_sim/media/{escape(item['media_id'])}", escape(item["alt_text"] or "")
    if item["media_type"] == "VIDEO":
        return f'<p><video src="{source}" controls></video></p>'
    return f'<p><img src="{source}" alt="{alt}"></p>'


def _account_choice(account: Account, *, is_first: bool) -> str:
    name, profile = escape(account.username), account.profile
    return (
        f'<label><input type="radio" name="user" value="{name}"{" checked" if is_first else ""}> {name} '
        f"<small>{escape(profile.account_type)}</small></label>"
    )


def _person_choice(person: str, page_names: Sequence[str], *, is_first: bool) -> str:
    name, checked = escape(person), " checked" if is_first else ""
    pages = escape(", ".join(page_names))
    return f'<label><input type="radio" name="user" value="{name}"{checked}> {name} <small>{pages}</small></label>'


def _scope_choice(scope: str, *, is_required: bool) -> str:
    """A required permission cannot be unticked; a hidden field sends it, because disabled boxes send nothing."""
    name = escape(scope)
    box = f'<input type="checkbox" {"disabled" if is_required else f"name=scopes value={name}"} checked>'
    hidden = f'<input type="hidden" name="scopes" value="{name}">' if is_required else ""
    return f"<label>{box} {escape(SCOPE_MEANINGS.get(scope, scope))} <small>{name}</small>{hidden}</label>"


def _page(title: str, body: str, body_class: str = "") -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{title}</title><style>{STYLE}</style></head>'
        f'<body class="{body_class}"><h1>{title}</h1>{body}</body></html>'
    )
