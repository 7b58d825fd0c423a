#!/usr/bin/env python
"""Django's command line; the commands live in `billing` and `plans`.

Without DATABASE_URL it uses the embedded servers of the data folder, as `./run manage` does.
"""

import os
import sys

from config.embedded.commands import manage

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.exit(manage(sys.argv))
