"""Fixed answers of a service, so that a picture of the page shows the same at all times."""

import io

from PIL import Image, ImageDraw

VIEWS = (
    *("unlock", "who", "enroll", "more/Ada", "sensitivity", "people", "audit", "not-me"),
    *("events", "fool", "lab", "settings", "tokens", "doctor", "unlock/Nobody"),
)
"""Every view of the page."""
PEOPLE = [
    {"name": name, "where": "vault", "photos": 5, "created": None, "needs_reenroll": False}
    for name in ("Ada", "Grace")
]
TUNING = {"name": "Ada", "alpha": 0.15, "far": 1e-4}
SENTENCES = [
    "Counted: proven: at most 1 in 4,497 strangers (95 % bound).",
    "Not covered: identical twins.",
]
ATTEMPTS = [
    {"number": 2, "at": "2026-11-24T10:00:00+00:00", "source": "service", "accepted": True}
    | {"reason": "match", "margin": 0.6, "by_alpha": True},
    {"number": 1, "at": "2026-11-24T09:00:00+00:00", "source": "service", "accepted": False}
    | {"reason": "liveness_undecided", "margin": 0.5, "by_alpha": False},
]
SLIDER = TUNING | {
    "own": [0.6, 0.65, 0.7],
    "strangers": [-0.3 + 0.004 * number for number in range(100)],
    "scale": [
        {"alpha": round(-0.4 + 0.01 * number, 3), "far": 10 ** (-1 - number / 20), "miss": 0.01}
        for number in range(131)
    ],
    "presets": [{"name": "nist", "far": 1e-4, "source": "NIST", "alpha": 0.15}],
    "attempts": ATTEMPTS,
}
LOG = [
    {"event": "enroll", "owner": "Ada", "source": "service", "verdict": "done", "reason": ""}
    | {"margin": None, "liveness": "", "detail": "5 photos", "number": 1}
    | {"at": "2026-11-24T08:00:00+00:00"},
    {"event": "attempt", "owner": "Ada", "source": "service", "verdict": "accepted"}
    | {"reason": "match", "margin": 0.6, "liveness": "live", "detail": "", "number": 2}
    | {"at": "2026-11-24T10:00:00+00:00"},
]
SETTINGS = {
    "settings": {"liveness": "passive", "attention": "eyes", "far": 1e-4, "fpir": 1e-3}
    | {"runtime": "auto", "gate_tries": 5.0, "events_days": 90.0, "embedder": "embedder"},
    "next": {"far": 1e-5},
    "fixed": {
        "liveness": "",
        "attention": "",
        "far": "",
        "fpir": "",
        "gate_tries": "",
        "events_days": "",
    }
    | {"runtime": "the environment sets ONLYME_RUNTIME, which wins over the file"},
    "choices": {
        "liveness": ["off", "passive", "challenge"],
        "attention": ["off", "eyes", "gaze"],
        "runtime": ["auto", "opencv", "openvino"],
    },
    "gate": {"daily": 20},
    "vault": "/home/ada/vault",
    "file": "/home/ada/.config/onlyme/config.toml",
}
TOKENS = [{"name": "door", "scope": "verify", "created": None, "expires": None, "rate": 20}]
FINDINGS = [
    {"part": "vault", "state": "ok", "detail": "2 people enrolled", "advice": ""},
    {"part": "camera", "state": "missing", "detail": "none found", "advice": "plug one in"},
]
EVENTS = {
    "events": [
        {"event": "known", "camera": "front", "at": "2026-11-24T10:00:00+00:00", "name": "Ada"}
        | {"names": [], "visit": 2, "seconds": 1.2, "far": 1e-4, "fpir": 1e-3, "margin": 0.6}
        | {"liveness": "live", "score": 0.9, "opened": False, "id": "b"},
        {"event": "unknown", "camera": "front", "at": "2026-11-24T09:00:00+00:00", "name": None}
        | {"names": [], "visit": 1, "seconds": 3.0, "far": None, "fpir": 1e-3, "margin": None}
        | {"liveness": "live", "score": 0.9, "opened": False, "id": "a"},
    ],
    "next": "1764000000000-1",
}
UNKNOWN = {
    "days": 7.0,
    "groups": [
        {"group": 12 * "a", "visits": 2, "cameras": ["back", "front"], "ambiguous": False}
        | {"first": "2026-11-23T09:00:00+00:00", "last": "2026-11-24T09:00:00+00:00"}
        | {
            "seen": [
                {"visit": 32 * digit, "camera": "front", "at": at, "seconds": 3.0}
                for digit, at in (
                    ("1", "2026-11-23T09:00:00+00:00"),
                    ("2", "2026-11-24T09:00:00+00:00"),
                )
            ]
        },
    ],
}
LAB = {
    "state": "trained",
    "way": "compact",
    "alpha": 0.5,
    "threshold": 0.5,
    "rule": "our rule, all stored photos",
    "photos": {"me": 3, "not_me": 4, "triplets": 24},
    "accepted": {"me": 3, "not_me": 0},
    "skipped": ["wall.jpg: shows no face, or several of similar size"],
    "most": 1000,
    "curve": [[5 * n, 0.9 * 0.8**n, 0.9 * 0.83**n] for n in range(1, 16)],
    "map": {
        "me": [[0.7, 0.1], [0.8, -0.1], [0.75, 0.05]],
        "not_me": [[-0.5, 0.6], [-0.4, -0.7], [-0.9, 0.1], [-0.6, 0.0]],
    },
    "reason": "zero loss",
    "steps": 75,
    "seconds": 7.8,
    "bytes": 530_000_000,
    "missing": "",
    "ways": ["classifier", "two-head", "article", "compact"],
    "article_side": 56,
    "runs": ["me of May"],
    "runs_folder": "/home/ada/lab-runs",
}
REPORTS = {
    "folder": "/home/ada",
    "reports": [
        {"path": "lab-compare/report.html", "title": "onlyme lab: the ways compared"}
        | {"changed": "2026-11-24T10:00:00+00:00"}
    ],
}
ANSWERS = {
    "**/v1/people": PEOPLE,
    "**/tune": TUNING,
    "**/promise": {"name": "Ada", "sentences": SENTENCES},
    "**/attempts": SLIDER,
    "**/v1/audit?*": LOG,
    "**/v1/events?*": EVENTS,
    "**/v1/unknown": UNKNOWN,
    "**/service/settings": SETTINGS,
    "**/service/tokens": TOKENS,
    "**/service/doctor": FINDINGS,
    "**/service/lab": LAB,
    "**/service/lab/reports": REPORTS,
}


def draw_head():
    """A head as a child draws it: no person's picture."""
    drawn = Image.new("RGB", (96, 96), (170, 200, 190))
    pen = ImageDraw.Draw(drawn)
    pen.ellipse((20, 12, 76, 84), fill=(240, 210, 180))
    for left in (34, 54):
        pen.ellipse((left, 38, left + 8, 46), fill=(40, 40, 40))
    out = io.BytesIO()
    drawn.save(out, "JPEG")
    return out.getvalue()


def answer_always(page):
    """Answer each request of the page in the same way."""
    head = draw_head()
    page.route(
        "**/v1/unknown/pictures/*",
        lambda route: route.fulfill(body=head, content_type="image/jpeg"),
    )
    for pattern, document in ANSWERS.items():
        page.route(pattern, lambda route, _, document=document: route.fulfill(json=document))
