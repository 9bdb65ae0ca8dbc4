"""What people and time do to requests for approval: the rules of `approval`, applied to what the store keeps.

Sends no mail.
"""
