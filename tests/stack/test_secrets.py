"""
Runs after every other test of the folder: of all secrets that were met (canaries.py), none is where it does not belong.

Hashed or sealed is fine, in clear is not. The captions are here because they are our callers' words: they belong into
the posts table, and for a replay under an Idempotency-Key into a record that expires.
"""

import contextlib
import hashlib
import hmac
import json
import re
import time
import uuid

import httpx
import pytest

from darkroom.accounts import Account
from darkroom.aws.accounts import DynamoDBAccounts, DynamoDBTokens
from darkroom.aws.vault import Vault
from darkroom.errors import AccountUnavailableError, NotFoundError
from tests.stack import aws
from tests.stack.clouds import SECONDS, WEBHOOK_PORT
from tests.stack.people import result

NEVER_STORED = {
    "api key", "app secret", "verify token", "signing secret", "token", "link", "state", "cookie", "code", "jwt",
    "signed request", "webhook signature",
}  # fmt: skip
# What we did not get to see is found by its form: a token or a code as the simulator makes them, a signed request, a
# signature of Meta's and one of ours.
ANY_TOKEN_OR_CODE = re.compile(
    r"IGAA[A-Za-z0-9]{30}|AQB[A-Za-z0-9]{60}"
    r"|\b[A-Za-z0-9_-]{43}\.eyJ[A-Za-z0-9_-]{20}|sha256=[0-9a-f]{64}|\bv1,[A-Za-z0-9+/]{43}="
)
ENDPOINT = {"url": f"http://127.0.0.1:{WEBHOOK_PORT}/nobody-listens", "types": ["post.*"]}


@pytest.fixture(scope="module")
def traffic(cloud, new_tenant, connect, new_owner, instagram):
    """A little of everything, so that this module also proves something when it runs alone."""
    tenant, owner = new_tenant(), new_owner()
    connect(tenant, owner)
    tenant.canaries.meet("signing secret", tenant.api.post("/v1/webhook-endpoints", json=ENDPOINT).json()["secret"])
    _meta_calls(cloud, instagram)
    body, key = tenant.body(), {"idempotency-key": str(uuid.uuid4())}
    for _ in range(2):
        tenant.follow(tenant.accepted(tenant.api.post("/v1/posts", json=body, headers=key)))
    refused = tenant.api.post("/v1/posts", json=tenant.body("carousel", "photo.jpg"))
    denied = owner.browser.get(owner.decide(tenant.link(return_url="https://app.example/"), "deny"))
    assert (refused.status_code, result(denied)["result"]) == (422, "failed")
    instagram.revoke_tokens(owner.username)
    assert tenant.publish()["state"] == "failed"
    aws.settle(cloud)
    for post in tenant.api.get("/v1/posts").json()["data"]:
        assert tenant.api.get(f"/v1/posts/{post['id']}/timeline").json()["data"]
    return tenant


def _meta_calls(cloud, instagram):
    """Each of Meta's ways in, proven: as a subscription, as a delivery, and for an owner whom nobody connected."""
    told = cloud.client("secretsmanager").get_secret_value(SecretId=cloud.outputs["InstagramAppSecretArn"])
    stored = json.loads(told["SecretString"])
    secret, token = stored["app_secret"], stored["verify_token"]
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
    assert httpx.get(f"{cloud.api_url}/webhooks/meta", params=query, timeout=SECONDS).text == "1158201444"
    raw = b'{"object":"instagram","entry":[]}'
    digest = instagram.canaries.meet("webhook signature", hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest())
    headers = {"x-hub-signature-256": f"sha256={digest}", "content-type": "application/json"}
    assert httpx.post(f"{cloud.api_url}/webhooks/meta", content=raw, headers=headers, timeout=SECONDS).is_success
    stranger = f"stranger.{uuid.uuid4().hex[:8]}"
    instagram.add_account(stranger)
    for path in ("deauthorize", "data-deletion"):
        form = {"signed_request": instagram.signed_request(stranger)}
        assert httpx.post(f"{cloud.api_url}/meta/{path}", data=form, timeout=SECONDS).is_success


