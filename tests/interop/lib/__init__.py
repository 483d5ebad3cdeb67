"""What the scripts of tests/interop share: where things are, and how a script counts and ends.

Importing this runs the script again under the Python of .venv, which `tests/run tools` makes.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
KERERU = Path(os.environ.get("KERERU_BIN") or ROOT / "target/release/kereru")
LONG = os.environ.get("KERERU_LONG") == "1"
# Kept away from the lab's own directory listing in failure messages.
FAILURES_SHOWN = int(os.environ.get("KERERU_SHOW", 12))

if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
    venv = ROOT / ".venv/bin/python"
    if not venv.exists():
        sys.exit("the Python environment is missing; run: tests/run tools")
    os.execv(venv, [str(venv), *sys.argv])

os.environ["PATH"] += ":/usr/sbin:/sbin"


class Tally:
    """Counts checks, shows the first failures whole, and prints the line that tests/run reads."""

    def __init__(self):
        self.name = Path(sys.argv[0]).name
        self.passed = 0
        self.failed = 0

    def check(self, good, what, detail=""):
        """Counts one check. `what` names the claim; `detail` may be a function, called on failure."""
        if good:
            self.passed += 1
            return True
        self.failed += 1
        if self.failed <= FAILURES_SHOWN:
            shown = detail() if callable(detail) else detail
            print(f"FAILED: {what}" + (f"\n{indent(shown)}" if shown else ""), flush=True)
        elif self.failed == FAILURES_SHOWN + 1:
            print("… further failures are only counted", flush=True)
        return False

    def equal(self, found, expected, what):
        """Counts one check that two values are the same."""
        return self.check(
            found == expected, what, lambda: f"found    {found!r}\nexpected {expected!r}"
        )


def indent(text):
    """The text, moved in under its heading."""
    return "\n".join("    " + line for line in str(text).splitlines())


def enter_namespace():
    """Runs the script again in its own network namespace, with the loopback device up, where there
    can be one; says whether it is in one."""
    if os.environ.get("KERERU_INSIDE") or not shutil.which("ip"):
        return bool(os.environ.get("KERERU_INSIDE"))
    command = ["unshare", "--net", "--map-root-user"]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        return False
    os.environ["KERERU_INSIDE"] = "1"
    script = 'ip link set lo up && exec "$@"'
    os.execvp(command[0], [*command, "sh", "-c", script, "sh", sys.executable, *sys.argv])


def run(main):
    """Runs `main(tally, folder)` in a temporary folder and ends the script with its count."""
    tally = Tally()
    # A run that is ended from outside still ends its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix=f"kereru-{tally.name}-") as folder:
            Path(folder).chmod(0o755)
            main(tally, Path(folder))
    except (Exception, KeyboardInterrupt):
        tally.check(False, "the script runs to its end", traceback.format_exc())
    if tally.passed == 0 and tally.failed == 0:
        tally.check(False, "the script checks something")
    sys.stderr.flush()
    print(f"{tally.name}: {tally.passed} passed, {tally.failed} failed", flush=True)
    sys.exit(1 if tally.failed else 0)
