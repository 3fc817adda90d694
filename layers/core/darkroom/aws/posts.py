"""Posts in DynamoDB: one item a post, `POST#<ulid>` under its tenant, so that a list is a query in order of time."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from darkroom.aws import keys
from darkroom.aws.dynamodb import is_condition_failure, marshal, moment, text, translated, unmarshal
from darkroom.aws.timeline import state_item
from darkroom.errors import ConflictError, NotFoundError
from darkroom.pages import Page, PageRequest, cursor
from darkroom.posts import (
    OPEN,
    Container,
    FirstComment,
    MediaItem,
    Post,
    PostContent,
    PostState,
    ReelOptions,
    UserTag,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DynamoDBPosts:
    """Implements the `Posts` ports of posting.py and workflow.py."""

    client: "DynamoDBClient"
    table: str

    def add(self, post: Post) -> Post:
        put = {"TableName": self.table, "Item": _item(post), "ConditionExpression": "attribute_not_exists(pk)"}
        try:
            self._write({"Put": put}, self._arrival(post))
        except ClientError as error:
            if is_condition_failure(error):
                return self.get(post.tenant_id, post.id)
            raise
        return replace(post, has_moved=False)

    def get(self, tenant_id: str, post_id: str) -> Post:
        with translated():
            answer = self.client.get_item(TableName=self.table, Key=keys.post(tenant_id, post_id), ConsistentRead=True)
        if "Item" not in answer:
            raise NotFoundError
        return post_of(unmarshal(answer["Item"]))

    def save(self, post: Post, without: tuple[int | None, ...] = ()) -> Post:
        """
        Containers are written by `add_container` only: a save never loses one that was added meanwhile. `without` names
        those that the same write forgets. `saved_by` tells our own write, which the SDK sends again when its answer is
        lost, from that of somebody who was faster.
        """
        saved, mark = replace(post, version=post.version + 1, has_moved=False), token_hex(8)
        changes = {"state": post.state.value, "version": saved.version, **_openness(post), **_changeable(post)}
        changes["saved_by"] = mark
        update = _update_of(changes, [f"containers.#{_slot(item)}" for item in without])
        write = {
            "TableName": self.table,
            "Key": keys.post(post.tenant_id, post.id),
            "UpdateExpression": update,
            "ConditionExpression": "#version = :expected",
            "ExpressionAttributeNames": {f"#{name}": name for name in [*changes, *map(_slot, without)]},
            "ExpressionAttributeValues": {
                **{f":{name}": value for name, value in marshal(changes).items()},
                ":expected": {"N": str(post.version)},
            },
        }
        try:
            self._write({"Update": write}, *([self._arrival(saved)] if post.has_moved else []))
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            if not self._is_saved_by(mark, post):
                raise ConflictError from error
        kept = tuple(container for container in post.containers if container.item not in without)
        return replace(saved, containers=kept)

    def _is_saved_by(self, mark: str, post: Post) -> bool:
        with translated():
            answer = self.client.get_item(
                TableName=self.table,
                Key=keys.post(post.tenant_id, post.id),
                ConsistentRead=True,
                ProjectionExpression="saved_by",
            )
        return answer.get("Item", {}).get("saved_by") == {"S": mark}

    def _arrival(self, post: Post) -> dict[str, Any]:
        """The timeline's entry of a new state, written with it or not at all."""
        return {"Put": {"TableName": self.table, "Item": state_item(post)}}

    def _write(self, first: dict[str, Any], *more: dict[str, Any]) -> None:
        """In one transaction where there is more than one write: a single one costs half."""
        with translated():
            if more:
                writes: Any = [first, *more]
                self.client.transact_write_items(TransactItems=writes)
            else:
                self.client.update_item(**first["Update"])

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

    def look_again_after(self, post: Post, moment: datetime) -> None:
        """Moves an open post behind the others in `left_before`, whatever else is being written about it."""
        try:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=keys.post(post.tenant_id, post.id),
                    UpdateExpression="SET open_since = :moment",
                    ConditionExpression="open_pk = :open",
                    ExpressionAttributeValues=marshal({":moment": moment, ":open": keys.OPEN_PARTITION}),
                )
        except ClientError as error:
            if not is_condition_failure(error):
                raise

    def left_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Eventually consistent: a post may have ended since."""
        return self._waiting(keys.OPEN_PARTITION, moment, limit)

    def due_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        """Eventually consistent: a post may have been started, moved or cancelled since."""
        return self._waiting(keys.SCHEDULED_PARTITION, moment, limit)

    def _waiting(self, partition: str, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        with translated():
            answer = self.client.query(
                TableName=self.table,
                IndexName=keys.OPEN,
                KeyConditionExpression="open_pk = :open AND open_since < :moment",
                ExpressionAttributeValues={":open": {"S": partition}, ":moment": {"S": text(moment)}},
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
        found = [post_of(unmarshal(item)) for item in answer["Items"]]
        more = cursor(tenant_id, found[page.limit - 1].id) if len(found) > page.limit else None
        return Page(tuple(post for post in found[: page.limit] if state in (None, post.state)), more)


def _update_of(changes: dict[str, Any], forgotten: list[str]) -> str:
    """None removes an attribute."""
    present = [f"#{name} = :{name}" for name, value in changes.items() if value is not None]
    absent = [f"#{name}" for name, value in changes.items() if value is None] + forgotten
    return f"SET {', '.join(present)}" + (f" REMOVE {', '.join(absent)}" if absent else "")


def _openness(post: Post) -> dict[str, Any]:
    """
    Only open and scheduled posts have these, and so only they are in the Open index. Where a post is moved about again
    and again, it must not come back before those that nobody has looked at.
    """
    if post.state is PostState.SCHEDULED:
        return {"open_pk": keys.SCHEDULED_PARTITION, "open_since": post.publish_at}
    if post.state in OPEN:
        return {"open_pk": keys.OPEN_PARTITION, "open_since": post.state_since}
    return {"open_pk": None, "open_since": None}


# Stored as they are; of the other fields, some never change and some have a form of their own.
_PLAIN = (
    "state_since", "publish_at", "time_zone", "queued_at", "tries", "rebuilds", "delays", "delayed_until", "probes",
    "publish_attempted_at", "publish_attempts", "fence", "published_at", "failed_at", "cancelled_at", "media_id",
    "permalink",
)  # fmt: skip
_MOMENTS = (
    "publish_at", "queued_at", "delayed_until", "publish_attempted_at", "published_at", "failed_at", "cancelled_at",
)  # fmt: skip
_TEXTS = (
    "external_id", "group_id", "duplicate_of", "time_zone", "request_id", "probes", "media_id", "permalink",
)  # fmt: skip
_NUMBERS = ("tries", "rebuilds", "publish_attempts", "version")


def _changeable(post: Post) -> dict[str, Any]:
    comment = {
        "attempted_at": text(post.comment.attempted_at) if post.comment.attempted_at else None,
        "comment_id": post.comment.comment_id,
        "problem": json.dumps(post.comment.problem) if post.comment.problem else None,
    }
    return {
        **{name: getattr(post, name) for name in _PLAIN},
        "content": json.dumps(asdict(post.content)),
        "external_id": post.external_id,
        "duplicate_of": post.duplicate_of,
        "comment": {name: value for name, value in comment.items() if value is not None},
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
                "group_id": post.group_id,
                "state": post.state.value,
                "accepted_at": post.accepted_at,
                "request_id": post.request_id,
                "containers": {_slot(each.item): _container_item(each) for each in post.containers},
                "version": post.version,
                **_openness(post),
                **_changeable(post),
            }
        ),
    }


def _slot(item: int | None) -> str:
    return "main" if item is None else f"item_{item}"


def _container_item(container: Container) -> dict[str, Any]:
    finished = {"finished_at": text(container.finished_at)} if container.finished_at else {}
    return {"container_id": container.container_id, "created_at": text(container.created_at), **finished}


def post_of(item: dict[str, Any]) -> Post:
    known: dict[str, Any] = {name: item.get(name) for name in _TEXTS}
    known |= {name: moment(item.get(name)) for name in _MOMENTS}
    known |= {name: int(item[name]) for name in _NUMBERS}
    return Post(
        **known,
        id=item["id"],
        tenant_id=item["tenant_id"],
        account_id=item["account_id"],
        content=_content(json.loads(item["content"])),
        state=PostState(item["state"]),
        state_since=datetime.fromisoformat(item["state_since"]),
        accepted_at=datetime.fromisoformat(item["accepted_at"]),
        containers=_containers(item["containers"]),
        fence=tuple(item["fence"]),
        delays={code: int(times) for code, times in item["delays"].items()},
        comment=_comment(item["comment"]),
        problem=json.loads(item["problem"]) if "problem" in item else None,
    )


def _comment(stored: dict[str, Any]) -> FirstComment:
    problem = json.loads(stored["problem"]) if "problem" in stored else None
    return FirstComment(
        attempted_at=moment(stored.get("attempted_at")), comment_id=stored.get("comment_id"), problem=problem
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
