"""Stream mappings: partial batch failures, and unread records after a restart."""

from typing import Any

from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc


def install() -> None:
    """Honor the partial batch failures that functions report for streams.

    By itself ministack honors them for queues only, and records that a relay could not publish
    would be lost.
    """
    lambda_svc._execute_function_dispatch = _resuming(lambda_svc._execute_function_dispatch)


def _resuming(dispatch: Any) -> Any:
    """Resume a stream at the first record that failed, as AWS does."""

    def dispatch_and_resume(
        function: Any, config: Any, event: Any, request_id: str, started: float
    ) -> Any:
        result = dispatch(function, config, event, request_id, started)
        body = result.get("body")
        failures = body.get("batchItemFailures") if isinstance(body, dict) else None
        records = event.get("Records") if isinstance(event, dict) else None
        if result.get("error") or not failures or not records:
            return result
        if records[0].get("eventSource") != "aws:dynamodb":
            return result
        source, name = records[0]["eventSourceARN"], config["FunctionName"]
        for _, _, mapping in lambda_svc._iter_all_esms():
            partial = "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
            if (mapping["EventSourceArn"], mapping["FunctionName"]) != (
                source,
                name,
            ) or not partial:
                continue
            failed = {failure.get("itemIdentifier") for failure in failures}
            numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
            # an id that is not of this batch fails the whole batch
            first = min((numbers.index(n) if n in numbers else 0) for n in failed)
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] += first
            message = f"{len(failed)} of {len(records)} records failed"
            # `partial`: AWS does not count it as an error of the function
            return {**result, "error": True, "partial": True, "body": {"errorMessage": message}}
        return result

    return dispatch_and_resume


def records_read() -> int:
    """Return the number of records that all mappings have read."""
    return sum(list(lambda_svc._dynamodb_stream_positions._data.values()))


def state() -> list[dict[str, Any]]:
    """Return the records of each stream that a mapping has not read, with their position."""
    unread: dict[tuple[str, str, str], dict[str, Any]] = {}
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source:
            continue
        table = source.split("/stream/")[0].split("/")[-1]
        with request_scope(account, region):
            end = dynamodb.stream_end_position(table)
            position = lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], end)
            others = unread.get((account, region, table), {"position": end})
            position = max(dynamodb.stream_start_position(table), min(position, others["position"]))
            unread[account, region, table] = {
                "account": account,
                "region": region,
                "table": table,
                "position": position,
                "records": dynamodb.stream_records_since(table, position, end - position),
            }
    return list(unread.values())


def restore(unread: list[dict[str, Any]]) -> None:
    """Put unread records back into their streams, and read each stream from there.

    ministack keeps a mapping's position across a restart, but not the records that it counts, so
    that the mapping would skip as many new records as it had read before.

    Parameters
    ----------
    unread
        What ``state`` returned.
    """
    for stream in unread:
        scope = (stream["account"], stream["region"], stream["table"])
        written = dynamodb._stream_records.get_scoped(*scope) or []
        dynamodb._stream_records.set_scoped(*scope, stream["records"] + written)
        dynamodb._stream_trimmed.set_scoped(*scope, stream["position"])
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source:
            continue
        table = source.split("/stream/")[0].split("/")[-1]
        with request_scope(account, region):
            start, end = dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
            position = lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], end)
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = min(max(start, position), end)
