"""An OpenID provider on loopback, whose tokens are signed by a library that the product does not use."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from joserfc import jwt
from joserfc.jwk import RSAKey


class Issuer:
    """Serves discovery and keys while it is entered."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "key-1", "use": "sig", "alg": "RS256"})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def token(self, *, key: RSAKey | None = None, **claims: Any) -> str:
        """A good access token, but for what `claims` change; a claim of None is left out."""
        now = int(time.time())
        standard = {"iss": self.url, "aud": "darkroom", "sub": "somebody", "iat": now, "exp": now + 300}
        given = {name: value for name, value in {**standard, **claims}.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "key-1"}, given, key or self._key)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                    "/keys": {"keys": [issuer._key.as_dict(private=False)]},
                }
                body = json.dumps(documents.get(self.path, {})).encode()
                self.send_response(200 if self.path in documents else 404)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Silent: pytest's output is for failures."""

        return Handler
