"""Definitions that are completed by the built-in templates."""

MOVE = """
name: a
jobs:
  - name: people
    template: {template}
    source: {{connection: corp, container: "OU=People,DC=corp"}}
    destination: {{connection: lab, container: "OU=People,DC=lab", filter: (objectClass=user)}}
    object: user
    missing_at_source: {{move: "OU=Left,DC=lab"}}
    fields: {{employeeID: {{from: employeeID, key: true}}, cn: cn}}
"""
GAL = """
name: gal
template: two_way_gal_sync
jobs:
  - name: left_to_right
    source: {connection: left, container: "DC=left"}
    destination: {connection: right, container: "OU=Left,DC=right"}
    on_failure: abort
    fields: {title: {static: Colleague}, pager: pager}
  - name: right_to_left
    source: {connection: right, container: "DC=right"}
    destination: {connection: left, container: "OU=Right,DC=left"}
"""
HR = """
name: hr
template: hr_feed_to_two_domains
schedule: "@daily"
jobs:
  - name: first_domain
    source: {file: feeds/staff.csv}
    destination: {connection: one, container: "OU=People,DC=one"}
  - name: second_domain
    source: {file: feeds/staff.csv}
    destination: {connection: two, container: "OU=People,DC=two"}
    missing_at_source: disable
"""
MAILBOX = """
name: a
jobs:
  - name: mailboxes
    template: linked_mailbox
    source: {connection: accounts, container: "DC=accounts"}
    destination: {connection: resources, container: "OU=Mailboxes,DC=resources"}
"""
