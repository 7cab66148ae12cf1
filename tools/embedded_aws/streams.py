"""Stream mappings: answers about a part of a batch, and the position after a restart."""

from typing import Any

from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc


def install() -> None:
    """Let a function say which records of a stream it has not handled.

    ministack reads such answers of functions that read queues alone: records that a relay could
    not publish would be lost.
    """
    lambda_svc._execute_function_dispatch = _resuming(lambda_svc._execute_function_dispatch)


def _resuming(dispatch: Any) -> Any:
    """Go on, after a partial answer, with the first record that failed, as AWS does."""

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
            # what is no record of the batch fails the whole of it
            first = min((numbers.index(n) if n in numbers else 0) for n in failed)
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] += first
            message = f"{len(failed)} of {len(records)} records were not handled"
            return {**result, "error": True, "body": {"errorMessage": message}}
        return result

    return dispatch_and_resume


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
