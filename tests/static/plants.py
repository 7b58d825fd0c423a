"""For each rule of rules.yml, lines that it must find; this file is read, never run."""

PLANTS = {
    "request-data-as-arguments": [
        "Job.objects.create(**request.data)",
        "order(account, **request.query_params)",
        "order(**request.POST.dict())",
    ],
    "request-data-as-lookups": [
        "def f(request):\n    asked = request.query_params\n    return Job.objects.filter(**asked)",
        "def f(request):\n    return Job.objects.order_by(request.GET['by'])",
    ],
    "float-money": [
        "price = float(price_text)",
        "share = amount_micros / 3",
        "credits_used: float = 0",
    ],
    "text-marked-safe": ["mark_safe(name)", "SafeString(name)", 'format_html(f"<b>{name}</b>")'],
    "text-marked-safe-in-a-template": ["<b>{{ name|safe }}</b>", "{% autoescape off %}"],
    "sql-by-formatting": [
        'cursor.execute(f"SELECT {name}")',
        'cursor.execute("SELECT %s" % name)',
        'cursor.execute("SELECT " + name)',
        'cursor.execute("SELECT {}".format(name))',
        'Job.objects.raw(f"SELECT {name}")',
        "Job.objects.extra(where=[name])",
    ],
    "call-past-egress": [
        "import requests\nrequests.get(url)",
        "import httpx\nhttpx.post(url)",
        "import urllib.request\nurllib.request.urlopen(url)",
        "import socket\nsocket.create_connection((host, 80))",
    ],
    "webhook-believed-unproven": [
        "client.construct_event_without_verification(body)",
        "import stripe\nstripe.Event.construct_from(body, key)",
    ],
    "token-believed-unproven": [
        'import jwt\njwt.decode(token, key, options={"verify_signature": False})',
        'import jwt\njwt.decode(token, key, algorithms=["none"])',
    ],
    "secret-compared-by-its-first-difference": [
        "if signature == given: pass",
        "if key.secret_hash != given: pass",
        "if hashlib.sha256(x).hexdigest() == given: pass",
    ],
    "code-from-data": [
        "eval(text)",
        "import pickle\npickle.loads(body)",
        "import yaml\nyaml.load(text)",
        "import subprocess\nsubprocess.run(line, shell=True)",
    ],
    "form-without-a-token": ["@csrf_exempt\ndef view(request): ...", "view = csrf_exempt(show)"],
    "guard-switched-off": [
        "view = xframe_options_exempt(show)",
        "ssl._create_unverified_context()",
        "client(url, verify=False)",
        'ALLOWED_HOSTS = ["*"]',
    ],
}
