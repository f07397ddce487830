"""The forms of the values of [database], as patterns, and the words for what they take."""

FORMS = {
    "database.user": (r"[A-Za-z0-9_.@+=-]{1,63}", 'the name of a database user, such as "app"'),
    "database.resource": (r"(cluster|db|prx)-[A-Za-z0-9]+", 'an id, such as "cluster-ABC123"'),
}
