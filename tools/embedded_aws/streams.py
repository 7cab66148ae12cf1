"""Stream mappings: partial batch failures, and the position after a restart."""

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


def resume() -> None:
    """Move every mapping to the present end of its stream.

    ministack keeps a mapping's position across a restart, but not the records that it counts, so
    that the mapping would skip as many new records as it had read before.
    """
    for account, region, mapping in lambda_svc._iter_all_esms():
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source:
            continue
        table = source.split("/stream/")[0].split("/")[-1]
        with request_scope(account, region):
            end = dynamodb.stream_end_position(table)
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = end
