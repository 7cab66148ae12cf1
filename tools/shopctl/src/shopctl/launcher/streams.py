"""Stream mappings after a restart."""

from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc


def resume() -> None:
    """Let every mapping read from the stream's present end.

    ministack keeps a mapping's position over a restart, but not the records it counts: after a
    restart a mapping would wait until as many new records have come as it had read before.
    """
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source:
            continue
        table = source.split("/stream/")[0].split("/")[-1]
        with request_scope(account, region):
            end = dynamodb.stream_end_position(table)
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = end
