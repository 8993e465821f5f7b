from django.db import transaction

from crm.tenancy import seats
from crm.tenancy.commands import TenantCommand, tenant_by
from crm.tenancy.models import Seat
from crm.tenancy.scope import acting_for
from groups import assistants


class Command(TenantCommand):
    help = "Give somebody a seat in a tenant. Who has no password yet gets a link that works once; print it and send it to them."

    def add_arguments(self, parser):
        parser.add_argument("slug", help="The tenant.")
        parser.add_argument("email", help="Whose seat it is.")
        parser.add_argument("--role", required=True, choices=Seat.Role.values)
        parser.add_argument("--name", default="", help="What the others call them.")
        parser.add_argument("--groups", default="", metavar="1,2,…", help="Whose work they do: numbers or names of groups.")

    @transaction.atomic
    def act(self, slug, email, role, name, groups, **options):
        tenant = tenant_by(slug)
        seat = seats.add(tenant, email, role, name=name[:60])
        with acting_for(tenant.pk):
            found = assistants.find(groups.replace("，", ",").split(","))
            assistants.assign(found, seat)
        link = None if seat.user.has_usable_password() else seats.first_link(seat)
        names = [group.name for group in found]
        return {"tenant": slug, "seat": str(seat.pk), "email": seat.user.email, "role": role, "groups": names, "link": link}

    def in_words(self, answer):
        said = f"{answer['email']} is {answer['role']} in {answer['tenant']}"
        said += f" and works for {', '.join(answer['groups'])}." if answer["groups"] else "."
        if not answer["link"]:
            return f"{said} They sign in with the password they have."
        return f"{said} They sign in here, once, within a week:\n{answer['link']}"
