"""Alarms on failures that no share of requests shows: events, queues, breakers, and orders."""

from shopctl.deploying import metrics
from shopctl.deploying.alarms.resources import (
    Alarms,
    Expression,
    Notice,
    Window,
    metric_alarm,
    notify,
)
from shopctl.project import aws_names, delivery_config
from shopctl.project.services import Service
from shopctl.project.stages import Stage

_MINUTE = 60
# one bad period may be chance, three in a row are not
_LASTING = Window(5 * _MINUTE, 3)
_SOON = Window(_MINUTE, 5, 3)
# far longer than a function needs, far shorter than the day after which its records expire
_DEFAULT_LAG_S = 60
# a few poison events are a ticket, of their queue's alarm; these are probably a release
_MANY_PARKED = 10
# requests in five minutes below which a share says nothing about the shop
_FEWEST_REQUESTS = 20
_REFUSED_SHARE = 0.5
# An order and its payment can be on different sides of the edge of a window. The next window then
# counts the payment without its order, so several windows in a row do not lack payments by chance.
_FEWEST_ORDERS = 2
# the longest pause between two deliveries of a message, without the time that an attempt takes
_LONGEST_PAUSE = 3600
_RECONCILE_SECONDS = 6 * 3600


def of_queues(service: Service, stage: Stage) -> Alarms:
    """Return an alarm for each dead-letter queue."""
    alarms: Alarms = {}
    if not service.resources_file.exists():
        return alarms
    for queue, target in delivery_config.redrives(service, stage).items():
        if target:
            # its consumer gives up on a message by moving it to its dead-letter queue
            continue
        name = queue.removeprefix(aws_names.resource(stage.name, f"{service.dashed}-"))
        short = name.removesuffix("-dead-letters")
        runbook = "reconcile#failed-runs" if short == "reconcile" else "dead-letters"
        alarms[name] = {
            **notify(
                stage,
                Notice(
                    "Ticket",
                    f"{service.name} could not handle messages, which are in {name}",
                    runbook,
                ),
            ),
            **metric_alarm(
                metrics.queue(queue, "ApproximateNumberOfMessagesVisible"),
                "Maximum",
                0,
                Window(_MINUTE),
            ),
        }
    return alarms


def of_functions(service: Service, stage: Stage) -> Alarms:
    """Return the alarms on functions that are not invoked by requests."""
    alarms: Alarms = {}
    for function, trigger in delivery_config.triggers(service).items():
        name = aws_names.dashed(function)
        # a run of a schedule that fails is in a dead-letter queue at once; the next one is too late
        if trigger not in ("call", "schedule"):
            alarms[f"{name}-failures"] = {
                **notify(
                    stage,
                    Notice(
                        "Ticket",
                        f"{function} of {service.name} fails repeatedly; its events are waiting",
                        "functions",
                    ),
                ),
                **metric_alarm(
                    metrics.function(stage, service.name, function, "Errors"), "Sum", 0, _LASTING
                ),
            }
        if trigger not in ("call", "queue"):
            alarms[f"{name}-losses"] = {
                **notify(
                    stage,
                    Notice(
                        "Page",
                        f"{function} of {service.name} lost an event: its failure destination did"
                        " not accept it",
                        "functions#losses",
                    ),
                ),
                **metric_alarm(
                    metrics.function(stage, service.name, function, "DestinationDeliveryFailures"),
                    "Sum",
                    0,
                    Window(5 * _MINUTE),
                ),
            }
        if trigger == "stream":
            alarms |= _of_stream(service, stage, function)
    return alarms


def of_events(service: Service, stage: Stage) -> Alarms:
    """Return the alarms on a service's calls, parked events and tables."""
    alarms: Alarms = {}
    for downstream in sorted(service.manifest.calls):
        alarms[f"{aws_names.dashed(downstream)}-breaker"] = {
            **notify(
                stage,
                Notice(
                    "Ticket",
                    f"The circuit breaker of {service.name} for {downstream} is open",
                    "breaker",
                ),
            ),
            **metric_alarm(
                metrics.shop(stage, service.name, "toyshop.breaker.open", downstream=downstream),
                "Maximum",
                0,
                _SOON,
            ),
        }
    if service.manifest.events.emits or service.manifest.events.listens:
        alarms["many-parked"] = {
            **notify(
                stage,
                Notice(
                    "Page",
                    f"{service.name} moves many events to its dead-letter queues",
                    "dead-letters#many-at-once",
                ),
            ),
            **metric_alarm(
                metrics.shop(stage, service.name, "toyshop.events.parked"),
                "Sum",
                _MANY_PARKED - 1,
                Window(5 * _MINUTE),
            ),
        }
    if "queue" in delivery_config.triggers(service).values():
        # functions report the messages they failed to handle, which AWS does not count as an error
        alarms["events-failing"] = {
            **notify(
                stage,
                Notice(
                    "Ticket",
                    f"{service.name} keeps failing to handle a message, which waits in its queue",
                    "functions#failing-events",
                ),
            ),
            **metric_alarm(
                metrics.shop(stage, service.name, "toyshop.events.failing"),
                "Sum",
                0,
                # also while a message waits for its next delivery
                Window(_LONGEST_PAUSE, 2, 1),
            ),
        }
    for table in service.manifest.owns.tables:
        throttled = {
            f"throttled{number}": (metric, "Sum")
            for number, metric in enumerate(metrics.throttled(service, stage, table), 1)
        }
        alarms[f"{table}-table-throttled".removeprefix(f"{service.dashed}-")] = {
            **notify(
                stage,
                Notice(
                    "Ticket", f"DynamoDB throttles requests for the table {table}", "throttling"
                ),
            ),
            # CloudWatch keeps an alarm on a metric of DynamoDB as it is while there are no values
            **metric_alarm(
                Expression(" + ".join(f"FILL({each}, 0)" for each in throttled), throttled),
                "",
                0,
                _SOON,
            ),
        }
    return alarms


