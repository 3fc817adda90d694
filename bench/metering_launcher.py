"""
Starts MiniStack as devstack does, and writes down beside it what each request would be charged for: see metered.py.

Write and read units are MiniStack's own count, sizes and indexes included, with two limits: it takes every read for one
of up to 4 KB, and sees nothing in a write that was refused. A transaction's condition checks are added here, at the
price of a write.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from ministack import app

from bench.metered import FILE
from devstack.workarounds.server import install

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}

type Answer = tuple[int, dict[str, str], bytes]
type Handler = Callable[..., Awaitable[Answer]]


def _metering(handler: Handler, count: Callable[[str, Any, Answer], dict[str, float]], prepared: Any) -> Handler:
    async def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        request = json.loads(body or b"{}") | prepared
        answer = await handler(method, path, headers, json.dumps(request).encode(), query)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if answer[0] == 200 and (counted := count(action, request, answer)):
            with (Path.home() / FILE).open("a") as file:
                file.write(json.dumps(counted) + "\n")
        return answer

    return handle


def _units(action: str, request: Any, answer: Answer) -> dict[str, float]:
    consumed = json.loads(answer[2] or b"{}").get("ConsumedCapacity", [])
    units = sum(each["CapacityUnits"] for each in ([consumed] if isinstance(consumed, dict) else consumed))
    checks = sum("ConditionCheck" in each for each in request.get("TransactItems", []))
    return {"writes": units + 2 * checks} if action in WRITES else {"reads": units}


def main() -> None:
    install()
    handlers = app.SERVICE_HANDLERS
    handlers["dynamodb"] = _metering(handlers["dynamodb"], _units, {"ReturnConsumedCapacity": "TOTAL"})
    handlers["kms"] = _metering(handlers["kms"], lambda *_: {"kms": 1}, {})
    handlers["events"] = _metering(
        handlers["events"], lambda _, request, __: {"events": len(request.get("Entries", []))}, {}
    )
    app.main()


if __name__ == "__main__":
    main()
