"""Instagram's refusals: one table of codes and words, and the exceptions that carry them to the wire."""

from dataclasses import dataclass, replace

from simulator.wire import Json


@dataclass(frozen=True)
class Refusal:
    """One row of Meta's error table. `title` and `advice` become error_user_title and error_user_msg."""

    code: int
    subcode: int | None
    message: str
    title: str | None = None
    advice: str | None = None
    status: int = 400
    kind: str = "OAuthException"
    is_transient: bool = False

    def saying(self, message: str) -> "Refusal":
        return replace(self, message=message)

    def with_status(self, status: int) -> "Refusal":
        return replace(self, status=status)

    def envelope(self, trace_id: str) -> Json:
        error: Json = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.title is not None:
            error |= {
                "is_transient": self.is_transient,
                "error_user_title": self.title,
                "error_user_msg": self.advice or self.message,
            }
        return {"error": error | {"fbtrace_id": trace_id}}


class GraphError(Exception):
    """Answered as Graph's error envelope."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class OAuthError(Exception):
    """Answered in the other shape, the one of api.instagram.com."""

    def envelope(self) -> Json:
        return {"error_type": "OAuthException", "code": 400, "error_message": str(self)}


# --- tokens and permissions ---
TOKEN_MISSING = Refusal(104, None, "An access token is required to request this resource.")
TOKEN_MISSING_FOR_ME = Refusal(
    2500, None, "An active access token must be used to query information about the current user."
)
TOKEN_UNREADABLE = Refusal(190, None, "Invalid OAuth access token - Cannot parse access token")
PERMISSION_MISSING = Refusal(10, None, "(#10) Requires a permission to manage the object")
REVOKED = {
    458: Refusal(190, 458, "Error validating access token: The user has not authorized application {app_id}."),
    459: Refusal(
        190,
        459,
        "Error validating access token: You cannot access the app till you log in and follow the instructions.",
    ),
    460: Refusal(
        190,
        460,
        "Error validating access token: The session has been invalidated because the user changed their password.",
    ),
    463: Refusal(190, 463, "Error validating access token: Session has expired."),
    464: Refusal(190, 464, "Error validating access token: Sessions for the user are not allowed (unconfirmed user)."),
    467: Refusal(190, 467, "Error validating access token: The session is invalid because the user logged out."),
}
SECRET_WRONG = Refusal(1, None, "Error validating client secret.")
SESSION_KEY_INVALID = Refusal(
    452, None, "Session key invalid. This could be because the session key has an incorrect format."
)
APPLICATION_WRONG = Refusal(101, None, "Error validating application. Cannot get application info.")
CODE_EXPIRED = Refusal(100, 36007, "This authorization code has expired.")
CODE_OF_ANOTHER_URI = Refusal(
    100,
    36008,
    "Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the "
    "OAuth dialog request",
)
CODE_USED = Refusal(100, 36009, "This authorization code has been used.")
PROOF_WRONG = Refusal(100, None, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException")
PROOF_MISSING = Refusal(
    100, None, "API calls from the server require an appsecret_proof argument", kind="GraphMethodException"
)

# --- requests in general ---
INVALID_PARAMETER = Refusal(100, None, "Invalid parameter")
UNKNOWN_PATH = Refusal(2500, None, "Unknown path components: {path}", status=404)
OBJECT_MISSING = Refusal(
    100,
    33,
    "Unsupported {method} request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, "
    "or does not support this operation",
    kind="GraphMethodException",
)
SERVICE_DOWN = Refusal(2, None, "(#2) Service temporarily unavailable", status=500, is_transient=True)

# --- media files ---
DOWNLOAD_TOO_SLOW = Refusal(
    -2, 2207003, "Timeout", "Media download timed out", "It takes too long to download the media.", is_transient=True
)
MEDIA_UNFETCHABLE = Refusal(
    9004,
    2207052,
    "Only photo or video can be accepted as media type.",
    "Media download has failed. The media URI doesn't meet our requirements.",
    "The media could not be fetched from this URI: {url}. Please check the limitations of the media URI.",
)
IMAGE_TOO_LARGE = Refusal(
    36000,
    2207004,
    "The image size is too large.",
    "Image size too large",
    "The image is too large to download. It should be less than 8 MiB.",
)
IMAGE_FORMAT = Refusal(
    36001,
    2207005,
    "The image format is not supported.",
    "Image format not supported",
    "The image format is not supported. Please check the specification for supported formats.",
)
ASPECT_RATIO = Refusal(
    36003,
    2207009,
    "The aspect ratio is not supported.",
    "Aspect ratio not supported",
    "The submitted image with aspect ratio {ratio} cannot be published. Please submit one with a valid aspect ratio.",
)

# --- containers ---
UNKNOWN_MEDIA_TYPE = Refusal(
    100, 2207023, "Unknown media type.", "Unknown media type", "The media type {given} is unknown."
)
LONE_VIDEO = Refusal(
    100,
    None,
    "Invalid parameter",
    "VIDEO is no longer supported",
    "The VIDEO value for media_type is no longer supported. Use the REELS media type to publish a video.",
)
CHILD_ALONE = Refusal(
    100,
    2207089,
    "Invalid parameter",
    "Carousel item cannot be published standalone",
    "This media is a carousel item and cannot be published as a standalone post.",
)
CAROUSEL_SIZE = Refusal(
    100,
    2207028,
    "Carousel validation failed.",
    "Carousel validation failed",
    "A carousel needs at least 2 and at most {most} items.",
)
CAPTION_TOO_LONG = Refusal(
    36004,
    2207010,
    "The caption is too long.",
    "Caption too long",
    "The caption has at most 2,200 characters, 30 hashtags and 20 tags.",
)
TOO_MANY_TAGS = Refusal(
    100, 2207040, "Cannot use more than 20 tags.", "Too many tags", "Cannot use more than 20 tags per media."
)
TAG_POSITION_NEEDED = Refusal(
    100, None, "Invalid parameter", "Tag position missing", "Tags on photos need x and y between 0.0 and 1.0."
)
THUMB_OFFSET = Refusal(
    1, 2207057, "Thumbnail offset invalid.", "Thumbnail offset invalid", "thumb_offset must lie within the video."
)
LOCATION = Refusal(
    100, None, "INSTAGRAM_PLATFORM_API__INVALID_LOCATION_ID", "Invalid location", "The page has no location data."
)
NO_TRIAL_REELS = Refusal(
    100, 2207081, "Invalid parameter", "Trial reels not available", "This account does not support trial reels."
)
TOO_MANY_CONTAINERS = Refusal(
    9,
    2207042,
    "Application request limit reached",
    "Too many containers",
    "This account created 400 containers within 24 hours.",
)

# --- publishing ---
QUOTA_REACHED = Refusal(
    9,
    2207042,
    "Application request limit reached",
    "Content publishing limit reached",
    "You reached the maximum number of posts that is allowed to be published by content publishing API.",
)
MEDIA_NOT_FOUND = Refusal(
    24,
    2207006,
    "The requested resource does not exist",
    "Media not found",
    "The media with ID {id} cannot be found.",
)
BUILDER_EXPIRED = Refusal(
    24,
    2207008,
    "The requested resource does not exist",
    "Media builder not found",
    "The media builder with creation ID {id} does not exist or has expired.",
)
NOT_READY = Refusal(
    9007,
    2207027,
    "Media ID is not available",
    "The media is not ready for publishing",
    "The media is not ready for publishing. Please wait a moment.",
)


# --- after publishing ---
COMMENTS_OFF = Refusal(
    100, None, "Invalid parameter", "Comments are turned off", "Comments on this media have been turned off."
)
ACCOUNT_THROTTLED = Refusal(
    80002, None, "There have been too many calls to this Instagram account. Wait a bit and try again."
)


def filled(refusal: Refusal, **values: object) -> Refusal:
    """The same refusal with the {names} in its words replaced."""
    return replace(
        refusal,
        message=refusal.message.format(**values),
        advice=refusal.advice.format(**values) if refusal.advice else None,
    )


def invalid(message: str) -> GraphError:
    """Code 100 in its everyday form."""
    return GraphError(INVALID_PARAMETER.saying(f"(#100) {message}"))


def object_missing(method: str, node: str) -> GraphError:
    return GraphError(filled(OBJECT_MISSING, method=method.lower(), id=node))


_FOR_FAULTS = (
    Refusal(-1, 2207001, "Instagram server error. Try again.", "Server error", is_transient=True),
    Refusal(-1, 2207032, "Create media failed, please try to re-create the media", "Create media failed"),
    Refusal(-1, 2207053, "Unknown upload error", "Unknown upload error"),
    Refusal(-1, 2207085, "Fatal", "Fatal"),
    Refusal(1, None, "An unknown error has occurred.", status=500),
    Refusal(4, None, "(#4) Application request limit reached"),
    Refusal(4, 2207051, "Application request limit reached", "Action is blocked", "We restrict certain activity."),
    Refusal(17, None, "(#17) User request limit reached"),
    Refusal(25, 2207050, "The Instagram account is restricted.", "Account restricted", "Log in to the Instagram app."),
    Refusal(32, None, "(#32) Page request limit reached"),
    Refusal(352, 2207026, "The video format is not supported.", "Unsupported format"),
    Refusal(368, None, "The action attempted has been deemed abusive or is otherwise disallowed"),
    Refusal(613, None, "(#613) Calls to this api have exceeded the rate limit."),
    Refusal(9009, None, "Instagram user unavailable"),
)
THROTTLES = {4, 17, 32, 341, 613, 80002}
SUSPECTED_SPAM = 2207051


def refusal_with(code: int, subcode: int | None) -> Refusal:
    """The row of the table for a fault that names only numbers."""
    rows = [value for value in globals().values() if isinstance(value, Refusal)]
    for row in [*rows, *REVOKED.values(), *_FOR_FAULTS]:
        if (row.code, row.subcode) == (code, subcode):
            return row
    return Refusal(code, subcode, "An unknown error has occurred.")
