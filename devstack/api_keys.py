"""Issuing an API key: one invocation of the stack's IssueApiKeyFunction, here or on AWS."""

import json
from typing import Any

from devstack.invoking import lambda_invoke
from devstack.processes import LocalCloudError


def issue(client: Any, function: str, wish: dict[str, Any]) -> dict[str, str]:
    """`{id, key}`. Raises LocalCloudError with a sentence for each wrong field; else what `lambda_invoke` raises."""
    answer: dict[str, Any] = lambda_invoke(client, function, json.dumps(wish).encode())
    if problem := answer.get("problem"):
        wrong = [f"{error['pointer']}: {error['message']}" for error in problem.get("errors", [])]
        raise LocalCloudError(f"No API key: {problem['title']} {' '.join(wrong) or problem['detail']}")
    return answer
