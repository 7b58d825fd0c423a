"""What a newcomer needs to make the first video, on one screen."""

import json

from config.embedded.console import padded
from config.embedded.speech import gettext as _

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
_COLUMNS = 7
_ON_ITS_WAY = '"status": *"(queued|dispatched|running|unknown)"'


def banner(
    *, url: str, logs: str, token: str, operator_password: str | None, emulator_url: str
) -> str:
    """Return the text; its lines work when pasted one after another into a shell.

    Args:
        emulator_url: where an emulator of Stripe is; "": Stripe itself is paid, or nobody.
    """
    operator = (
        f"operator / {operator_password}   ({_('shown this once')})"
        if operator_password
        else f"operator   ({_('forgotten?')} ./run manage changepassword operator)"
    )
    says = _("an emulator of Stripe: test cards alone, no money moves")
    pay = f"\n  {_label(_('pay'))}{emulator_url}   {says}" if emulator_url else ""
    get = 'curl -s -H "$AUTH"'
    post = f'{get} -H "Content-Type: application/json"'
    return f"""
{_("Linggan runs. Ctrl-C stops it; the data stays.")}

  {_label("API")}{url}/v1        {_label(_("docs"))}{url}/v1/docs
  {_label(_("admin"))}{url}/admin/    {_label(_("login"))}{operator}
  {_label("")}{_("then a code:")}   ./run manage totp_code
  {_label(_("logs"))}{logs}{pay}

# {_("A first video. Paste once: who you are, what you want, today's free credits.")}

API={url}/v1 AUTH='Authorization: Bearer {token}'
ORDER='{json.dumps(_ORDER)}'
{get} -X POST $API/check-in; echo

# {_("Then quote, submit, watch, fetch.")}

{post} -d "$ORDER" $API/quotes; echo
JOB=$({post} -H "Idempotency-Key: $(date +%s)" -d "$ORDER" $API/jobs | python3 -c "{_ID}"); echo $JOB
curl -sNL -H "$AUTH" $API/jobs/$JOB/events
while {get} $API/jobs/$JOB | grep -Eq '{_ON_ITS_WAY}'; do sleep 1; done; curl -s -o video.mp4 "$({get} $API/jobs/$JOB | python3 -c "{_URL}")" && ls -l video.mp4
"""  # noqa: E501 (a line that is pasted must be one line)


def _label(word: str) -> str:
    return padded(word, _COLUMNS)
