"""The response headers that Graph clients look at."""

import json
import re

from simulator.errors import Refusal

LIVING_VERSIONS = ("v21.0", "v22.0", "v23.0", "v24.0", "v25.0", "v26.0")
UNSAFE = re.compile(r'[^ -~]|["\\]')


def graph_headers(version: str, newest: str, refusal: Refusal | None = None) -> dict[str, str]:
    """An ended version, or none, is served as the oldest living one."""
    living = LIVING_VERSIONS[: LIVING_VERSIONS.index(newest) + 1] if newest in LIVING_VERSIONS else LIVING_VERSIONS
    headers = {"facebook-api-version": version if version in living else living[0], "cache-control": "no-store"}
    if refusal and refusal.kind == "OAuthException":
        reason = "invalid_token" if refusal.code == 190 else "invalid_request"
        headers["www-authenticate"] = f'OAuth "Facebook Platform" "{reason}" "{UNSAFE.sub("", refusal.message)}"'
    return headers


def usage_headers(account_id: str | None, app: int, account: int, regain_minutes: int) -> dict[str, str]:
    """`app` and `account` in per cent of what each may use."""
    headers = {"x-app-usage": json.dumps(_figures(app))}
    if account_id is not None:
        business = {"type": "instagram", **_figures(account), "estimated_time_to_regain_access": regain_minutes}
        headers["x-business-use-case-usage"] = json.dumps({account_id: [business]})
    return headers


def _figures(percent: int) -> dict[str, int]:
    return {"call_count": percent, "total_time": percent, "total_cputime": percent}
