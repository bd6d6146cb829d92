"""The sandbox's AWS: moto on loopback with this project's extension.

usage: server.py [--port N] [--no-auth] [--slow SECONDS] [--follow PID]

Prints its port on a line of its own when it is ready, and ends when whoever
started it does (--follow, or the end of standard input with --stdin).
"""
import argparse
import ctypes
import logging
import os
import pathlib
import signal
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
PR_SET_PDEATHSIG = 1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-auth", action="store_true", help="don't check signatures")
    parser.add_argument("--slow", type=float, default=0.0,
                        help="seconds that slow resources take to become available")
    parser.add_argument("--follow", type=int, help="end when this process, the parent, ends")
    parser.add_argument("--check", action="store_true", help="load the whole extension, and end")
    parser.add_argument("--stdin", action="store_true", help="end when standard input does")
    return parser.parse_args()


def die_with(parent):
    """The kernel ends us when the parent ends, even by SIGKILL; it may have ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def watch_stdin():
    while os.read(0, 4096):
        pass
    os._exit(0)


def check():
    """Loads the whole extension: a name that no model has raises here."""
    import call
    call.load_all()
    services = sorted({service for service, _ in call.OPERATIONS})
    for service in services:
        call.load(service)                    # each is found under its own name too
    print(len(call.OPERATIONS), "operations of", len(services), "services")


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if args.follow:
        die_with(args.follow)
    if args.stdin:
        threading.Thread(target=watch_stdin, daemon=True).start()
    os.environ.setdefault("MOTO_ALLOW_NONEXISTENT_REGION", "true")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    sys.path.insert(0, str(HERE))
    import gate
    import slow
    import wire
    slow.SECONDS = args.slow
    if args.check:
        return check()
    server = wire.Server(gate.Gate(auth=not args.no_auth), port=args.port)
    print(server.address[1], flush=True)
    server.run()


if __name__ == "__main__":
    main()
