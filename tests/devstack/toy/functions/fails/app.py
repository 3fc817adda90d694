class UnavailableError(Exception):
    pass


class RejectedError(Exception):
    pass


attempts = []


def handler(event, context):
    attempts.append(context.aws_request_id)
    if len(attempts) == 1:
        raise UnavailableError("try again")
    raise RejectedError("no")
