"""Figures of runs, and the Markdown of their tables.

Only what stands between two marks in the file of results is replaced; what people write around it
stays.
"""

import random
from statistics import median

BEGIN = "<!-- benches/compare begins here and replaces all up to its end -->"
END = "<!-- benches/compare ends here -->"

HEAD = """# Results

How fast Kereru is, beside its peers and the floor that the kernel sets. What is measured and how
stands in benches/README.md. Absolute figures are those of one machine over loopback; only ratios
within one run mean anything.
"""

# A run with more than this part of the CPU time taken by the hypervisor is noise; so is one with
# that much for other processes, which is known less exactly.
STEAL_MAX = 0.01
FOREIGN_MAX = 0.03
LOSS_MAX = 0.001
# How often a median is drawn again.
DRAWS = 2000
QUANTILES = ("p50", "p99", "p99.9", "max")


class Runs:
    """All runs so far."""

    def __init__(self):
        self.all = []

    def add(self, kind, workload, server, number, result):
        """Takes what `load` told of one run."""
        self.all.append({
            "kind": kind, "workload": workload, "server": server, "round": number,
            "stolen": result["steal"] > STEAL_MAX, "shared": result["foreign"] > FOREIGN_MAX,
            "result": result,
        })

    def find(self, kind, workload, server):
        """The runs of one kind, by round: those without steal, unless there are no others."""
        found = [
            run for run in self.all
            if (run["kind"], run["workload"], run["server"]) == (kind, workload, server)
        ]
        calm = [run for run in found if not run["stolen"]]
        return {run["round"]: run["result"] for run in calm or found}

    def values(self, kind, workload, server, field):
        """One figure of all rounds."""
        return [pick(result, field) for result in self.find(kind, workload, server).values()]

    def ratios(self, field, one, other):
        """A figure of one (kind, workload, server) over that of another in the same round."""
        ones, others = self.find(*one), self.find(*other)
        return [
            pick(ones[number], field) / pick(others[number], field)
            for number in ones
            if number in others and pick(others[number], field)
        ]


def pick(result, field):
    """A field of a result, which may lie in a part of it."""
    for part in field.split("/"):
        result = result[part]
    return result


def spread(values, digits=2):
    """Median and range as text."""
    if not values:
        return "–"
    middle = f"{median(values):.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def middle(values, digits=0):
    """Median as text."""
    return f"{median(values):,.{digits}f}" if values else "–"


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def saturation(runs, workload, labels):
    """The table of a closed loop."""
    rows = []
    for server, label in labels.items():
        here = ("full", workload, server)
        if not runs.find(*here):
            continue
        echo = ("full", workload, "echo")
        asked = sum(runs.values(*here, "sent"))
        truncated = sum(runs.values(*here, "truncated"))
        rows.append([
            label,
            middle(runs.values(*here, "qps")),
            spread(runs.ratios("qps", here, echo)),
            middle(runs.values(*here, "cpu_ns_per_query")),
            spread(runs.ratios("cpu_ns_per_query", here, echo)),
            middle(runs.values(*here, "reply_octets")),
            f"{100 * truncated / max(asked, 1):.1f}",
            losses(runs, here),
        ])
    head = ["", "q/s", "of echo", "CPU ns/query", "× echo", "octets", "TC %", "lost %"]
    return table(head, rows)


def latency(runs, workload, labels):
    """The table of an open loop at half of what each server can."""
    rows = []
    for server, label in labels.items():
        here, echo = ("half", workload, server), (f"half of {server}", workload, "echo")
        if not runs.find(*here):
            continue
        rows.append([
            label,
            middle(runs.values(*here, "rate")),
            *(middle(runs.values(*here, f"latency_us/{name}")) for name in QUANTILES),
            middle(runs.values(*echo, "latency_us/p99")),
            spread(runs.ratios("latency_us/p99", here, echo)),
            middle(runs.values(*here, "cpu_ns_per_query")),
            spread(runs.ratios("cpu_ns_per_query", here, echo)),
            losses(runs, here),
        ])
    head = ["", "q/s", *(f"{name} µs" for name in QUANTILES), "echo's p99", "p99 × echo",
            "CPU ns/query", "× echo", "lost %"]
    return table(head, rows)


def losses(runs, which):
    """The part of the queries that got no reply, or were not sent in time, as text."""
    asked = sum(runs.values(*which, "sent"))
    lost = sum(runs.values(*which, "lost")) + sum(runs.values(*which, "overdue"))
    remark = " **too many**" if lost > asked * LOSS_MAX else ""
    return f"{100 * lost / max(asked, 1):.3f}{remark}"


def interval(values):
    """Between which figures the true median lies in 95 of 100 cases, by drawing again from those
    that were measured."""
    rng = random.Random(len(values))
    medians = sorted(median(rng.choices(values, k=len(values))) for _ in range(DRAWS))
    return medians[DRAWS * 25 // 1000], medians[DRAWS * 975 // 1000]


def verdict(name, bound, values, at_most):
    """A row of the table of targets. What the interval leaves open is undecided."""
    sign = "≤" if at_most else "≥"
    if not values:
        return [name, f"{sign} {bound}", "–", "–", "not measured"]
    low, high = interval(values)
    told = f"{low:.2f}–{high:.2f}"
    if low <= bound <= high and low != high:
        return [name, f"{sign} {bound}", spread(values), told, "undecided"]
    good = high <= bound if at_most else low >= bound
    return [name, f"{sign} {bound}", spread(values), told, "met" if good else "**not met**"]


def noise(runs):
    """A line about runs that were disturbed."""
    stolen = sum(run["stolen"] for run in runs.all)
    shared = sum(run["shared"] for run in runs.all)
    return (
        f"Of {len(runs.all)} runs, the hypervisor took more than {STEAL_MAX:.0%} of the CPU time"
        f" from {stolen} (left out where there are others), and other processes more than"
        f" {FOREIGN_MAX:.0%} from {shared}."
    )


def write(path, text):
    """Puts the text between the marks of a file, which is made if it is missing."""
    old = path.read_text() if path.exists() else f"{HEAD}\n{BEGIN}\n{END}\n"
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has lost its marks: {BEGIN} … {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}")
