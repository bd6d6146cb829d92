"""ministack on a free loopback port, ended with its standard input. Prints the port when it answers.

usage: build/venv-ministack/bin/python spec/support/ministack_server.py [--no-auth]
"""
import os
import socket
import sys
import threading
import time

PORT_TRIES, PAUSE = 400, 0.025


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def end_with_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def tell_when_ready(port, out):
    for _ in range(PORT_TRIES):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                os.write(out, f"{port}\n".encode())
                return
        time.sleep(PAUSE)
    os._exit(1)


def main():
    port, out = free_port(), os.dup(1)
    os.dup2(2, 1)                                   # what it says itself is no answer of ours
    os.environ.update(BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port), IOT_MTLS_ENABLED="0", SFTP_ENABLED="0",
                      LOG_LEVEL="ERROR", AUTH="false" if "--no-auth" in sys.argv else "true")
    sys.argv[1:] = []
    from ministack.app import main as serve
    threading.Thread(target=end_with_stdin, daemon=True).start()
    threading.Thread(target=tell_when_ready, args=(port, out), daemon=True).start()
    serve()


if __name__ == "__main__":
    main()
