"""What the domain does inside every write, put together."""

from collections.abc import Iterable

from server.access.agency import Agency
from server.child import alike, disputed, identity, involvement, lead, sharing, statutory
from server.child.attendance import mark
from server.child.codeday import code_day
from server.child.involvement import Involvement
from server.child.kind import Kinds, kinds, profiles
from server.child.sharing import Sharing
from server.record.hook import Hooks
from server.search.hash import Hasher
from server.search.registry import Registry


def hooks(agencies: Iterable[Agency], registry: Registry, hasher: Hasher, base_url: str) -> Hooks:
    """The hooks of a record shared by these agencies."""
    known = Involvement({agency.organization: agency.number for agency in agencies}, base_url)
    return Hooks(
        prepare=(identity.checked, sharing.checked),
        identity=identity.claims,
        superseded=identity.superseded,
        superseding=identity.SUPERSEDING,
        likeness=alike.likeness(),
        within=lambda resource: mark.claims(resource, base_url),
        counted=lambda resource: mark.counted(resource, base_url),
        counted_by=mark.COUNTED_BY,
        sightings=known.sightings,
        restriction=involvement.restriction,
        sealed=involvement.sealed,
        decisions=Sharing(hasher, base_url).decisions,
        kind=Kinds(registry, hasher, base_url).kind,
        profiles=profiles,
        kinds=kinds(),
        day=code_day,
        statutes=statutory.hook(),
        leads=lead.organizations,
        kept=disputed.kept,
    )