@pytest.fixture(scope="module")
def passing(cloud, traffic, connect, new_owner, instagram):
    """Every queue with what passes through it: a post, a comment and a connection while nobody takes anything out."""
    connect(traffic, new_owner())
    with aws.consumers_paused(cloud):
        account = traffic.accounts[-1]
        traffic.publish(account_id=account.id)
        (live,) = instagram.live(account.username)
        instagram.comment(live["media_id"], traffic.canaries.comment("nice"))
        deadline = time.monotonic() + SECONDS
        while not all(aws.messages_at(cloud, url) for url in _urls(cloud, "WebhookQueue", "OutgoingEventsQueue")):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        lying = aws.queues(cloud)
    aws.settle(cloud)
    return lying


def _urls(cloud, *names):
    client, stack = cloud.client("cloudformation"), cloud.describe()["stack"]
    told = (client.describe_stack_resource(StackName=stack, LogicalResourceId=name) for name in names)
    return [each["StackResourceDetail"]["PhysicalResourceId"] for each in told]


@pytest.fixture(scope="module")
def secrets(cloud, traffic, canaries):
    """Everything to look for, by kind; each kind was really met."""
    for account in _accounts(cloud):
        with contextlib.suppress(AccountUnavailableError):  # its owner has removed the app, and the token is erased
            canaries.meet("token", _token(cloud, account))
    assert NEVER_STORED - {"jwt"} <= canaries.known.keys()
    return canaries.known


def _accounts(cloud):
    table = cloud.outputs["AccountsTableName"]
    accounts = DynamoDBAccounts(cloud.client("dynamodb"), table)
    keys = [(item["pk"]["S"], item["sk"]["S"]) for item in aws.items(cloud, "AccountsTableName")]
    return [
        accounts.get(pk.removeprefix("TENANT#"), sk.removeprefix("ACCOUNT#"))
        for pk, sk in keys
        if sk.startswith("ACCOUNT#")
    ]


def _token(cloud, account: Account) -> str:
    vault = Vault(cloud.client("kms"), "")
    return DynamoDBTokens(cloud.client("dynamodb"), cloud.outputs["AccountsTableName"], vault).token(account)


def found(secrets, texts, kinds):
    """Kind of secret and place of each hit; never the secret itself, which pytest would print."""
    return [
        (kind, place)
        for place, text in texts.items()
        for kind in sorted(kinds)
        if any(s in text for s in secrets[kind])
    ] + [("form of a token or code", place) for place, text in texts.items() if ANY_TOKEN_OR_CODE.search(text)]


def dumped(items):
    return json.dumps(items, default=lambda value: value.decode("latin-1"), ensure_ascii=False)


def test_no_secret_and_no_caption_is_in_a_log(cloud, secrets):
    logs = {str(path.relative_to(cloud.logs_dir)): path.read_text() for path in cloud.logs_dir.rglob("*.log")}
    assert {"requests.log", "functions/PostsApiFunction.log", "functions/MarkFailedFunction.log"} <= logs.keys()
    assert '"message":"request"' in logs["functions/PostsApiFunction.log"]
    assert found(secrets, logs, secrets.keys()) == []


def test_no_secret_and_no_caption_is_in_an_execution(cloud, secrets, traffic):
    client = cloud.client("stepfunctions")
    texts = {
        each["name"]: json.dumps(
            [client.describe_execution(executionArn=each["executionArn"]), aws.history(cloud, each["executionArn"])],
            default=str,
        )
        for each in aws.executions(cloud)
    }
    assert any(traffic.id in text for text in texts.values())
    assert found(secrets, texts, secrets.keys()) == []


def test_the_tables_hold_secrets_only_hashed_or_sealed(cloud, secrets):
    texts = {name: dumped(items) for name, items in aws.tables(cloud).items()}
    assert found(secrets, texts, NEVER_STORED & secrets.keys()) == []
    hashes = {hashlib.sha256(key.encode()).hexdigest() for key in secrets["api key"]}
    assert any(digest in texts["CallersTableName"] for digest in hashes)


def test_captions_are_with_their_posts_and_in_records_that_expire(cloud, secrets):
    """And a first comment is with its event, for Meta tells accounts of their own comments; that expires as well."""
    texts = {name: dumped(items) for name, items in aws.tables(cloud).items()}
    places = {"PostsTableName", "CallersTableName", "EventsTableName"}
    assert {place for _, place in found(secrets, texts, {"caption"})} <= places
    for name in ("CallersTableName", "EventsTableName"):
        lasting = [item for item in aws.items(cloud, name) if "expires_at" not in item]
        assert found(secrets, {name: dumped(lasting)}, {"caption"}) == []


