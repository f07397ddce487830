"""What stands in front of an endpoint and speaks to the app: each imported only where there is one."""
