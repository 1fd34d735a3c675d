"""The quickstart's tasks: real text without a download."""
