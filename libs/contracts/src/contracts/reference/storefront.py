"""The document of the storefront's API."""

from contracts.reference import Reference, Tag

REFERENCE = Reference(
    title="Toy shop",
    name="storefront",
    server="The origin that serves this document",
    description="""\
The API of the toy shop for web pages, apps and scripts: browse the catalogue, sign up, order toys \
and follow an order until it is paid.

**Authentication.** `POST /sessions` returns an `access_token`; send it as `Authorization: \
Bearer`. Every user is a customer; some are staff.

**Problems.** An error is an `application/problem+json` document (RFC 9457). Its `type` links to \
[the page](/problems.html) that explains the cause and the remedy; `errors` lists the fields that \
are not valid.

**Retries.** A request with an `Idempotency-Key` can be repeated with that key until it gets a \
response: it takes effect once. If a response has a `Retry-After` header, wait that many seconds.

**Versions.** The `ETag` of a toy or an order is its version. A change requires it as `If-Match`, \
so that it never overwrites someone else's change.

**Lists.** `next_cursor` is the `cursor` of the next page, and `null` on the last one.

**Money** is an integer in the currency's minor units: 2999 in AUD is 29.99 Australian dollars. \
**Times** are in UTC.

What happens behind the API is described by [the events](/docs/events.html).""",
    tags=(
        Tag(
            "Catalogue",
            "Toys, for everyone who browses the shop.",
            {
                "searchToys": "Returns the toys that match all given filters. Without `sort`, a "
                "search with `q` lists the newest toys first; `sort=relevance` lists the best "
                "matches first. `q` ignores case, accents and hyphens, matches the beginnings of "
                "words in any order, and tolerates a typing error when nothing else is found.",
                "suggestToys": "Returns names and brands that continue what a shopper has typed "
                "so far.",
                "getToy": "Returns a toy with the images that are ready. With `If-None-Match` the "
                "response is 304 while the toy has not changed.",
                "listCountries": "Returns, for each country, the fields of an address in the usual "
                "order, with their names in that country and whether they are required.",
            },
        ),
        Tag(
            "Accounts",
            "Sign-up, sessions and profiles.",
            {
                "signUp": "Creates an account that can sign in once its address is confirmed. "
                "An address has one account only.",
                "confirmUser": "Confirms the address with the code that was emailed to it.",
                "resendCode": "The response is the same whether or not the address has an account.",
                "requestPasswordReset": "The response is the same whether or not the address has "
                "an account.",
                "resetPassword": "Sets a new password. The user has to sign in again on all "
                "devices.",
                "signIn": "Starts a session with `email` and `password`, or renews one with its "
                "`refresh_token`. After five wrong passwords in a row the user has to wait, longer "
                "after each further one.",
                "getProfile": "Returns the id, email address and name of the signed-in user.",
                "changeProfile": "Changes the name of the signed-in user.",
            },
        ),
        Tag(
            "Orders",
            "Orders of the signed-in customer, and their payment.",
            {
                "placeOrder": "Places an order and charges the payment method soon after: poll the "
                "order until `payment.status` is no longer `pending`. The shop sets the prices; "
                "with `expected_total`, an order with a different total is refused with 409 "
                "and nothing is placed. The same `Idempotency-Key` and body again return the same "
                "order with 200.",
                "listOrders": "Returns the customer's orders, or everyone's for staff.",
                "getOrder": "Returns an order with the state of its payment; 404 if it is another "
                "customer's.",
                "changeOrder": "Replaces members of the shipping address, unless the order is "
                "cancelled.",
                "cancelOrder": "Cancels the order. The payment is cancelled, or refunded if it was "
                "charged. Repeating the request is not an error.",
                "payAgain": "Charges another payment method after a decline, or instead of a "
                "confirmation by the bank. It is the same order, with at most one charge.",
                "getReceipt": "Redirects to the receipt, which exists shortly after the charge, "
                "when the order's `receipt` is true.",
            },
        ),
        Tag(
            "Staff",
            "Changes of the catalogue, and the journey of an order, for the shop's staff.",
            {
                "createToy": "Adds a toy. It can be found within a few seconds.",
                "replaceToy": "Replaces all details of the toy. What `GET /toys/{toy_id}` returns "
                "can be changed and sent back.",
                "patchToy": "Replaces the given members; `null` removes an attribute.",
                "deleteToy": "Withdraws the toy from the catalogue, with its images. Orders keep "
                "its name and price.",
                "addToyImage": "Announces an image. Then post it to `upload.url` as "
                "`multipart/form-data`: first the `fields`, then the part `file`. The toy lists "
                "the image once its content has been checked.",
                "listToyImages": "Returns images in every status; a rejected one has the reason.",
                "removeToyImage": "Removes the image from the toy and deletes it.",
                "getJourney": "Returns what each service did for the order, in order of time: "
                "requests, events, attempts, waiting times and emails. It is drawn from traces, "
                "which are kept for 30 days; `missing` says why there is nothing to draw.",
            },
        ),
        Tag(
            "Service",
            "The shop itself, and the callbacks of the payment gateway.",
            {
                "getHealth": "With `deep=1` it checks the private services too; 503 if one of them "
                "is down.",
                "getOpenApi": "Returns the OpenAPI document of this API.",
                "receivePaymentWebhook": "Receives events of the payment gateway, as Stripe sends "
                "them. The signature is computed over the exact bytes of the body. Repeated and "
                "unknown events are accepted and ignored.",
            },
        ),
    ),
)
