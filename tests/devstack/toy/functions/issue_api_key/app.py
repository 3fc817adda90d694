def handler(event, context):
    if not event["tenant_id"].isalpha():
        raise ValueError("tenant_id")
    return {"key": f"drk_{event['mode']}_{event['tenant_id']}", "id": "key_1", "scopes": event["scopes"]}
