"""Who has to agree to a plan before it is carried out, and what people and time do to a request.

Sends no mail.
"""
