"""The rehearsal: the packed app starts here first, guarded, before anything is uploaded.

Bundle + Settings ─▶ place ─▶ a guarded process ─▶ its report ─▶ Outcome ─▶ Explanation
"""
