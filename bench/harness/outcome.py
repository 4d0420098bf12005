"""What came of a scenario."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Shown values by measure, and whether the promise held; None where this server makes no such promise."""

    passed: bool | None
    measures: dict = field(default_factory=dict)

    @property
    def verdict(self):
        return {True: "PASS", False: "FAIL", None: "not supported"}[self.passed]


def percentile(values, percent):
    """The smallest value that at least so many percent do not exceed; infinite without values."""
    ordered = sorted(values)
    if not ordered:
        return float("inf")
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def milliseconds(seconds):
    return "none" if seconds == float("inf") else f"{seconds * 1000:.1f} ms"


def counted(reasons):
    """`2 × 502, 1 × closed without an answer`, or `0`."""
    return ", ".join(f"{count:,} × {reason}" for reason, count in reasons.most_common(4)) or "0"
