from crm.tenancy import seats
from crm.tenancy.commands import TenantCommand


class Command(TenantCommand):
    help = "Open a tenant and print the link by which its owner signs in for the first time. The link works once, within a week."

    def add_arguments(self, parser):
        parser.add_argument("slug", help="The first word of its addresses: small letters, digits and hyphens, such as qinghe.")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="The owner's e-mail.")
        parser.add_argument("--name", default="", help="What people call it. Otherwise the slug.")

    def act(self, slug, owner, name, **options):
        seat = seats.open_tenant(slug, owner, name)
        return {"tenant": seat.tenant.slug, "name": seat.tenant.name, "owner": seat.user.email, "link": seats.first_link(seat)}

    def in_words(self, answer):
        return f"{answer['name']} is open. {answer['owner']} signs in here, once, within a week:\n{answer['link']}"