def of_public_api(service: Service, stage: Stage) -> Alarms:
    """Return the alarm on refused requests of the API that clients use."""
    if not service.is_public:
        return {}
    counted = {
        "refused": (metrics.api(stage, service.name, "4XXError"), "Sum"),
        "requests": (metrics.api(stage, service.name, "Count"), "Sum"),
    }
    return {
        "refusals": {
            **notify(
                stage,
                Notice(
                    "Ticket", f"{service.name} refuses more than half of its requests", "refusals"
                ),
            ),
            **metric_alarm(
                Expression(
                    f"IF(requests >= {_FEWEST_REQUESTS}, FILL(refused, 0) / requests, 0)", counted
                ),
                "",
                _REFUSED_SHARE,
                _LASTING,
            ),
        }
    }


def of_business(service: Service, stage: Stage) -> Alarms:
    """Return the alarms on what the shop owes its customers."""
    alarms: Alarms = {}
    if objective := service.manifest.objectives.orders_settled:
        counted = {
            "placed": (metrics.shop(stage, "orders", "toyshop.orders.placed"), "Sum"),
            "settled": (metrics.shop(stage, service.name, "toyshop.orders.settled"), "Sum"),
        }
        unsettled = "(FILL(placed, 0) - FILL(settled, 0))"
        alarms["orders-unsettled"] = {
            **notify(
                stage,
                Notice(
                    "Page",
                    f"For 15 minutes, fewer than {objective} of the orders have been paid,"
                    " declined or cancelled, or wait for the customer",
                    "orders#unsettled",
                ),
            ),
            **metric_alarm(
                Expression(
                    f"IF({unsettled} >= {_FEWEST_ORDERS}, 100 * {unsettled} / FILL(placed, 1), 0)",
                    counted,
                ),
                "",
                round(100 - float(objective.rstrip(" %")), 6),
                _LASTING,
            ),
        }
    if "gateway:webhook_secret" in service.manifest.environment.values():
        alarms["webhooks-rejected"] = {
            **notify(
                stage,
                Notice(
                    "Ticket",
                    f"{service.name} rejects webhooks whose signature is not valid",
                    "webhooks",
                ),
            ),
            **metric_alarm(
                metrics.shop(stage, service.name, "toyshop.webhooks", result="rejected"),
                "Sum",
                0,
                _LASTING,
            ),
        }
    if "reconcile" in service.manifest.functions:
        alarms["invariant-violations"] = {
            **notify(stage, Notice("Ticket", "Orders violate an invariant", "reconcile")),
            **metric_alarm(
                metrics.shop(stage, service.name, "toyshop.invariant.violations"),
                "Maximum",
                0,
                # the schedule's period: the alarm stays on until a run finds no violation
                Window(_RECONCILE_SECONDS),
                missing="ignore",
            ),
        }
    return alarms


def _of_stream(service: Service, stage: Stage, function: str) -> Alarms:
    age = metrics.function(stage, service.name, function, "IteratorAge")
    if not service.manifest.events.emits:
        name, what = f"{aws_names.dashed(function)}-lag", f"{function} of {service.name}"
        return {
            name: {
                **notify(
                    stage,
                    Notice("Ticket", f"{what} is far behind its table's stream", "outbox"),
                ),
                **metric_alarm(age, "Maximum", _DEFAULT_LAG_S * 1000, _LASTING),
            }
        }
    # CloudWatch has the age also if the code cannot run, the relay's own metric also if it is slow
    lag = metrics.shop(stage, service.name, "toyshop.outbox.lag")
    seconds = "FILL(age, 0) / 1000"
    return {
        "outbox-lag": {
            **notify(
                stage,
                Notice(
                    "Page", f"Events of {service.name} are published late or not at all", "outbox"
                ),
            ),
            **metric_alarm(
                Expression(
                    f"IF({seconds} > FILL(lag, 0), {seconds}, FILL(lag, 0))",
                    {"age": (age, "Maximum"), "lag": (lag, "Maximum")},
                ),
                "",
                service.manifest.objectives.outbox_lag_s or _DEFAULT_LAG_S,
                _SOON,
            ),
        }
    }
