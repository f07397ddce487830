"""What was given up: the events and tasks in a stage's failed queue, and what may be done with them.

    queue ──receive──▶ message ──read──▶ Failure ──show | send again where it came from | drop

Rules:
- A look takes nothing away: what was received is given back. After a run that is killed SQS gives it back,
  a minute later.
- What is sent again is deleted only after AWS has taken it. So a run that is killed in between sends it
  twice, and never loses it. Every event may come twice in any case.
- A message is data of others. It is sent only to an alias or a queue of the stage, or to the queue that SQS
  itself says it came from.
"""
