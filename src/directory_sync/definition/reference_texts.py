"""Parts of the definition reference that no model says: how files are read, and what values become."""

from __future__ import annotations

FILES = """### Reading files

- **CSV.** The first line names the columns. Excel's line `sep=;` before it is read, and so is `="00123"`,
  which means the text 00123. A line of blanks is no record. A row with more or fewer cells than the
  header is an error of that row.
- **LDIF.** Content records (RFC 2849), and change records with `changetype: add`; a file with other
  changes is refused. An entry is its DN: it has the values of its RDN, whether it repeats them or not. To
  an LDIF destination map `dn`; it alone decides about the name.
- **Blanks.** A cell or value of blanks only (spaces, tabs, no-break spaces and the like) is absent.
  Blanks around a key, or around a value that names an object, are no part of it (RFC 4518); elsewhere
  they stay.
- **Cut off.** A file that ends without a line break may have been cut off: its last record is not used
  and counts as an error, and nothing is deleted, disabled or moved in that run. A CSV file whose last
  cell is quoted to its end is whole. `complete: true` says that all such files are. A destination that
  ends like that is not read at all; what a run writes always ends with a line break.
- **`filter`** chooses records of a source. Texts are compared without regard to case. In a CSV file the
  names are those of columns and may hold spaces and underscores, as in `(First name=Amy)`; a name that is
  no column is an error. In LDIF, DNs are compared as DNs, and the classes above `inetOrgPerson`, `user`
  and their like are known. Records that cannot be read are never filtered out.

```yaml
source: {file: exports/people.ldif, filter: "(&(objectClass=inetOrgPerson)(!(employeeType=guest)))"}
```
"""

VALUES = """### Values

An absent source value removes the destination's value; `keep_if_empty: true` leaves it alone. Values are
sets: neither order nor repetition counts.

**`delimiter`** joins several values into one where the destination holds one, and splits a value where
the source holds one. A value that holds the delimiter it would be joined with is an error of that record.
Joined values are compared as sets, so `a;b` and `b;a` are the same.

**`exact`.** Values are compared by the destination's rules. To a directory `MCDONALD` and `McDonald` are
the same name, so a corrected capitalisation never arrives by itself. `exact: true` writes the source's
spelling: for plain attributes, DNs, keys, and the naming attribute, where the object is renamed in place.
Files are compared to the letter anyway, but for attributes of LDIF that name other entries (`member`,
`manager` and their like), which are compared as names. Active Directory spells references itself, so there `exact`
changes nothing for them.

**Templates.** The variables are the source's field names, in any case. A name that is no single word is
written as in `{{ record["First name"] }}` or `{{ record["E-Mail"] }}`. One value is a text, several are a
list, an absent one is the empty text. `validate` accepts exactly the templates that a run accepts.

**`match`** of `resolve` and `members` may be a list: a member is looked up by the first field, and by the
next only if there is no counterpart under it. A member that is found under none of them keeps everyone in
the group.

```yaml
member: {members: member, match: [uid, cn]}
```
"""  # noqa: E501
