"""Where the service keeps its films: below a folder, or in a bucket of any S3."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.config import Config  # type: ignore[import-untyped]  # it ships no types
from django.core.exceptions import ImproperlyConfigured


def file_storage(url: str) -> dict[str, Any]:
    """Return where outputs are stored: below MEDIA_ROOT, or in a bucket of an S3 that `url` names.

    s3://bucket/prefix?endpoint=https://host&region=name; keys come from the usual places of AWS.
    """
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    unknown = set(asked) - {"endpoint", "region"}
    if parts.scheme != "s3" or not parts.netloc or parts.fragment or unknown:
        raise ImproperlyConfigured(
            "STORAGE_URL must be s3://bucket/prefix?endpoint=https://host&region=name; prefix, "
            "endpoint and region may be left out."
        )
    endpoint = asked.get("endpoint", [None])[0]
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "endpoint_url": endpoint,
            "region_name": asked.get("region", [None])[0],
            "default_acl": None,  # a bucket of today refuses them
            "file_overwrite": True,  # names are unique already; the other way asks twice
            "client_config": Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint else "auto"},
                connect_timeout=3,
                read_timeout=20,
                retries={"max_attempts": 3, "mode": "standard"},
            ),
        },
    }
