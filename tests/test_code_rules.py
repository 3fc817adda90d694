"""
Security rules of our own that no linter has: secrets are compared in constant time, no data decides where we connect,
nothing is logged whole. Each rule is shown to fire on code that breaks it; an exception has its reason in a list here.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.template import load

ROOT = Path(__file__).parent.parent
CORE = ROOT / "layers/core/darkroom"
FILES = sorted([*CORE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])


def name_of(path: Path) -> str:
    return str(path.relative_to(CORE) if path.is_relative_to(CORE) else path.relative_to(ROOT))


def tree_of(code: str) -> ast.Module:
    return ast.parse(code)


def last_name(node: ast.expr) -> str:  # noqa: PLR0911 — a table
    """`token` of token, account.token, found["token"] and found.get("token"); `digest` of hmac.digest(…)."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Subscript(value=value):
            return last_name(value)
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case ast.Call(func=ast.Attribute(attr="encode" | "decode" | "strip" | "lower" | "hex", value=value)):
            return last_name(value)
        case ast.Call(func=function):
            return last_name(function)
        case ast.BinOp(left=left, right=right):
            return last_name(left) or last_name(right)
    return ""


# ── secrets are compared in constant time ──────────────────────────────────────────────────────────────────────────

# The last word of a name decides: `token` and `access_token` are secrets; `token_version` and `TOKEN_EXPIRING` are not.
SECRET = re.compile(
    r"(?:.*_)?(?:(?:hex)?digest|signature|hmac|secret|token|password|cookie|nonce|proof|fingerprint|hash|hashed|api_?key)"
    r"s?(?:_of)?",
    re.IGNORECASE,
)
COMPARED = {
    ("changing.py", "fingerprint(after.content) != fingerprint(before.content)"): "both are of the caller's own posts",
    ("submission.py", "fingerprint(stored.content) != seen"): "as above",
    ("idempotency.py", "known.body_hash != wanted.body_hash"): "both are of bodies that this caller sent",
}


def compared_secrets(code: str) -> Iterator[str]:
    for node in ast.walk(tree_of(code)):
        match node:
            case ast.Compare(left=left, ops=ops, comparators=rights):
                tests = any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in ops)
                if tests and any(SECRET.fullmatch(last_name(side)) for side in (left, *rights)):
                    yield ast.unparse(node)
            case ast.Match(subject=subject) if SECRET.fullmatch(last_name(subject)):
                yield f"match {ast.unparse(subject)}"
            case ast.Call(func=ast.Attribute(attr="startswith" | "endswith", value=value)):
                if SECRET.fullmatch(last_name(value)):
                    yield ast.unparse(node)


def test_secrets_and_digests_are_compared_in_constant_time():
    found = {(name_of(path), each) for path in FILES for each in compared_secrets(path.read_text())}
    assert found - COMPARED.keys() == set(), "use hmac.compare_digest"
    assert COMPARED.keys() - found == set(), "exceptions that nothing needs any more"


@pytest.mark.parametrize(
    "code",
    [
        "signature == expected",
        "expected != headers['signature']",
        "hmac.new(key, raw, 'sha256').hexdigest() == given",
        "hmac.digest(key, raw, 'sha256').hex() == given",
        "signature_of(raw, secret) == found[1]",
        "given in secrets",
        "query.get('verify_token') == ours",
        "account.token.encode() == other",
        "session.browser_hash == hashed(cookie)",
        "match token:\n case 'a': pass",
        "signature.startswith(given)",
        "'sha256=' + digest == header",
    ],
)
def test_finds_a_comparison_that_tells_time(code):
    assert list(compared_secrets(code))


@pytest.mark.parametrize(
    "code",
    [
        "hmac.compare_digest(signature, expected)",
        "account.token_version == 3",
        "token is None",
        "kind == TOKEN_EXPIRING",
        "'verify_token' in found",
        "token_expires_at < now",
        "len(signature) == 64",
    ],
)
def test_leaves_other_comparisons_alone(code):
    assert not list(compared_secrets(code))


# ── no data decides where we connect ───────────────────────────────────────────────────────────────────────────────

