"""
The one place that knows Meta's error numbers.

A new code is one row. The row of the exact subcode wins over the row of any subcode (`None`). Subcodes of the 2207
family keep their meaning whatever code they come with, which matters because a failed container tells only a subcode.

Sources: "codes" is Meta's Instagram error-codes reference as of June 2026; "graph" the Graph API error guide; "limits"
the Graph rate-limiting guide; "observed" is not documented by Meta but reported by several running systems.
"""

from typing import NamedTuple

from darkroom.instagram.errors import (
    AccountRestrictedError,
    AppCredentialsError,
    AuthorizationCodeError,
    InstagramError,
    InstagramUnavailableError,
    InvalidRequestError,
    MediaNotReadyError,
    MediaRejectedError,
    MediaUnreachableError,
    PermissionDeniedError,
    PublishingLimitReachedError,
    RateLimitedError,
    TokenInvalidError,
)


class Row(NamedTuple):
    """`subcode` None: any. `source`: who says so."""

    code: int
    subcode: int | None
    error: type[InstagramError]
    source: str


CODE_TABLE: tuple[Row, ...] = (
    # Instagram's own trouble.
    Row(-2, None, InstagramUnavailableError, "codes: family of 2207003 and 2207020"),
    Row(-2, 2207003, MediaUnreachableError, "codes: download of the media takes too long"),
    Row(-2, 2207020, MediaNotReadyError, "codes: media expired"),
    Row(-1, None, InstagramUnavailableError, "codes: family of 2207001"),
    Row(-1, 2207001, InstagramUnavailableError, "codes: Instagram server error"),
    Row(-1, 2207032, InstagramUnavailableError, "codes: creating the media failed, try again"),
    Row(-1, 2207053, InstagramUnavailableError, "codes: unknown upload error"),
    Row(-1, 2207073, InvalidRequestError, "codes: media type cannot be deleted"),
    Row(-1, 2207085, InstagramUnavailableError, "observed: 'Fatal', on Meta's side"),
    Row(1, None, InstagramUnavailableError, "graph: unknown error"),
    Row(1, 2207057, InvalidRequestError, "codes: thumb offset out of range"),
    Row(2, None, InstagramUnavailableError, "graph: service temporarily unavailable"),
    # Throttling. Meta sends it as HTTP 400 or 403 as often as 429.
    Row(4, None, RateLimitedError, "limits: application"),
    Row(17, None, RateLimitedError, "limits: user"),
    Row(32, None, RateLimitedError, "limits: Page or user token"),
    Row(341, None, RateLimitedError, "graph: application limit"),
    Row(613, None, RateLimitedError, "limits: custom limit, 1996 is an odd volume"),
    *(Row(code, None, RateLimitedError, "limits: business use case") for code in range(80001, 80015)),
    Row(9, None, PublishingLimitReachedError, "codes: publishing quota"),
    Row(9, 2207042, PublishingLimitReachedError, "codes: publishing quota"),
    # The account.
    Row(4, 2207051, AccountRestrictedError, "codes: action restricted as suspected spam; not the throttle of code 4"),
    Row(25, None, AccountRestrictedError, "codes: family of 2207050"),
    Row(25, 2207050, AccountRestrictedError, "codes: account restricted, inactive or checkpointed"),
    Row(190, 459, AccountRestrictedError, "graph: checkpoint, the owner logs in to the site"),
    Row(190, 464, AccountRestrictedError, "graph: unconfirmed user"),
    Row(368, None, AccountRestrictedError, "graph: blocked for policy reasons"),
    Row(9009, None, AccountRestrictedError, "graph: Instagram user unavailable"),
    # Token and permissions.
    Row(102, None, TokenInvalidError, "graph: session key invalid"),
    Row(
        190, None, TokenInvalidError, "graph: token invalid; 458 app removed, 460 password, 463 expired, 467 logged out"
    ),
    Row(10, None, PermissionDeniedError, "graph: permission denied"),
    *(Row(code, None, PermissionDeniedError, "graph: permission not granted") for code in range(200, 300)),
    Row(101, None, AppCredentialsError, "graph: error validating application, the app id is wrong"),
    Row(104, None, AppCredentialsError, "graph: incorrect signature, the app secret proof"),
    # Containers.
    Row(24, None, MediaNotReadyError, "codes: family of 2207006"),
    Row(24, 2207006, MediaNotReadyError, "codes: media id not found"),
    Row(24, 2207008, MediaNotReadyError, "codes: media builder missing or expired"),
    Row(9007, None, MediaNotReadyError, "codes: media not ready"),
    Row(9007, 2207027, MediaNotReadyError, "codes: media not ready"),
    Row(9004, None, MediaUnreachableError, "codes: media could not be fetched"),
    Row(9004, 2207052, MediaUnreachableError, "codes: not fetched from the URI; observed as a passing fault too"),
    # The media.
    Row(352, None, MediaRejectedError, "codes: family of 2207026"),
    Row(352, 2207026, MediaRejectedError, "codes: video format"),
    Row(352, 2207076, MediaUnreachableError, "observed: fetching or transcoding failed"),
    Row(352, 2207077, MediaUnreachableError, "observed: video download failed"),
    Row(352, 2207082, MediaUnreachableError, "observed: upload of a large or slow file failed"),
    Row(36000, None, MediaRejectedError, "codes: image too large"),
    Row(36000, 2207004, MediaRejectedError, "codes: image too large"),
    Row(36001, None, MediaRejectedError, "codes: image format"),
    Row(36001, 2207005, MediaRejectedError, "codes: image format"),
    Row(36003, None, MediaRejectedError, "codes: aspect ratio"),
    Row(36003, 2207009, MediaRejectedError, "codes: aspect ratio"),
    # The request.
    Row(36004, None, InvalidRequestError, "codes: caption too long"),
    Row(36004, 2207010, InvalidRequestError, "codes: caption too long"),
    Row(100, None, InvalidRequestError, "graph: invalid parameter"),
    Row(100, 33, InstagramUnavailableError, "graph: object not visible; observed for seconds after it was written"),
    Row(100, 36007, AuthorizationCodeError, "observed: Facebook Login, the code has expired"),
    Row(100, 36008, AuthorizationCodeError, "observed: Facebook Login, the code belongs to another redirect_uri"),
    Row(100, 36009, AuthorizationCodeError, "observed: Facebook Login, the code was used"),
    Row(100, 2207023, InvalidRequestError, "codes: unknown media type"),
    Row(100, 2207028, InvalidRequestError, "codes: number of carousel items"),
    Row(100, 2207035, InvalidRequestError, "codes: product tag position on a video"),
    Row(100, 2207036, InvalidRequestError, "codes: product tag position missing on a photo"),
    Row(100, 2207037, InvalidRequestError, "codes: product tag invalid"),
    Row(100, 2207040, InvalidRequestError, "codes: too many tags"),
    Row(100, 2207081, InvalidRequestError, "observed: the account may not make trial reels"),
    Row(110, None, InvalidRequestError, "graph: invalid user id"),
    Row(506, None, InvalidRequestError, "graph: duplicate post"),
    Row(803, None, InvalidRequestError, "graph: unknown alias"),
    Row(2500, None, InvalidRequestError, "graph: unknown path component"),
)

