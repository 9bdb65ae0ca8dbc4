"""LDAP v3 directories, Active Directory among them."""
