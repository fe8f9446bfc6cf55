"""A notification by mail: a sentence that people read, and what programs read attached to it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#email

Nothing that is known of a child is in it: of which subscription, which events, and ids at most.
"""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import SplitResult, unquote, urlsplit

from server import clock
from server.definition.xml import to_xml
from server.settings import Settings, is_loopback
from server.subscription.channel.check import XML
from server.subscription.channel.parcel import ERROR_RESPONSE, NO_RESPONSE, NotDelivered, Parcel

_PORTS = {"smtp": 587, "smtps": 465}
_SUBJECTS = {
    "handshake": "You are subscribed",
    "heartbeat": "Your subscription is alive",
    "event-notification": "Something you asked to be told of has happened",
}
_SUFFIXES = {XML: "xml"}


@dataclass(frozen=True, slots=True)
class Email:
    """`server`: the URL of the mail server; `sender`: the address that mails come from; `base`: of the
    record."""

    server: str
    sender: str
    base: str

    @classmethod
    def of(cls, found: Settings) -> "Email":
        """As the operator set it up."""
        return cls(found.smtp_url, found.mail_from, found.public_url)

    async def deliver(self, parcel: Parcel) -> None:
        """Hand the mail to the mail server; raises NotDelivered."""
        if not self.server:
            raise NotDelivered(NO_RESPONSE, "This server sends no mails.")
        await asyncio.to_thread(self._send, self.mail(parcel), parcel.seconds)

    def mail(self, parcel: Parcel) -> EmailMessage:
        """The mail for a notification."""
        made = EmailMessage()
        made["From"], made["To"] = self.sender, parcel.endpoint.removeprefix("mailto:")
        made["Subject"] = f"Single Child Record: {_SUBJECTS[parcel.kind]}"
        made["Date"] = format_datetime(clock.now())
        made["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        # RFC 3834: no out-of-office answers.
        made["Auto-Submitted"] = "auto-generated"
        made.set_content(
            f"{_SUBJECTS[parcel.kind]}. Sign in to the record to see it.\n\n"
            f"Subscription: {self.base}/Subscription/{parcel.subscription}\n"
        )
        if parcel.attached and not parcel.plain:
            content = to_xml(parcel.bundle) if parcel.attached == XML else parcel.bundle
            name = f"notification.{_SUFFIXES.get(parcel.attached, 'json')}"
            main, _, sub = parcel.attached.partition("/")
            made.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return made

    def _send(self, mail: EmailMessage, seconds: float) -> None:
        url = urlsplit(self.server)
        try:
            with _connected(url, seconds) as smtp:
                if url.username:
                    smtp.login(unquote(url.username), unquote(url.password or ""))
                smtp.send_message(mail)
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(ERROR_RESPONSE, f"The mail server answered {error.smtp_code}.") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotDelivered(ERROR_RESPONSE, "The mail server refused the address.") from None
        except (smtplib.SMTPException, OSError):
            raise NotDelivered(NO_RESPONSE, "The mail server could not be reached.") from None


def _connected(url: SplitResult, seconds: float) -> smtplib.SMTP:
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    context = ssl.create_default_context()
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
    smtp = smtplib.SMTP(host, port, timeout=seconds)
    if not is_loopback(host):
        # A mail server that cannot keep it secret on the way is sent nothing.
        smtp.starttls(context=context)
    return smtp
