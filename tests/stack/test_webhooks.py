"""From a comment on Instagram to an event of the one tenant that holds the account, through the real queue."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time

import pytest

from tests.stack import aws
from tests.stack.clouds import ROOT

CALLBACK = "/webhooks/meta"
REDRIVE = [
    sys.executable,
    "-c",
    "from devstack.cli import main; raise SystemExit(main())",
    "redrive",
    "WebhookDeadLetterQueue",
    "--json",
]


def events_of(cloud, tenant):
    """What Meta told of; of connecting and publishing there are events as well."""
    aws.settle(cloud)
    found = aws.items_of(cloud, "EventsTableName", tenant.id)
    return [
        item
        for key, item in found.items()
        if key.startswith("EVENT#") and item["type"]["S"].startswith(("comment.", "message."))
    ]


def data_of(item):
    return json.loads(item["data"]["S"])


@pytest.fixture
def meta(cloud, stranger):
    """Posts a body signed with the app secret, or with another."""
    secret = json.loads(
        cloud.client("secretsmanager").get_secret_value(SecretId=cloud.outputs["InstagramAppSecretArn"])["SecretString"]
    )["app_secret"]

    def post(raw, key=None):
        signature = hmac.new((key or secret).encode(), raw, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}
        return stranger.post(CALLBACK, content=raw, headers=headers)

    return post


def test_a_followers_comment_is_an_unread_event_that_was_announced(cloud, tenant, instagram, canaries):
    post = tenant.publish()
    text = canaries.comment("Schön ☕")
    comment_id = instagram.comment(post["media_id"], text)
    (event,) = events_of(cloud, tenant)
    assert (event["type"]["S"], event["refs"]["M"]["comment_id"]["S"]) == ("comment.created", comment_id)
    assert data_of(event)["text"] == text
    assert {"unread_pk", "announced_at"} <= event.keys()
    states = aws.items_of(cloud, "EventsTableName", tenant.id)
    assert json.loads(states[f"COMMENTS#{tenant.account.id}#{post['media_id']}"]["state"]["S"])["comments"] == 1


def test_the_raw_delivery_is_kept_below_its_account(cloud, tenant, instagram, canaries):
    text = canaries.comment()
    instagram.send_webhook("message", tenant.account.username, text=text)
    events_of(cloud, tenant)
    s3, bucket = cloud.client("s3"), cloud.outputs["DeliveriesBucketName"]
    (kept,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"tenants/{tenant.id}/{tenant.account.id}/")["Contents"]
    assert text in s3.get_object(Bucket=bucket, Key=kept["Key"])["Body"].read().decode()


@pytest.fixture
def other(new_tenant, connect):
    """Another tenant, with an account of its own."""
    made = new_tenant()
    connect(made)
    return made


def test_in_one_batch_nobody_sees_what_is_the_others(cloud, tenant, other, instagram, canaries):
    texts = {each.id: canaries.comment() for each in (tenant, other)}
    with instagram.switched(webhook_shape="batched", webhook_copies=3, webhook_order="backwards"):
        for each in (tenant, other):
            instagram.send_webhook("comment", each.account.username, text=texts[each.id])
        aws.settle(cloud)
    for each in (tenant, other):
        (event,) = events_of(cloud, each)
        assert data_of(event)["text"] == texts[each.id]


def test_an_unsent_message_is_gone_from_the_table(cloud, tenant, instagram, canaries):
    text = canaries.comment()
    mid = instagram.send_webhook("message", tenant.account.username, text=text)["mid"]
    events_of(cloud, tenant)
    instagram.send_webhook("unsend", tenant.account.username, mid=mid)
    events_of(cloud, tenant)
    assert text not in json.dumps(aws.items_of(cloud, "EventsTableName", tenant.id))


def test_after_disconnecting_nothing_is_heard_any_more(cloud, tenant, instagram, canaries):
    username = tenant.account.username
    assert tenant.api.delete(f"/v1/accounts/{tenant.account.id}").status_code == 200
    instagram.send_webhook("comment", username, text=canaries.comment())
    assert events_of(cloud, tenant) == []


def test_who_is_not_meta_is_refused_without_a_word(cloud, meta, stranger):
    before = aws.messages_in(cloud, "WebhookQueueUrl")
    answers = [meta(b'{"object":"instagram"}', "another"), stranger.post(CALLBACK, content=b"{}")]
    assert [(each.status_code, each.text) for each in answers] == [(401, ""), (401, "")]
    query = {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "guess"}
    assert stranger.get(CALLBACK, params=query).status_code == 403
    assert aws.messages_in(cloud, "WebhookQueueUrl") == before


def test_a_body_of_megabytes_goes_by_way_of_the_bucket(cloud, tenant, meta, instagram):
    entry = {
        "id": tenant.account.ig_user_id,
        "time": int(time.time()),
        "field": "comments",
        "value": {"id": "1", "text": "x" * 2_000_000},
    }
    assert meta(json.dumps({"object": "instagram", "entry": [entry]}).encode()).status_code == 200
    (event,) = events_of(cloud, tenant)
    assert data_of(event)["left_out"] == "too_large"


def test_poison_ends_in_the_dead_letter_queue_and_can_be_redriven(cloud, meta):
    sqs, queue = cloud.client("sqs"), cloud.outputs["WebhookQueueUrl"]
    dead = cloud.outputs["WebhookDeadLetterQueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    try:
        poison = b'{"object":"instagram","entry":[NaN,"canary of the queue"]}'
        assert meta(poison).status_code == 200
        assert dead_letter(sqs, dead) == poison.decode()
        done = subprocess.run(
            REDRIVE, cwd=ROOT, env=os.environ | cloud.environment(), capture_output=True, text=True, check=True
        )
        (told,) = json.loads(done.stdout)
        assert (told["redriven"], told["left"]) == (1, 0)
        assert dead_letter(sqs, dead) == poison.decode()
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "360"})
        sqs.purge_queue(QueueUrl=dead)


def dead_letter(sqs, url):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0).get("Messages", []):
            return message["Body"]
        time.sleep(0.1)
    raise AssertionError("nothing ended there")
