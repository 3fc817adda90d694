"""Posts in DynamoDB: one item a post, `POST#<ulid>` under its tenant, so that a list is a query in order of time."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, moment, text, translated, unmarshal
from darkroom.errors import ConflictError, NotFoundError
from darkroom.pages import Page, PageRequest, cursor
from darkroom.posts import OPEN, Container, MediaItem, Post, PostContent, PostState, ReelOptions, UserTag

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoDBPosts:
    """Implements the `Posts` ports of posting.py and workflow.py."""

    client: "DynamoDBClient"
    table: str

    def add(self, post: Post) -> Post:
        try:
            with translated():
                self.client.put_item(
                    TableName=self.table, Item=_item(post), ConditionExpression="attribute_not_exists(pk)"
                )
        except ClientError as error:
            if is_condition_failure(error):
                return self.get(post.tenant_id, post.id)
            raise
        return post

    def get(self, tenant_id: str, post_id: str) -> Post:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.post(tenant_id, post_id), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFoundError
        return _post(unmarshal(answer["Item"]))

    def save(self, post: Post) -> Post:
        """Containers are written by `add_container` only: a save never loses one that was added meanwhile."""
        saved = replace(post, version=post.version + 1)
        changes = {"state": post.state.value, "version": saved.version, **_openness(post), **_progress(post)}
        present = {name: value for name, value in changes.items() if value is not None}
        absent = [name for name, value in changes.items() if value is None]
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in present)
        if absent:
            update += " REMOVE " + ", ".join(f"#{name}" for name in absent)
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.post(post.tenant_id, post.id),
                    UpdateExpression=update,
                    ConditionExpression="#version = :expected",
                    ExpressionAttributeNames={f"#{name}": name for name in changes},
                    ExpressionAttributeValues={
                        **{f":{name}": value for name, value in marshal(present).items()},
                        ":expected": {"N": str(post.version)},
                    },
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError from error
            raise
        return saved

    def add_container(self, post: Post, container: Container) -> None:
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.post(post.tenant_id, post.id),
                    UpdateExpression="SET containers.#item = :container",
                    ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(containers.#item)"
                    " OR containers.#item.container_id = :id)",
                    ExpressionAttributeNames={"#item": _slot(container.item)},
                    ExpressionAttributeValues=marshal(
                        {":container": _container_item(container), ":id": container.container_id}
                    ),
                )
        except ClientError as error:
            if is_condition_failure(error):
                raise ConflictError from error
            raise

    def open_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Eventually consistent: a post may have ended since."""
        with translated():
            answer = self.client.query(
                TableName=self.table,
                IndexName=keys.OPEN,
                KeyConditionExpression="open_pk = :open AND open_since < :moment",
                ExpressionAttributeValues={":open": {"S": keys.OPEN_PARTITION}, ":moment": {"S": text(moment)}},
                Limit=limit,
            )
        return tuple(keys.post_of(item["pk"]["S"], item["sk"]["S"]) for item in answer["Items"])

    def page(self, tenant_id: str, page: PageRequest, account_id: str | None, state: PostState | None) -> Page[Post]:
        """`state` filters what a page found, as DynamoDB itself would: a page may hold fewer posts than asked for."""
        partition = {"pk": {"S": keys.tenant(tenant_id)}}
        request: dict[str, Any] = {}
        if account_id is not None:
            partition = {"account_pk": {"S": keys.account_posts(tenant_id, account_id)}}
            request["IndexName"] = keys.BY_ACCOUNT
        if page.after is not None:
            request["ExclusiveStartKey"] = {**keys.post(tenant_id, page.after), **partition}
        ((name, value),) = partition.items()
        with translated():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression=f"{name} = :partition AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={":partition": value, ":prefix": {"S": keys.POST_PREFIX}},
                ScanIndexForward=False,
                Limit=page.limit + 1,  # one more tells whether there are more
                **request,
            )
        found = [_post(unmarshal(item)) for item in answer["Items"]]
        more = cursor(tenant_id, found[page.limit - 1].id) if len(found) > page.limit else None
        return Page(tuple(post for post in found[: page.limit] if state in (None, post.state)), more)


def _openness(post: Post) -> dict[str, str | None]:
    """Only open posts have these, and so only they are in the Open index."""
    is_open = post.state in OPEN
    return {
        "open_pk": keys.OPEN_PARTITION if is_open else None,
        "open_since": text(post.accepted_at) if is_open else None,
    }


def _progress(post: Post) -> dict[str, Any]:
    """What changes while a post is published."""
    return {
        "publish_attempted_at": post.publish_attempted_at,
        "publish_attempts": post.publish_attempts,
        "fence": post.fence,
        "published_at": post.published_at,
        "failed_at": post.failed_at,
        "media_id": post.media_id,
        "permalink": post.permalink,
        "problem": json.dumps(post.problem) if post.problem else None,
    }


def _item(post: Post) -> dict[str, Any]:
    return {
        **keys.post(post.tenant_id, post.id),
        **marshal(
            {
                "account_pk": keys.account_posts(post.tenant_id, post.account_id),
                "id": post.id,
                "tenant_id": post.tenant_id,
                "account_id": post.account_id,
                "content": json.dumps(asdict(post.content)),
                "external_id": post.external_id,
                "state": post.state.value,
                "accepted_at": post.accepted_at,
                "request_id": post.request_id,
                "containers": {_slot(each.item): _container_item(each) for each in post.containers},
                "version": post.version,
                **_openness(post),
                **_progress(post),
            }
        ),
    }


def _slot(item: int | None) -> str:
    return "main" if item is None else f"item_{item}"


def _container_item(container: Container) -> dict[str, Any]:
    finished = {"finished_at": text(container.finished_at)} if container.finished_at else {}
    return {"container_id": container.container_id, "created_at": text(container.created_at), **finished}


def _post(item: dict[str, Any]) -> Post:
    return Post(
        id=item["id"],
        tenant_id=item["tenant_id"],
        account_id=item["account_id"],
        content=_content(json.loads(item["content"])),
        external_id=item.get("external_id"),
        state=PostState(item["state"]),
        accepted_at=datetime.fromisoformat(item["accepted_at"]),
        request_id=item.get("request_id"),
        containers=_containers(item["containers"]),
        publish_attempted_at=moment(item.get("publish_attempted_at")),
        publish_attempts=int(item["publish_attempts"]),
        fence=tuple(item["fence"]),
        published_at=moment(item.get("published_at")),
        failed_at=moment(item.get("failed_at")),
        media_id=item.get("media_id"),
        permalink=item.get("permalink"),
        problem=json.loads(item["problem"]) if "problem" in item else None,
        version=int(item["version"]),
    )


def _containers(stored: dict[str, Any]) -> tuple[Container, ...]:
    """In the order of the carousel, the container that is published last."""
    found = [
        Container(
            container_id=each["container_id"],
            item=None if slot == "main" else int(slot.removeprefix("item_")),
            created_at=datetime.fromisoformat(each["created_at"]),
            finished_at=moment(each.get("finished_at")),
        )
        for slot, each in stored.items()
    ]
    return tuple(sorted(found, key=lambda each: (each.item is None, each.item or 0)))


def _content(stored: dict[str, Any]) -> PostContent:
    media = tuple(
        MediaItem(**{**item, "user_tags": tuple(UserTag(**tag) for tag in item["user_tags"])})
        for item in stored["media"]
    )
    reel = ReelOptions(**stored["reel"]) if stored["reel"] else None
    return PostContent(**{**stored, "media": media, "reel": reel, "collaborators": tuple(stored["collaborators"])})
