"""New projects, small and whole, with tests: copies of what lies in `templates/`.

A file of a template is called NAME.template, so that nobody takes it for code of ours; "dot-" begins those
that begin with a dot. <<name>> in it becomes the project's name. May import settings only.
"""
