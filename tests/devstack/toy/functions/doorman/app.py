def handler(event, context):
    caller = event["headers"].get("authorization", "nobody")
    return {"isAuthorized": caller != "stranger", "context": {"caller": caller}}
