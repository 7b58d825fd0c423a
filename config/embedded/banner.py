"""What a newcomer needs to make the first video, on one screen."""

import json

_ORDER = {
    "model": "kling-v1-6",
    "task": "text_to_video",
    "mode": "std",
    "seconds": 5,
    "inputs": {"prompt": "a paper boat on a river at dawn"},
}
_ID = "import json,sys; print(json.load(sys.stdin)['id'])"
_URL = (
    "import json,sys; j=json.load(sys.stdin); o=j['outputs']; "
    "print(o[0]['url']) if o else sys.exit(str(j['error']))"
)


def banner(*, url: str, token: str, operator_password: str | None) -> str:
    """Return the text; the lines work when pasted one after another into a shell."""
    order = json.dumps(_ORDER)
    operator = (
        f"operator / {operator_password}   (shown this once)"
        if operator_password
        else "operator   (forgotten? ./run manage changepassword operator)"
    )
    ask = 'curl -s -H "$AUTH" -H "Content-Type: application/json"'
    running = '"status": *"(queued|dispatched|running|unknown)"'
    return f"""
Linggan runs. Ctrl-C stops it; the data stays.

  API    {url}/v1        docs   {url}/v1/docs
  admin  {url}/admin/    login  {operator}

A first video: paste this once (the token of the account "demo", and today's free credits) ...

AUTH='Authorization: Bearer {token}'
curl -s -H "$AUTH" -X POST {url}/v1/check-in; echo

... then quote, submit, fetch:

{ask} -d '{order}' {url}/v1/quotes; echo
JOB=$({ask} -H "Idempotency-Key: $(date +%s)" -d '{order}' {url}/v1/jobs | python3 -c "{_ID}"); echo $JOB
while {ask} {url}/v1/jobs/$JOB | grep -Eq '{running}'; do sleep 1; done; curl -s -o video.mp4 "$({ask} {url}/v1/jobs/$JOB | python3 -c "{_URL}")" && ls -l video.mp4
"""  # noqa: E501 (a line that is pasted must be one line)
