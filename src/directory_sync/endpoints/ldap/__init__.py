"""Directories: Active Directory and other LDAP v3 servers, as sources and as destinations."""
