"""What lies here is asked only behind a pooler: `./run test --pooled`."""

import os

collect_ignore = [] if os.environ.get("LINGGAN_TEST_POOLED") else ["test_lending.py"]
