"""Groups of people and of groups: members are known by `uid` or by `cn`, on a real directory."""

from __future__ import annotations

from collections.abc import Callable

from directory_sync.endpoints.change import Result
from directory_sync.plan.model import Plan
from tests.scenarios.directories import administrator, destination, slapd_connection, source, tree
from tests.scenarios.planning import actions, one_job, plan_of
from tests.scenarios.slapd import Slapd

CORP, LAB = "dc=corp,dc=example", "dc=lab,dc=example"


def person(uid: str, suffix: str) -> str:
    return (
        f"dn: uid={uid},ou=people,{suffix}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: {uid}\n\n"
    )


def group(cn: str, suffix: str, *members: str) -> str:
    lines = "".join(f"member: {member},{suffix}\n" for member in members)
    return f"dn: cn={cn},ou=groups,{suffix}\nobjectClass: groupOfNames\ncn: {cn}\n{lines}\n"


def test_nested_groups_arrive_and_people_leave(new_slapd: Callable[..., Slapd]) -> None:
    """Groups that the same plan creates are found, also in a circle; who is no member any more goes; then
    nothing is left.
    """
    ou = "ou=people", "ou=groups"
    people = "".join(person(uid, "{0}") for uid in ("a", "b"))
    corp_groups = (
        group("outer", CORP, f"uid=a,{ou[0]}", f"cn=inner,{ou[1]}", f"cn=new,{ou[1]}")
        + group("inner", CORP, f"uid=b,{ou[0]}")
        + group("new", CORP, f"cn=newer,{ou[1]}")
        + group("newer", CORP, f"cn=new,{ou[1]}", f"uid=a,{ou[0]}")
    )
    lab_groups = group("outer", LAB, f"uid=a,{ou[0]}", f"uid=b,{ou[0]}") + group(
        "inner", LAB, f"uid=b,{ou[0]}"
    )
    corp = new_slapd(CORP, ldif=tree(CORP, "people", "groups") + people.format(CORP) + corp_groups)
    lab = new_slapd(LAB, ldif=tree(LAB, "people", "groups") + people.format(LAB) + lab_groups)
    fields = {"cn": {"from": "cn", "key": True}, "member": {"members": "member", "match": ["uid", "cn"]}}
    where = {"container": f"ou=groups,{LAB}", "filter": "(objectClass=groupOfNames)"}
    definition = one_job(fields, object="group", destination={"connection": "lab", **where})
    target = destination(slapd_connection(lab), **where)

    def planned() -> Plan:
        read = source(slapd_connection(corp), f"ou=groups,{CORP}", filter="(objectClass=groupOfNames)")
        return plan_of(definition, read, target)

    plan = planned()
    assert plan.problems == plan.warnings == ()
    assert sorted(actions(plan)) == [("create", "new"), ("create", "newer"), ("update", "outer")]
    outcomes = list(target.write(enumerate(plan.changes), before_send=lambda: None))
    assert {outcome.result for outcome in outcomes} == {Result.DONE}, outcomes
    assert actions(planned()) == []
    ((_, outer),) = administrator(lab).search_s(f"cn=outer,ou=groups,{LAB}", 0, attrlist=["member"])
    assert {value.decode().removesuffix(f",{LAB}") for value in outer["member"]} == {
        "uid=a,ou=people",
        "cn=inner,ou=groups",
        "cn=new,ou=groups",
    }
