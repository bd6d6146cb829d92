# terminal.py -- runs a program on a terminal of its own: waits for what it shows, types, and reports all that was shown.
# usage: terminal.py COMMAND ... < steps, a JSON list of [text to wait for, text to type]; at the end it waits for the exit.
# A third member of a step is a command for the shell, run after the text was shown and before anything is typed.
# A step that types null closes the terminal instead, as a window that is shut or a line that drops.
# Prints JSON: {"output": ..., "code": ..., "missing": the text that never came, or absent}.
import fcntl, json, os, pty, select, signal, struct, subprocess, sys, termios, time

LIMIT = 60  # seconds for each step


def main():
    steps = json.load(sys.stdin)
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))   # before the program can ask for it
        os.execvp(sys.argv[1], sys.argv[1:])
    shown, at, result = b"", 0, {}

    def more(until):
        nonlocal shown
        ready, _, _ = select.select([fd], [], [], max(0, until - time.monotonic()))
        if not ready:
            return False
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            return False
        shown += chunk
        return bool(chunk)

    for wait, keys, *meanwhile in steps:
        until = time.monotonic() + LIMIT
        wait = wait.encode()
        while wait not in shown[at:] and more(until):
            pass
        if wait not in shown[at:]:
            result["missing"] = wait.decode()
            break
        at = shown.index(wait, at) + len(wait)
        for command in meanwhile:
            subprocess.run(command, shell=True, check=True)
        if keys is None:
            os.close(fd)
            fd = None
            break
        os.write(fd, keys.encode())
    until = time.monotonic() + LIMIT
    while fd is not None and more(until):
        pass
    done, status = os.waitpid(pid, os.WNOHANG)
    for _ in range(3000):
        if done:
            break
        time.sleep(0.02)
        done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        result.setdefault("missing", "its end")
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    result["code"] = os.waitstatus_to_exitcode(status)
    result["output"] = shown.decode("utf-8", "replace")
    print(json.dumps(result))


main()
