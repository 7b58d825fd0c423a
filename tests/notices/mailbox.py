"""A mail server on the loopback that keeps what it is handed, or says no as it is told."""

import email
import socketserver
import threading
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Final, Self

_END: Final = b".\r\n"


@dataclass
class Mailbox:
    """What was handed in, and what the server answers instead of taking it.

    Attributes:
        answers: by command ("RCPT", "DATA", "." for the end of a letter) the line that is said
            next time instead of yes; "" hangs up.
    """

    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.mailbox = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def only(self) -> EmailMessage:
        """The one letter that was handed in."""
        [letter] = self.letters
        return letter


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mailbox: Mailbox


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        mailbox = self.server.mailbox
        self._say("220 mailbox.test ESMTP")
        for line in self.rfile:
            verb = line.split(b" ")[0].strip().upper().decode()
            if not self._goes_on(verb):
                return
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb == "DATA" and self._taken:
                self._say("354 go on")
                letter = b"".join(iter(self.rfile.readline, _END))
                if not self._goes_on("."):
                    return
                if self._taken:
                    letter = letter.replace(b"\r\n..", b"\r\n.").replace(b"\r\n", b"\n")
                    mailbox.letters.append(email.message_from_bytes(letter, policy=policy.default))
                    self._say("250 taken")
            elif self._taken:
                if verb == "RCPT":
                    mailbox.recipients.append(line.decode().partition("<")[2].rstrip(">\r\n"))
                self._say("250 yes")

    def _goes_on(self, verb: str) -> bool:
        """Say what was ordered for this command, if anything; return whether to go on."""
        answer = self.server.mailbox.answers.pop(verb, None)
        self._taken = answer is None
        if answer:
            self._say(answer)
        return answer != ""

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
