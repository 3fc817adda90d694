def handler(event, context):
    return {"cleaned_up_after": event["error"]["Error"]}
