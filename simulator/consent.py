"""
What Meta posts to an app when somebody removes it, or wants their data deleted: a form with one field,
`signed_request`, signed with the Instagram app's secret. The user in it is the app-scoped id.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode

import httpx

from simulator.world import Account, World

PATIENCE = 40.0  # seconds


def signed_request(world: World, account: Account, issued_at: int | None = None) -> str:
    """As of now unless told; base64url without padding, over the payload as it is encoded."""
    issued = int(world.now) if issued_at is None else issued_at
    payload = {"user_id": account.id, "algorithm": "HMAC-SHA256", "issued_at": issued, "expires": 0}
    encoded = _encoded(json.dumps(payload, separators=(",", ":")).encode())
    digest = hmac.digest(world.options.app_secret.encode(), encoded.encode(), hashlib.sha256)
    return f"{_encoded(digest)}.{encoded}"


def remove_app(world: World, account: Account) -> None:
    """From here on every token of that person's is answered with 190/458."""
    for token in world.tokens.values():
        if token.account.user_id == account.user_id:
            token.revoked_with = 458


def post(world: World, url: str, text: str) -> httpx.Response:
    """Nobody waits meanwhile: whoever is told may want to ask something. Raises httpx.HTTPError."""
    with world.unlocked():
        return httpx.post(url, data={"signed_request": text}, timeout=PATIENCE, trust_env=False)


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