# Where only Meta's sentence tells an installation's fault from the caller's: (part of it in lower case, class, source).
# The first that fits wins.
SAYINGS: tuple[tuple[str, type[InstagramError], str], ...] = (
    ("appsecret_proof", AppCredentialsError, "graph: securing requests; comes with code 100"),
    ("client secret", AppCredentialsError, "observed: comes with code 1 or 100, or from api.instagram.com"),
    ("client_secret", AppCredentialsError, "observed: as above"),
    ("invalid platform app", AppCredentialsError, "observed: api.instagram.com, wrong app id"),
    ("verification code", AuthorizationCodeError, "observed: api.instagram.com"),
    ("authorization code", AuthorizationCodeError, "observed: Facebook Login"),
    ("matching code", AuthorizationCodeError, "observed: api.instagram.com"),
)

# For each call that must not be repeated, the codes that prove that this very call did nothing. Every other error
# answer leaves the outcome unknown: asking costs one look-up, believing a wrong one costs a second post.
_REFUSED_BEFORE_ANYTHING: dict[int, str] = {
    10: "permission is checked before the effect",
    102: "the session is checked before anything else",
    104: "the app secret proof is checked before anything else",
    190: "the token is checked before anything else",
    **dict.fromkeys(range(200, 300), "permission is checked before the effect"),
}
# media_publish. A throttle or "unknown error" has been seen for posts that were live a moment later.
REFUSED_BEFORE_PUBLISHING: dict[int, str] = _REFUSED_BEFORE_ANYTHING | {
    9: "the quota is checked before the container is touched",
    9007: "the container had not finished, so there was nothing to publish",
}
# A new comment. Nobody has recorded which errors come before the comment, so nothing else is believed. Least of all
# 100: it is the answer to reading back what Instagram does not find yet (subcode 33) or fields it does not know, and
# comments have been seen to exist behind an error of that step. 9 and 9007 are about containers.
REFUSED_BEFORE_COMMENTING: dict[int, str] = _REFUSED_BEFORE_ANYTHING

# The subcodes of 190 that say why a token is dead for good. Without one of them 190 is no proof: it is also the answer
# to a token that was garbled on the way or belongs to the other login. 459 and 464 are of a token that lives on.
PROVES_REVOCATION: dict[int, str] = {
    458: "graph: the person has removed the app",
    460: "graph: the password was changed",
    463: "graph: expired",
    467: "graph: invalidated, the person logged out",
    492: "graph: the person has lost the role on the Page",
}

_BY_CODE = {(row.code, row.subcode): row.error for row in CODE_TABLE}
_BY_SUBCODE = {row.subcode: row.error for row in CODE_TABLE if row.subcode and row.subcode >= 2207000}


def classify(code: int | None, subcode: int | None) -> type[InstagramError] | None:
    """The class of an error; None when neither number is known. `code` is None for a container that failed."""
    if code is not None and (code, subcode) in _BY_CODE:
        return _BY_CODE[code, subcode]
    if subcode in _BY_SUBCODE:
        return _BY_SUBCODE[subcode]
    return None if code is None else _BY_CODE.get((code, None))


def proves_revocation(code: int | None, subcode: int | None) -> bool:
    return code == 190 and subcode in PROVES_REVOCATION


def classify_sentence(sentence: str) -> type[InstagramError] | None:
    """For the few faults that Meta tells apart in words only."""
    lowered = sentence.lower()
    return next((error for part, error, _source in SAYINGS if part in lowered), None)


# What a subcode means to the person who has the file or the text. Source: codes.
SENTENCES: dict[int, str] = {
    2207004: "The image is larger than 8 MB.",
    2207005: "The image is not a JPEG that Instagram can read.",
    2207009: "The image's aspect ratio is outside 4:5 to 1.91:1.",
    2207010: "The caption is too long.",
    2207026: "The video's format is not supported: use MP4 or MOV with H.264 or HEVC and AAC.",
    2207057: "The cover's offset lies beyond the end of the video.",
    2207081: "This account cannot publish trial reels.",
}
