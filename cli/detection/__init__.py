"""Finding the web app of a project by reading its code; see detect.py, the door of this room."""
