"""A mail server for tests, by aiosmtpd: says its port, then each mail it takes, a line of JSON each.

smtpd.py MODE CERTIFICATE KEY, where MODE is plain, starttls or implicit. It knows the user roundsman with
the password hunter2, refuses mail to refused@…, and wants mail to later@… to be sent later.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode(),
            "hello": session.host_name,
            "encrypted": session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None,
            "signed_in": bool(session.authenticated),
        }
        print(json.dumps(mail), flush=True)
        return "250 2.0.0 kept as 4711"


def authenticate(server, session, envelope, mechanism, data):
    is_good = (data.login, data.password) == (b"roundsman", b"hunter2")
    return AuthResult(success=is_good, handled=is_good)


async def main(mode, certificate, key):
    context = None
    if mode != "plain":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)

    def serve():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if mode == "starttls" else None,
            authenticator=authenticate,
            auth_require_tls=mode == "starttls",
        )

    loop = asyncio.get_running_loop()
    at_once = context if mode == "implicit" else None
    server = await loop.create_server(serve, host="127.0.0.1", port=0, ssl=at_once)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
