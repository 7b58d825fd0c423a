"""The only way out to addresses that strangers choose: resolved once, checked, then called."""

from billing.egress.connecting import Policy, Unreachable, check_url, look_up, networks
from billing.egress.fetching import PUBLIC, FetchPolicy, TooLarge, fetch, trusting
from billing.egress.posting import Reply, post

__all__ = [
    "PUBLIC",
    "FetchPolicy",
    "Policy",
    "Reply",
    "TooLarge",
    "Unreachable",
    "check_url",
    "fetch",
    "look_up",
    "networks",
    "post",
    "trusting",
]
