# Codes of the HTTP interface.

api-not_found = There is no such thing on this ledger, or no such address in the interface.
    .remedy = Check the id; lists show what there is.
api-bad_request = The request is malformed.
    .remedy = The detail names the parameter; /docs describes each.
api-unknown_field = The request has a field or parameter that is not known.
    .remedy = Correct its spelling; /docs lists what is possible.
api-too_large = The request is larger than allowed.
    .remedy = Send less at a time; the bounds are in /docs.
api-unauthorised = Reading needs a credential, and none or a wrong one was given.
    .remedy = Give a token (HEFU_TOKEN or --token-file); the node's operator issues them.
api-forbidden = The credential does not allow this.
    .remedy = Ask the node's operator for a token with this scope.
api-busy = The node is busy, or this client sends too much.
    .remedy = Wait as long as Retry-After says and try again; sending the same transaction twice is harmless.
api-timeout = The outcome was not final in time. The transaction may still commit.
    .remedy = Ask for it with "hefu tx wait", or send the same transaction again.
api-height_in_future = The height asked about does not exist yet.
    .remedy = Leave --at-height out, or give a height up to that of "hefu status".
api-pruned = The node no longer keeps this part of history.
    .remedy = Ask a node that keeps all of it; the detail names the oldest height that this one proves (storage.proof_blocks).
api-unavailable = The node is starting, catching up or stopping.
    .remedy = See /readyz and try again.
api-internal = The node failed to answer.
    .remedy = See its log; if it repeats, report it.
