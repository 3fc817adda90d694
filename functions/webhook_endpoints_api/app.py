"""Endpoints for outgoing webhooks: make, list, read, change, delete, rotate the secret."""

from darkroom import bootstrap, registering
from darkroom.event_views import (
    DeletedView, EndpointPatch, EndpointsView, EndpointView, NewEndpoint, NewEndpointView, SecretView, endpoint_answer,
)  # fmt: skip
from darkroom.http import Api, Request
from darkroom.http_events import Answer

handler = Api()
...
