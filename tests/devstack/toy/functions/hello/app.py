"""Says what it was sent, and what it can import."""

import importlib.util
import os

from toycore import GREETING


def handler(event, context):
    name = event.get("pathParameters", {}).get("name")
    if not name:
        return {"statusCode": 404, "body": "nothing here", "headers": {"content-type": "text/plain"}}
    imports = {module: bool(importlib.util.find_spec(module)) for module in ("botocore", "pytest", "ministack")}
    return {
        "greeting": f"{GREETING} {name}",
        "imports": imports,
        "botocore": importlib.util.find_spec("botocore").origin,
        "public_url": os.environ["PUBLIC_URL"],
        "environment": sorted(os.environ),
        "remaining_ms": context.get_remaining_time_in_millis(),
    }
