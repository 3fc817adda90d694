"""What the fuzzers begin with: payloads of events/ and of tests/samples, and texts that are right, for mutation."""

import json
from datetime import datetime
from pathlib import Path

from darkroom.pages import cursor, moment_cursor, parts_cursor
from tests.builders import NOW, TENANT
from tests.events import event
from tests.forging import signed_requests, webhooks

SAMPLES = Path(__file__).parent.parent / "samples"
SECRETS = {"instagram": "5f1c6a0e0f7b4b0f8d1f", "meta": "0c8c9bd4d7b04c69a3f2"}
SLOT, SECRET = next(iter(SECRETS.items()))
STATE_ID = "con_01JDB8Q4W0ABCDEFGHJKMNPQRS"
STATE_SECRET = "bFVqk9wQ2nq0k8h2m0u3Wm8bq1cY5t7R4xZp6LdSaGo"
COOKIE = "P0hV3r8mC2yTq7sKx1bLw9dZf5gNj4aUeR6iOoMnBcE"
AN_ID = "post_01JDB8Q4W0ABCDEFGHJKMNPQRS"


def bodies() -> list[bytes]:
    """What Meta posts, in several forms, and answers of its that are none."""
    known = [str(record["body"]).encode() for record in event("webhook_processor")["Records"]]
    known.append(str(event("webhook_receiver")["body"]).encode())
    conversation = {
        "sender": {"id": "6841100000000000"},
        "recipient": {"id": "17841400000000001"},
        "timestamp": 1795426200123,
    }
    members = (
        {"message": {"mid": "m1", "text": "\u00e9t\u00e9"}},
        {"message": {"mid": "m1", "is_deleted": True}},
        {"message_edit": {"mid": "m1", "text": "x", "num_edit": "2"}},
        {"reaction": {"mid": "m1", "action": "react", "emoji": "\u2764"}},
        {"read": {"mid": "m1"}, "referral": {"ref": "r"}},
    )
    entries = [
        {"id": "17841400000000001", "time": 1795426200123, "messaging": [conversation | each]} for each in members
    ]
    insights = {"field": "story_insights", "value": {"media_id": "18", "reach": 17, "exits": 1.5e3}}
    entries.append({"id": 17841400000000002, "time": "1795426200", "standby": [conversation | members[0]]})
    entries.append({"id": "17841400000000001", "time": 1795426200, "changes": [insights], "field": "mentions"})
    known += [json.dumps({"object": "instagram", "entry": [each]}).encode() for each in entries]
    several = [{"object": "instagram", "entry": entries}, {"object": "page"}, {"object": "instagram", "entry": {}}]
    known.append(json.dumps(several).encode())
    return known + [path.read_bytes().partition(b"\r\n\r\n")[2] for path in sorted(SAMPLES.rglob("*.http"))]


def knocks() -> list[bytes]:
    """Header, a line feed, body."""
    right = [webhooks.valid(raw, SECRET).encode() + b"\n" + raw for raw in bodies()[:4]]
    return [*right, b"sha256=\n{}", b"sha1=0\n", right[0][:71].upper() + right[0][71:], right[0][:40]]


def requests() -> list[bytes]:
    """Signed requests, and payloads that the target signs."""
    told = b'{"algorithm":"HMAC-SHA256","user_id":"25400000000000001","issued_at":1764000000}'
    number = b'{"user_id":25400000000000001,"issued_at":1,"algorithm":"HMAC-SHA256","expires":0}'
    signed = signed_requests.valid(told, SECRET).encode()
    return [told, number, b"[]", b"null", signed, signed + b"\n", signed + b"=", b"x.y", b""]


def callbacks() -> list[bytes]:
    """State, cookie, code and error, each in a line."""
    state = f"{STATE_ID}.{STATE_SECRET}"
    lines = (
        (state, COOKIE, "AQB4f0c2d3e4#_", ""),
        (state, COOKIE, "", "access_denied"),
        (state, "another", "AQB4f0c2d3e4", ""),
        (state.lower(), COOKIE, "x", ""),
        (STATE_ID, COOKIE, "", ""),
        (f"{STATE_ID}.", "", "", ""),
    )
    return ["\n".join(each).encode() for each in lines]


def cursors() -> list[bytes]:
    moments = (NOW, datetime.min.replace(tzinfo=NOW.tzinfo), datetime.max.replace(tzinfo=NOW.tzinfo))
    texts = [cursor(TENANT, AN_ID), *(moment_cursor(TENANT, (moment, AN_ID)) for moment in moments)]
    texts += [
        parts_cursor(TENANT, *parts)
        for parts in (("0", f"POST#{AN_ID}"), ("1", "x" * 1100), ("\u0661", "x"), ("x",), ())
    ]
    return [text.encode() for text in texts]


def posts() -> list[bytes]:
    """Content type, query as in a URL, Idempotency-Key, and the body."""
    image = {"kind": "image", "caption": "Hello", "media": [{"url": "https://media.example.com/a.jpg"}]}
    reel = {"kind": "reel", "reel": {"share_to_feed": True}, "media": [{"url": "https://a.example.com/b.mp4"}]}
    times = {"mode": "scheduled", "publish_at": "2027-03-01T09:00:00", "time_zone": "Europe/Berlin"}
    told = [json.dumps(each).encode() for each in (image, reel | times, image | {"account_ids": ["a", "a"]}, [], 1)]
    heads = (
        b"application/json\nlimit=5&state=draft\n",
        b"application/json; charset=x\na=b\n",
        b'application/json\n\n"3"\n',
        b"text/plain\ncursor=e30\nkey-1\n",
    )
    return [head + body for head in heads for body in told]


def urls() -> list[bytes]:
    known = (
        "https://media.example.com/a.jpg?x=1#y",
        "https://EXAMPLE.com.:443/",
        "https://127.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:pw@example.com/",
        "https://xn--bcher-kva.example:443",
        "http://127.0.0.1:9000/a",
        "https://example.com:٤٤٣/",
        "2606:4700:4700::1111",
        "64:ff9b::a00:1",
        "169.254.169.254",
    )
    return [each.encode() for each in known]
