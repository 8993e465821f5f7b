from crm.tenancy.commands import TenantCommand, tenant_by
from crm.tenancy.scope import acting_for
from members import resemblance, twins


class Command(TenantCommand):
    help = (
        "Look through all members of a tenant for the same person twice: who is certainly one is merged, who may be one waits in the"
        " queue of the page. Once more changes nothing; what was decided stays decided."
    )

    def add_arguments(self, parser):
        parser.add_argument("--tenant", required=True, metavar="SLUG")

    def act(self, tenant, **options):
        with acting_for(tenant_by(tenant).pk):
            done = twins.write(resemblance.compare(resemblance.read()))
            return done | {"waiting": twins.waiting().count()}