def test_timelines_hold_names_and_numbers_only(cloud, secrets):
    """No secret, no caption, no URL, and no id of Instagram's."""
    entries = [each for each in aws.items(cloud, "PostsTableName") if each["sk"]["S"].startswith("TIMELINE#")]
    assert {each["kind"]["S"] for each in entries} == {"state", "call"}
    text = dumped(entries)
    assert found(secrets, {"timelines": text}, secrets.keys()) == []
    assert re.findall(r"\w+://|www\.|[0-9]{12,}", text) == []


def test_answers_tell_a_secret_only_to_whom_it_is_for(cloud, secrets, canaries):
    """The link goes to who asked for it, the state to Instagram by way of the browser, a caption to its own tenant."""
    host = httpx.URL(cloud.api_url).netloc
    answers = [answer for answer in canaries.heard if answer.url.netloc == host]
    bodies = {f"{number} {each.method} {each.url.path}": each.text for number, each in enumerate(answers)}
    redirects = {f"{number} {each.method} {each.url.path}": each.location for number, each in enumerate(answers)}
    told = {(kind, place.partition(" ")[2]) for kind, place in found(secrets, bodies, secrets.keys())}
    sent = {(kind, place.partition(" ")[2]) for kind, place in found(secrets, redirects, secrets.keys())}
    assert {(kind, re.sub(r"post_\w+", "{id}", place)) for kind, place in told} <= {
        ("link", "POST /v1/connect-sessions"),
        ("state", "GET /oauth/facebook/callback"),  # in the form in which the owner chooses
        ("signing secret", "POST /v1/webhook-endpoints"),  # shown once
        ("app-scoped id", "GET /v1/export"),  # the tenant's own accounts, whole but for what opens them
        ("caption", "POST /v1/posts"),
        ("caption", "POST /v1/posts/validate"),
        ("caption", "GET /v1/export"),
        ("caption", "GET /v1/posts"),
        ("caption", "GET /v1/posts/{id}"),
        ("caption", "PATCH /v1/posts/{id}"),
        ("caption", "DELETE /v1/posts/{id}"),
        ("caption", "POST /v1/posts/{id}/publish"),
        ("caption", "POST /v1/posts/{id}/retry"),
    }
    assert sent <= {("state", "GET /oauth/instagram/start"), ("state", "GET /oauth/facebook/start")}


def test_no_credential_passes_through_a_queue_or_ends_in_a_dead_letter_queue(cloud, secrets, passing):
    """Bodies and attributes. A webhook's words are in there, because they are what is handed on."""
    assert len([name for name in passing if "DeadLetter" in name]) >= 8
    texts = {name: json.dumps(found, default=str) for name, found in passing.items() if name != aws.TAP}
    assert found(secrets, texts, (NEVER_STORED | {"app-scoped id"}) & secrets.keys()) == []


def test_the_bus_carries_ids_and_codes_only(cloud, secrets, passing):
    events = [json.loads(each["Body"]) for each in aws.queues(cloud)[aws.TAP]]
    assert {"AccountConnected", "PostPublished"} <= {each["detail-type"] for each in events}
    texts = {f"{number} {each['detail-type']}": json.dumps(each) for number, each in enumerate(events)}
    assert found(secrets, texts, secrets.keys()) == []


def test_no_credential_is_in_a_bucket(cloud, secrets, passing):
    """Raw deliveries hold what people said, as Meta sent it; nothing that opens anything."""
    texts = aws.objects(cloud)
    assert any("CANARY-" in text for text in texts.values())
    assert found(secrets, texts, (NEVER_STORED | {"app-scoped id"}) & secrets.keys()) == []


def test_whose_consent_an_account_rests_on_is_with_the_accounts_only(cloud, secrets):
    texts = {name: dumped(items) for name, items in aws.tables(cloud).items()}
    assert {place for _, place in found(secrets, texts, {"app-scoped id"})} == {"AccountsTableName"}


def test_an_erased_token_is_gone(cloud, new_tenant, connect):
    tenant = new_tenant()
    connect(tenant)
    (account,) = [each for each in _accounts(cloud) if each.tenant_id == tenant.id]
    assert _token(cloud, account).startswith("IGAA")
    assert tenant.api.delete(f"/v1/accounts/{account.id}").status_code == 200
    with pytest.raises(NotFoundError):
        _token(cloud, account)