NETWORK = {"aiohttp", "ftplib", "http.client", "httpcore", "httpx", "requests", "smtplib", "socket", "telnetlib"}
NETWORK |= {"urllib.request", "urllib3", "websockets"}
# Who can open a connection at all. botocore goes where AWS is; its folder passes it no address (see below).
OPEN_CONNECTIONS = {
    "instagram/client.py": "to the bases of its constructor",
    "oidc.py": "to the issuer of the deployment's settings",
    "webhook_sender.py": "to where a tenant wants it, once the address is judged: tests/unit/test_webhook_sender.py",
}
# Each thing that takes an address, and the expression that it is given.
OPENED = {
    (
        "instagram/client.py",
        "httpx.Request",
        "self._bases[request.base] + request.path",
    ): "a base, then a slash (Request)",
    ("oidc.py", "urllib.request.urlopen", "url"): "the issuer of the settings, https",
    ("oidc.py", "jwt.PyJWKClient", "keys_url"): "what the issuer says, https",
    ("webhook_sender.py", "httpcore.URL", "url"): "refused there if it is not public",
    (
        "webhook_sender.py",
        "httpcore.HTTPConnection",
        "whole.origin",
    ): "of that URL, through the backend that judges addresses",
    ("webhook_sender.py", "connection.stream", "whole"): "as above",
    ("webhook_sender.py", "httpcore.URL", "parsed.host"): "that URL's host again, with its path as it was written",
    ("webhook_sender.py", "socket.getaddrinfo", "host"): "resolved in order to be judged",
    ("webhook_sender.py", "httpcore.SyncBackend().connect_tcp", "address"): "judged two lines above",
}
OPENS = re.compile(
    r".*\b(?:urlopen|urlretrieve|PyJWKClient|getaddrinfo|create_connection|connect_tcp|HTTPS?Connection|HTTPTransport"
    r"|(?:httpx|httpcore|requests|urllib3)\.\w*|urllib\.request\.\w+|connection\.(?:stream|request))"
)
HARMLESS = re.compile(r"httpx\.(?:Headers|ReadTimeout|HTTPTransport)|httpcore\.(?:SyncBackend|\w+Error|\w+Timeout)")
# Where an InstagramClient may point to: a setting, or the parameter of a builder that is called with one.
BASES = re.compile(r"settings\.\w+_url|graph_url")


def imported(code: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(code)):
        match node:
            case ast.Import(names=names):
                found |= {each.name for each in names}
            case ast.ImportFrom(module=str(module), names=names):
                found |= {module, *(f"{module}.{each.name}" for each in names)}
    return found


