"""lambdify dashboard: what a stage did in the last hours, on one page.

log ──reading──▶ lines ──▶ invocations, failures ──▶ numbers ──▶ page, --json
                 └────────────── pure ──────────────┘
"""
