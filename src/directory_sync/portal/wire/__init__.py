"""What the REST API answers and takes, as pydantic models.

The server makes its answers and their OpenAPI description of them, and the command line reads answers with
them: this needs neither FastAPI nor a database.
"""
