"""One synchronous Lambda invocation through boto3, locally or in an account."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from devstack.gateway import FunctionError, UnavailableError


def lambda_invoke(client: Any, function: str, payload: bytes) -> Any:
    """The parsed result. Raises FunctionError when the function failed, UnavailableError when it could not run."""
    try:
        answer = client.invoke(FunctionName=function, Payload=payload)
        result = json.loads(answer["Payload"].read() or b"null")
    except (ClientError, BotoCoreError) as error:
        raise UnavailableError(str(error)) from error
    except ValueError as error:
        raise FunctionError("the result is not JSON") from error
    if "FunctionError" in answer:
        raise FunctionError(result.get("errorType", answer["FunctionError"]))
    return result