def opened(code: str) -> Iterator[tuple[str, str]]:
    """What takes an address, and the address: of `httpx.Request` the second argument, else the first that is none."""
    for node in ast.walk(tree_of(code)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if not OPENS.fullmatch(called) or HARMLESS.fullmatch(called):
            continue
        arguments = [each for each in node.args if not (isinstance(each, ast.Constant) and each.value == "POST")]
        at = 1 if called == "httpx.Request" else 0
        named = [each.value for each in node.keywords if each.arg in {"url", "host", "address"}]
        yield called, ast.unparse((named or arguments[at:] or [ast.Constant(None)])[0])


def bases(code: str) -> Iterator[str]:
    for node in ast.walk(tree_of(code)):
        if isinstance(node, ast.Call) and last_name(node.func) in {"InstagramClient", "facebook_login"}:
            given = [each.value for each in node.keywords if each.arg and each.arg.endswith("_url")]
            yield from (ast.unparse(each) for each in (*given, *node.args[:1]))


def test_few_modules_can_open_a_connection():
    able = {name_of(path) for path in FILES if imported(path.read_text()) & NETWORK}
    assert able == OPEN_CONNECTIONS.keys()


def test_every_address_that_is_opened_is_on_the_list():
    found = {(name_of(path), *each) for path in FILES for each in opened(path.read_text())}
    assert found == OPENED.keys()


def test_the_client_of_instagram_points_to_what_the_settings_say():
    found = {each for path in FILES for each in bases(path.read_text())}
    assert found, "nothing builds a client?"
    assert {each for each in found if not BASES.fullmatch(each)} == set()


def test_the_sdk_is_told_no_address():
    given = [
        name_of(path)
        for path in FILES
        for node in ast.walk(tree_of(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg in {"endpoint_url", "proxies"}
    ]
    assert given == []


@pytest.mark.parametrize(
    "code",
    [
        "urllib.request.urlopen(event['url'])",
        "urlopen(event['url'])",
        "httpx.get(media.url)",
        "httpx.Client(base_url=event['host'])",
        "httpx.Request('GET', event['url'])",
        "requests.post(event['url'])",
        "socket.create_connection((host, 443))",
        "http.client.HTTPSConnection(host)",
    ],
)
def test_finds_whoever_opens_an_address(code):
    assert set(opened(code)) - {(called, url) for _, called, url in OPENED}


@pytest.mark.parametrize(
    "code", ["import httpx", "from urllib import request", "from http.client import HTTPSConnection"]
)
def test_finds_whoever_could(code):
    assert imported(code) & NETWORK


def test_finds_a_client_that_data_points_somewhere():
    (given,) = bases("InstagramClient(graph_url=event['graph'])")
    assert not BASES.fullmatch(given)


# ── nothing is logged whole ────────────────────────────────────────────────────────────────────────────────────────

# What holds captions, tokens, signatures and texts: parts of it may be said by name, the whole may not.
WHOLE = {"body", "callback", "context", "credentials", "delivery", "error", "event", "exc", "exception", "form"}
WHOLE |= {"headers", "incoming", "item", "message", "parameters", "payload", "query", "raw", "record", "records"}
WHOLE |= {"request", "response", "settings", "value"}
LOGS = {"log", "about", "debug", "info", "warning", "error", "exception", "critical", "append_keys", "structure_logs"}
LOGGED = {
    ("http.py", "error"): "_facts says which parts of an error may be said",
    ("observability.py", "call.error"): "the name of its class",
    ("observability.py", "message"): "the words of a line; who gives them is checked here",
    ("observability.py", "value"): "clipped there; who gives it is checked here",
    ("steps.py", "error"): "what a malformed task says names fields and no value",
    ("steps.py", "item"): "the number of an item of a carousel",
}
# These say something about a thing, not the thing.
SAYS_LESS = {"len", "type", "name_of", "bool", "function_of", "_age"}


def logged_whole(code: str) -> Iterator[str]:
    for node in ast.walk(tree_of(code)):
        if not isinstance(node, ast.Call):
            continue
        called = last_name(node.func)
        of_logger = isinstance(node.func, ast.Attribute) and "log" in ast.unparse(node.func.value).lower()
        if called in {"print", "pprint", "log_event"} or any(each.arg == "log_event" for each in node.keywords):
            yield called
        elif called in {"log", "about"} or (called in LOGS and of_logger):
            given = [*node.args, *(each.value for each in node.keywords)]
            yield from (each for one in given for each in wholes(one))


def wholes(node: ast.expr) -> Iterator[str]:
    """Names of such things that stand for themselves, however wrapped: repr(event), f"{event}", {**event}."""
    match node:
        case ast.Name(id=name) if name in WHOLE:
            yield name
        case ast.Attribute(attr=name) if name in WHOLE:
            yield ast.unparse(node)
        case ast.Subscript(slice=ast.Constant(value=str(name))) if name in WHOLE:
            yield name
        case ast.Attribute() | ast.Subscript() | ast.Name() | ast.Constant():
            return  # a part of it
        case ast.Call(func=ast.Name(id=name)) if name in SAYS_LESS:
            return
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            yield from [name] if name in WHOLE else []
        case _:
            for each in ast.iter_child_nodes(node):
                if isinstance(each, ast.expr):
                    yield from wholes(each)


def test_no_event_body_or_error_is_logged_whole():
    found = {(name_of(path), each) for path in FILES for each in logged_whole(path.read_text())}
    assert found - LOGGED.keys() == set()
    assert LOGGED.keys() - found == set(), "exceptions that nothing needs any more"


def test_log_lines_are_written_in_one_place():
    makers = re.compile(r"(?:logging|aws_lambda_powertools)(?:\..*)?")
    able = {name_of(path) for path in FILES if any(makers.fullmatch(each) for each in imported(path.read_text()))}
    assert able == {"observability.py", "aws/clients.py"}  # the latter quietens botocore


def test_powertools_is_not_told_to_log_events():
    """Its decorator would, if a variable of the environment said so."""
    assert [name_of(path) for path in FILES if "inject_lambda_context" in path.read_text()] == []
    assert "POWERTOOLS_LOGGER_LOG_EVENT" not in str(load(ROOT / "template.yaml"))
    assert "POWERTOOLS_DEV" not in str(load(ROOT / "template.yaml"))


@pytest.mark.parametrize(
    "code",
    [
        "logger().info(event)",
        "logger.info('x', extra=event)",
        "logger.info('x', extra={'event': event})",
        "log('x', event=repr(event))",
        "log('x', event=json.dumps(event))",
        "log(f'got {event}')",
        "log('x', **event)",
        "log('x', body=request.body)",
        "log('x', body=event['body'])",
        "log('x', body=event.get('body'))",
        "about(raw=str(raw))",
        "logging.getLogger().warning('%s', headers)",
        "logger.exception('x', exc)",
        "print(1)",
        "@logger.inject_lambda_context(log_event=True)\ndef handler(event, context): ...",
    ],
)
def test_finds_a_line_that_says_everything(code):
    assert list(logged_whole(code))


@pytest.mark.parametrize(
    "code",
    ["log('x', route=event.get('routeKey'))", "log('x', size=len(raw))", "log('x', error=type(error).__name__)"],
)
def test_leaves_parts_alone(code):
    assert not list(logged_whole(code))


# ── what has no target yet ─────────────────────────────────────────────────────────────────────────────────────────


def test_workflows_of_github_are_audited_as_soon_as_there_are_any():
    """zizmor has nothing to read today. With the first workflow, add it to the lint group and to `make check`."""
    workflows = list((ROOT / ".github/workflows").glob("*.y*ml"))
    assert not workflows or re.search(r"^\t@?.*zizmor", (ROOT / "Makefile").read_text(), re.MULTILINE)
