"""A mail server for tests: aiosmtpd, on loopback, with the behaviours a test asks of it by the recipient's name.

usage: smtpd.py PORT FOLDER MODE SIZE   MODE: plain, starttls or implicit; SIZE: the octets of a mail that it takes
FOLDER holds cert.pem and key.pem, and then a file for each mail: N.eml, written before the mail is accepted.
Says "listening PORT" when it does, and a line for each thing that it refuses. Ends when its input does.
"""
import asyncio, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult

port, folder, mode, size = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])


def say(*words):
    print(*words, flush=True)


class Handler:
    def __init__(self):
        self.seen = set()

    def refuse(self, answer):
        say("refused", answer)
        return answer

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return self.refuse("550 5.7.1 no such sender here")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        user = address.split("@")[0]
        if user == "gone":
            return self.refuse("550 5.1.1 no such user here")
        if user == "greylisted" and user not in self.seen:
            self.seen.add(user)
            return self.refuse("451 4.7.1 come back later")
        if user == "never":
            return self.refuse("451 4.2.1 the mailbox is being moved")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        user = envelope.rcpt_tos[0].split("@")[0]
        if user == "small" and len(envelope.content) > 10000:
            return self.refuse("552 5.3.4 too much for this user")
        if user == "spam":
            return self.refuse("554 5.7.1 this looks like spam")
        n = len([f for f in os.listdir(folder) if f.endswith(".eml")])
        with open(os.path.join(folder, "part"), "wb") as f:
            who = session.auth_data.login.decode() if session.auth_data else "-"
            f.write(f"X-Login: {who}\r\nX-TLS: {session.ssl is not None or mode == 'implicit'}\r\n".encode())
            f.write(f"X-From: {envelope.mail_from}\r\nX-To: {' '.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content)
        os.rename(os.path.join(folder, "part"), os.path.join(folder, f"{n}.eml"))
        if user == "hangsup":  # taken, and the client never hears of it being asked anything more
            loop.call_soon(server.transport.close)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    if (data.login, data.password) != (b"chorus", b"correct horse"):
        say("refused login")
        return AuthResult(success=False, handled=False)
    return AuthResult(success=True, auth_data=data)


async def main():
    global loop
    loop = asyncio.get_running_loop()
    context = None
    if mode != "plain":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    handler = Handler()

    def factory():
        return SMTP(handler, data_size_limit=size, enable_SMTPUTF8=True, authenticator=authenticate, loop=loop,
                    tls_context=context if mode == "starttls" else None, require_starttls=False,
                    auth_require_tls=mode == "starttls")

    server = await loop.create_server(factory, "127.0.0.1", port, ssl=context if mode == "implicit" else None)
    say("listening", server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
